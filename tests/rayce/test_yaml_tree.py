"""YAML as people mean it; whatever they write, it is a struct or a refusal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from rayce.errors import InvalidDocument, InvalidRules
from rayce.yaml_tree import MAX_NODES, MAX_TEXT, MAX_WORD, TextKeys, read_yaml


class Page(Struct, forbid_unknown_fields=True):
    """A struct for tests."""

    words: list[str] = []
    number: int = 0


@pytest.mark.parametrize(
    "written, meant",
    [
        ("NO", "NO"),
        ("on", "on"),
        ("9:30", "9:30"),
        ("2026-12-01", "2026-12-01"),
        ("0012", "0012"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("<<", "<<"),
    ],
)
def test_words_are_read_as_people_mean_them(written: str, meant: object) -> None:
    assert read_yaml(f"a: {written}", dict[str, Any]) == {"a": meant}


@pytest.mark.parametrize(
    "text, key, value",
    [
        ("words: [1]", "words[0]", 1),
        ("wrods: []", "wrods", []),
        ("number: x", "number", "x"),
        ("5", "", 5),
    ],
)
def test_what_does_not_fit_is_named_by_key_and_value(text: str, key: str, value: object) -> None:
    with pytest.raises(InvalidRules) as caught:
        read_yaml(text, Page, InvalidRules)
    assert (caught.value.key, caught.value.value) == (key, value)


def test_a_key_that_stands_twice_is_refused_and_the_same_key_in_two_maps_is_not() -> None:
    with pytest.raises(InvalidDocument, match="`number` stands twice"):
        read_yaml("number: 1\nnumber: 2", Page)
    assert read_yaml("{a: {n: 1}, b: {n: 2}}", dict[str, Any]) == {"a": {"n": 1}, "b": {"n": 2}}


def test_keys_are_texts_as_they_are_written_where_that_is_wanted() -> None:
    text = "true: true\nNo: 1\n0012: 2\n1: 3\n1.50: 4"
    kind = dict[str, Any]
    assert read_yaml(text, kind, loader=TextKeys) == {"true": True, "No": 1, "0012": 2, "1": 3, "1.50": 4}
    with pytest.raises(InvalidDocument):
        read_yaml(text, kind)
    with pytest.raises(InvalidDocument, match="the key `true` stands twice"):
        read_yaml('true: 1\n"true": 2', kind, loader=TextKeys)


def test_anchors_work_and_what_unfolds_without_end_is_refused_before_it_is_unfolded() -> None:
    assert read_yaml("{number: 1, words: [&a x, *a]}", Page).words == ["x", "x"]
    bomb = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for text in ("\n".join(bomb), "a: &a [*a]", "a: &a {b: *a}"):
        with pytest.raises(InvalidDocument, match=f"more than {MAX_NODES}"):
            read_yaml(text, dict[str, Any])


def test_merge_keys_that_unfold_without_end_are_no_merge_keys() -> None:
    bomb = ["a0: &a0 {x: 1}"]
    for n in range(1, 12):
        bomb.append(f"a{n}: &a{n}\n  !!merge <<: [{', '.join([f'*a{n - 1}'] * 10)}]")
    with pytest.raises(InvalidDocument):
        read_yaml("\n".join(bomb), Page)


def test_texts_and_numbers_made_to_hurt_are_refused_at_once() -> None:
    for text in ("x" * (MAX_TEXT + 1), "number: " + "9" * (MAX_WORD + 1), "number: !!int " + "1:" * MAX_WORD + "1"):
        with pytest.raises(InvalidDocument, match="characters"):
            read_yaml(text, Page)
    with pytest.raises(InvalidDocument):
        read_yaml("[" * 5000, Page)


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object:os.system x",
        "!!python/name:os.system",
        "!!int ''",
        "!!float ''",
        "!!bool maybe",
        "!!timestamp x",
    ],
)
def test_no_tag_makes_anything_but_plain_values(tagged: str) -> None:
    with pytest.raises(InvalidDocument):
        read_yaml(f"number: {tagged}", Page)


TOKENS = "words number a : - { } [ ] , & * ! | > ? # ' \" ~ 1 1e9 .nan &a *a << !!set !!omap !!binary"
pieces = st.sampled_from(
    [
        *TOKENS.split(),
        "\n  ",
        "\n- ",
        ": ",
        "\x00",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=200) | st.lists(pieces, max_size=60).map(" ".join))
def test_any_text_is_a_struct_or_a_refusal(text: str) -> None:
    try:
        assert isinstance(read_yaml(text, Page), Page)
    except InvalidDocument as refused:
        assert str(refused)
