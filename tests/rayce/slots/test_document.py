"""The slots document: what holds together is read, what does not is refused with key and value, and nothing else is raised."""

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.errors import InvalidDocument
from rayce.slots.book import parse_slots
from rayce.slots.document import SlotsFile
from tests.rayce.slots.pages import CATALOGUE, HOME


def changed(*path: str | int, value: object) -> str:
    """The document of the tests with another value at a path."""
    tree = yaml.safe_load(HOME)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return yaml.safe_dump(tree)


def refused(text: str) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        parse_slots(text)
    return caught.value


def test_a_good_one_is_read() -> None:
    book = parse_slots(HOME)
    assert [slot.name for slot in book.slots] == ["hero", "footer"]
    book.check_segments(CATALOGUE)


def test_the_policy_names_what_it_says_and_not_how_it_is_written() -> None:
    book = parse_slots(HOME)
    assert book.policy.startswith("slots:3-")
    assert parse_slots(HOME + "\n# a word\n").policy == book.policy
    assert parse_slots(changed("slots", 0, "fallback", value="sale")).policy != book.policy


HERO = ("slots", 0)
LIES: list[tuple[tuple[str | int, ...], object, str]] = [
    ((*HERO, "fallback"), "nothing", "slots[0].fallback"),
    ((*HERO, "name"), "footer", "slots[1].name"),
    ((*HERO, "name"), "a b", "slots[0].name"),
    ((*HERO, "name"), "hero\n", "slots[0].name"),
    ((*HERO, "surprise"), 1, "slots[0].surprise"),
    ((*HERO, "variants"), [], "slots[0].variants"),
    ((*HERO, "variants", 1, "name"), "plain", "slots[0].variants[1].name"),
    ((*HERO, "variants", 1, "payload"), {"x": ["w" * 1_500] * 3}, "slots[0].variants[1].payload"),
    ((*HERO, "variants", 1, "payload"), {"a": [1, float("nan")]}, "slots[0].variants[1].payload.a[1]"),
    ((*HERO, "variants", 1, "payload"), 2**60, "slots[0].variants[1].payload"),
    ((*HERO, "rules", 0, "show"), "nothing", "slots[0].rules[0].show"),
    ((*HERO, "rules", 0, "experiment"), "hero_test", "slots[0].rules[0]"),
    ((*HERO, "rules", 2, "experiment"), "other", "slots[0].rules[2].experiment"),
    ((*HERO, "rules", 0, "show"), None, "slots[0].rules[0]"),
    ((*HERO, "rules", 1, "name"), "vips", "slots[0].rules[1].name"),
    ((*HERO, "rules", 0, "audience"), {"until": "soon"}, "slots[0].rules[0].audience.until"),
    (
        (*HERO, "rules", 0, "audience"),
        {"context": {"device": ["watch"]}},
        "slots[0].rules[0].audience.context.device[0]",
    ),
    ((*HERO, "experiments", 0, "holdout"), 1.5, "slots[0].experiments[0].holdout"),
    ((*HERO, "experiments", 0, "salt"), "é", "slots[0].experiments[0].salt"),
    ((*HERO, "experiments", 0, "salt"), "front", "slots[0].experiments[0].salt"),
    ((*HERO, "experiments", 0, "arms"), [], "slots[0].experiments[0].arms"),
    ((*HERO, "experiments", 0, "arms", 0, "weight"), -1, "slots[0].experiments[0].arms[0].weight"),
    ((*HERO, "experiments", 0, "arms", 0, "variant"), "x", "slots[0].experiments[0].arms[0].variant"),
    ((*HERO, "experiments", 0, "arms", 0, "name"), "holdout", "slots[0].experiments[0].arms[0].name"),
    ((*HERO, "experiments", 0, "arms", 0, "name"), "sale", "slots[0].experiments[0].arms[1].name"),
    ((*HERO, "experiments", 0, "arms"), [{"variant": "plain", "weight": 0}], "slots[0].experiments[0].arms"),
    ((*HERO, "experiments", 0, "layer"), {"name": "x", "start": 0, "end": 1}, "slots[0].experiments[0].layer.name"),
    ((*HERO, "experiments", 0, "layer"), {"name": "front", "start": 1, "end": 0}, "slots[0].experiments[0].layer"),
    (("version",), "three", "version"),
    (("layers",), [{"name": "front"}, {"name": "front"}], "layers[1].name"),
]


