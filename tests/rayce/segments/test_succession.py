"""Succession: a bit never comes to mean something else, not even by way of a rollback; nothing is lost silently."""

import pytest

from rayce.errors import InvalidCatalogue
from rayce.segments.catalogue import Catalogue, parse_catalogue
from rayce.segments.succession import Lineage, check_succession


def catalogue(*segments: str, retired: str = "") -> Catalogue:
    """Segments as `name:bit`, short-lived ones as `name:bit:ttl`."""
    rows = []
    for name, bit, *ttl in (segment.split(":") for segment in segments):
        rows.append(f"  - {{name: {name}, bit: {bit}, kind: batch{''.join(f', ttl_s: {t}' for t in ttl)}}}")
    return parse_catalogue("\n".join(["version: 1", f"retired_bits: [{retired}]", "segments:", *rows]))


LIVE = catalogue("a:0", "b:1", "c:2:60", retired="9")
LINEAGE = Lineage({8: "old", 9: "gone", 7: "tried"}, (8, 9)).extended(LIVE)


@pytest.mark.parametrize(
    "new",
    [
        catalogue("a:0", "b:1", "c:2:60", retired="9"),
        catalogue("a:0", "b:1", "c:2:900", "d:3", retired="9"),
        catalogue("a:0", "c:2:60", retired="1, 9"),
        catalogue("a:0", "b:4", "c:2:60", retired="1, 9"),
        catalogue("a:0", "b:1", "c:2:60", "tried:7", retired="9"),
    ],
)
def test_what_keeps_every_bit_may_follow(new: Catalogue) -> None:
    check_succession(LIVE, LINEAGE, new)


@pytest.mark.parametrize(
    ("new", "names"),
    [
        (catalogue("a:0", "x:1", "c:2:60", retired="9"), ["`b`", "`x`"]),
        (catalogue("b:0", "a:1", "c:2:60", retired="9"), ["`a`", "`b`"]),
        (catalogue("a:0", "c:2:60", retired="9"), ["`b`", "bit 1"]),
        (catalogue("a:0", "b:4", "c:2:60", retired="9"), ["`b`", "bit 1"]),
        (catalogue("a:0", "b:1", "c:2:60", "x:9"), ["`gone`", "`x`"]),
        (catalogue("a:0", "b:1", "c:2:60", "gone:9"), ["retired", "`gone`"]),
        (catalogue("a:0", "b:1", "c:2:60", "x:8", retired="9"), ["`old`", "`x`"]),
        (catalogue("a:0", "b:1", "c:2:60", "old:8", retired="9"), ["retired", "`old`"]),
        (catalogue("a:0", "b:1", "c:2:60", "x:7", retired="9"), ["`tried`", "`x`"]),
        (catalogue("a:0", "b:1", "c:2:60"), ["bit 9", "`gone`"]),
        (catalogue("a:0", "b:1:60", "c:2:60", retired="9"), ["`b`", "permanent"]),
        (catalogue("a:0", "b:1", "c:2", retired="9"), ["`c`", "short-lived"]),
    ],
)
def test_what_gives_a_bit_another_meaning_or_loses_it_is_refused_by_name(new: Catalogue, names: list[str]) -> None:
    with pytest.raises(InvalidCatalogue) as caught:
        check_succession(LIVE, LINEAGE, new)
    assert all(name in str(caught.value) for name in names), str(caught.value)
    assert caught.value.key


def test_what_is_live_stays_usable_though_a_later_one_that_was_taken_back_had_retired_it() -> None:
    lineage = LINEAGE.extended(catalogue("a:0", "c:2:60", retired="1, 9"))
    check_succession(LIVE, lineage, LIVE)
    with pytest.raises(InvalidCatalogue):
        check_succession(catalogue("a:0", retired="1"), lineage, catalogue("a:0", "b:1"))
