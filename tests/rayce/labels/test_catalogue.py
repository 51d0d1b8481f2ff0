from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.decay import DAY_MS
from rayce.errors import InvalidCatalogue
from rayce.labels.catalogue import load_labels, parse_labels
from rayce.labels.label import Label
from rayce.segments.catalogue import load_catalogue

GOOD = "version: 1\nlabels:\n  - {name: looks_again, event: [view, click], within_days: 0.5, where: {name: x}, absent: true}\n"


def test_a_label_is_read_with_all_that_it_says() -> None:
    assert parse_labels(GOOD) == {"looks_again": Label(("view", "click"), 0.5, {"name": "x"}, True)}
    assert parse_labels(GOOD)["looks_again"].within_ms == DAY_MS // 2


@pytest.mark.parametrize(
    ("was", "becomes", "key", "value"),
    [
        ("[view, click]", "teleport", "labels[0].event", "teleport"),
        ("[view, click]", "[view, erased]", "labels[0].event", "erased"),
        ("[view, click]", "[]", "labels[0].event", []),
        ("0.5", "0", "labels[0].within_days", 0),
        ("0.5", "400", "labels[0].within_days", 400),
        ("0.5", "soon", "labels[0].within_days", "soon"),
        ("absent", "vanished", "labels[0].vanished", True),
        ("{name: x}", "{name: [1]}", "labels[0].where[...]", None),
        ("version: 1", "version: 2", "version", 2),
        ("looks_again", "Looks Again", "labels[0].name", "Looks Again"),
        ("\n  - ", "\n  - {name: looks_again, event: any, within_days: 1}\n  - ", "labels[1].name", "looks_again"),
        (GOOD, "version: 1\nlabels: []", "labels", []),
    ],
)
def test_what_is_wrong_is_named_by_key_and_value(was: str, becomes: str, key: str | None, value: object) -> None:
    with pytest.raises(InvalidCatalogue) as caught:
        parse_labels(GOOD.replace(was, becomes))
    if key is not None:
        assert caught.value.key == key and key in str(caught.value)
    if value is not None:
        assert caught.value.value == value


@given(
    st.text(max_size=200)
    | st.sampled_from(["", "[]", "labels: {}", "version: 1\nlabels: {}", "&a [*a]", "a: !!int ''"])
)
def test_nothing_else_is_ever_raised(text: str) -> None:
    with suppress(InvalidCatalogue):
        parse_labels(text)


def test_the_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match="nowhere.yaml"):
        load_labels(tmp_path / "nowhere.yaml")
    (tmp_path / "l.yaml").write_text("version: 1\n")
    with pytest.raises(InvalidCatalogue, match=r"l\.yaml: .*labels"):
        load_labels(tmp_path / "l.yaml")


def test_what_comes_with_rayce_holds_what_its_segments_need() -> None:
    assert load_labels()["buys_within_7_days"] == Label("purchase", 7.0, description="Another basket within a week.")
    assert set(load_catalogue().models) <= load_labels().keys()