@pytest.mark.parametrize(("path", "value", "key"), LIES)
def test_what_does_not_hold_together_is_refused_by_its_key(
    path: tuple[str | int, ...], value: object, key: str
) -> None:
    error = refused(changed(*path, value=value))
    assert error.key == key
    assert key in str(error)


def test_experiments_of_a_layer_may_stand_side_by_side_but_not_overlap() -> None:
    one = {"name": "a", "arms": [{"variant": "plain"}], "layer": {"name": "front", "start": 0.0, "end": 0.5}}
    two = {**one, "name": "b", "layer": {"name": "front", "start": 0.5, "end": 1.0}}
    footer = {"name": "footer", "fallback": "plain", "variants": [{"name": "plain"}]}
    tree = yaml.safe_load(HOME)
    tree["slots"][1] = {**footer, "experiments": [one, two]}
    parse_slots(yaml.safe_dump(tree))
    two["layer"] = {"name": "front", "start": 0.49, "end": 1.0}
    two["enabled"] = False
    error = refused(yaml.safe_dump(tree))
    assert (error.key, error.value) == ("slots[1].experiments[1].layer", [0.49, 1.0])


def test_a_segment_that_is_not_there_is_told_when_asked() -> None:
    book = parse_slots(changed(*HERO, "rules", 0, "audience", value={"segments": {"any": ["vop"]}}))
    with pytest.raises(InvalidDocument) as caught:
        book.check_segments(CATALOGUE)
    assert (caught.value.key, caught.value.value) == ("slots[0].rules[0].audience.segments.any[0]", "vop")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "version: 1\nslots: [",
        "version: !!python/object/apply:os.system ['true']\nslots: []",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nversion: 1\nslots: [*c]",
        "version: 1\nslots: &s [*s]",
        "version: !!int ''\nslots: []",
        HOME.replace("Welcome", '"\\ud800"'),
        HOME.replace("Welcome", "!!timestamp 2026-01-01"),
        HOME.replace("Welcome", "!!binary aGk="),
        HOME.replace("title: Welcome", "!!int 7: Welcome"),
        HOME.replace("{title: Welcome}", "[" * 40 + "]" * 40),
    ],
)
def test_what_was_made_to_hurt_is_refused(text: str) -> None:
    refused(text)


words = st.sampled_from(
    ["version", "slots", "name", "hero", "plain", "rules", "experiments", "arms", "variants", "payload"]
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=5) | st.dates(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(words, below, max_size=5),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.text(max_size=80) | trees.map(lambda tree: yaml.dump(tree, allow_unicode=True)))
def test_whatever_the_text_it_is_a_book_or_refused(text: str) -> None:
    try:
        parse_slots(text)
    except InvalidDocument as error:
        assert str(error)


@settings(max_examples=300)
@given(st.data())
def test_a_good_one_with_anything_anywhere_is_a_book_or_refused(data: st.DataObject) -> None:
    """Near misses: they get past the shape and into the checks."""
    tree = yaml.safe_load(HOME)
    node, key = tree, data.draw(st.sampled_from(sorted(tree)))
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
    node[key] = data.draw(trees)
    try:
        book = parse_slots(yaml.dump(tree, allow_unicode=True))
    except InvalidDocument as error:
        assert str(error)
    else:
        book.bound(CATALOGUE)


def test_a_document_without_slots_is_one() -> None:
    assert parse_slots("{version: 1, slots: []}").slots == ()
    assert msgspec.json.schema(SlotsFile)
