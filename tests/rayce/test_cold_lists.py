"""Lists for somebody of whom little is known: by segment and country."""

import numpy as np

from rayce.affinities import build_popular, check_popular
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.shelf import Popular, Shelf
from rayce.trending import MIN_PEOPLE
from tests.samples import T0

ITEMS = [Item(f"p{n}", available=n != 4) for n in range(5)]
SEGMENT = 7


def bought(*rows: tuple[int, int, str, bool]) -> Interactions:
    """(person, item, country, whether in the segment) each."""
    codes = sorted({code for _who, _item, code, _member in rows})
    count = len(rows)
    return Interactions(
        person=np.array([row[0] for row in rows], dtype=np.int32),
        session=np.arange(count, dtype=np.int32),
        item=np.array([row[1] for row in rows], dtype=np.int32),
        at_ms=np.full(count, T0),
        bought=np.ones(count, dtype=np.bool_),
        kind=np.array([row[3] for row in rows], dtype=np.int32),
        member_bits=[frozenset(), frozenset({SEGMENT})],
        weight=np.ones(count, dtype=np.float32),
        country=np.array([codes.index(row[2]) for row in rows], dtype=np.int32),
        countries=codes,
    )


def popular_of(rows: Interactions) -> Popular:
    none = np.zeros((len(ITEMS), 0))
    counts = np.bincount(rows.item, minlength=len(ITEMS)).astype(np.float32)
    shelf = Shelf.from_items(ITEMS, counts, none.astype(np.int32), none.astype(np.float32))
    return build_popular(shelf, rows, {SEGMENT: "loyal"}, T0)


def shown(popular: Popular, segments: list[str], country: str) -> list[tuple[bool, list[str]]]:
    return [(of, [item for item, _score in ranked]) for of, ranked in popular.widening(segments, country)]


def test_the_narrowest_list_comes_first() -> None:
    many = range(MIN_PEOPLE)
    rows = bought(
        *((who, 0, "", False) for who in range(100, 160)),
        *((who, 1, "DE", False) for who in range(200, 240)),
        *((who, 2, "DE", True) for who in many),
        *((who, 3, "FR", True) for who in range(300, 330)),
        *((who, 4, "DE", True) for who in many),
    )
    popular = popular_of(rows)
    assert shown(popular, ["loyal"], "DE") == [
        (True, ["p2"]),
        (True, ["p3", "p2"]),
        (False, ["p1", "p2"]),
        (False, ["p0", "p1", "p3", "p2"]),
    ]
    assert shown(popular, [], "FR") == [(False, ["p3"]), (False, ["p0", "p1", "p3", "p2"])]
    assert shown(popular, ["unheard_of"], "") == [(False, []), (False, ["p0", "p1", "p3", "p2"])]


def test_a_few_people_make_no_list() -> None:
    few = popular_of(bought(*((who, 1, "DE", True) for who in range(MIN_PEOPLE - 1))))
    assert (few.segments, few.countries) == ({}, {})
    enough = popular_of(bought(*((who, 1, "DE", True) for who in range(MIN_PEOPLE))))
    assert sorted(enough.countries) == ["loyal|DE", "|DE"]
    assert list(enough.segments) == ["loyal"]


def test_they_are_read_as_they_were_written_and_a_generation_without_them_too() -> None:
    popular = popular_of(bought(*((who, 1, "DE", True) for who in range(30))))
    files = popular.to_files()
    check_popular(files)
    assert Popular.from_files(files) == popular
    assert Popular.from_files({"popular.json": b'{"everybody":[["a",1.0]]}'}).countries == {}
