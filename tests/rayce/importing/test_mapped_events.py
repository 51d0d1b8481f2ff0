"""Rows of a shop's own file as events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.importing.declared_consent import Unnamed
from rayce.importing.event_row import EventRow, Refused
from rayce.importing.mapped_events import MappedEvents
from rayce.importing.mapping import EventMapping, parse_mapping
from rayce.importing.raw_row import NO_VALUES, Problem, RawRow

TEXT = """
user_id: customer
type: {constant: purchase}
timestamp: {column: when, zone: Europe/Berlin}
items: {item_id: sku, quantity: qty, price: {column: price, decimal: ","}}
properties: {coupon: {column: voucher, values: {X: SUMMER}, otherwise: other}, position: {column: pos, as: integer}}
"""


def events(rows: list[dict[str, Any]], text: str = TEXT) -> list[EventRow | Refused]:
    mapped = MappedEvents(parse_mapping(text, EventMapping))
    return list(mapped.of(RawRow(number, row) for number, row in enumerate(rows, 1)))


def row(**changed: Any) -> dict[str, Any]:
    return {"customer": 7, "when": "2026-01-01 10:00", "sku": "p1", "qty": "2", "price": "1.234,50", **changed}


def one(**changed: Any) -> EventRow | Refused:
    (found,) = events([row(**changed)])
    return found


def test_columns_become_fields() -> None:
    assert one(voucher="X", pos="3") == EventRow(
        1,
        1,
        {
            "user_id": "7",
            "type": "purchase",
            "timestamp": 1_767_258_000_000,
            "properties": {"coupon": "SUMMER", "position": 3},
            "items": [{"item_id": "p1", "quantity": 2, "price": 1234.5}],
        },
    )


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"when": None}, "when"),
        ({"when": "soon"}, "when"),
        ({"when": True}, "when"),
        ({"qty": "2.5"}, "qty"),
        ({"qty": "many"}, "qty"),
        ({"price": "1_000"}, "price"),
        ({"price": "inf"}, "price"),
        ({"price": "1,2,3"}, "price"),
        ({"customer": {"id": 1}}, "customer"),
        ({"customer": b"\xff"}, "customer"),
        ({"pos": "x"}, "pos"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_column(changed: dict[str, Any], column: str) -> None:
    found = one(**changed)
    assert isinstance(found, Refused)
    assert found.problem.column == column


@pytest.mark.parametrize(("value", "text"), [(7.0, "7"), ("007", "007"), (12345678901234567, "12345678901234567")])
def test_ids_are_as_a_person_would_write_them(value: Any, text: str) -> None:
    found = one(customer=value)
    assert isinstance(found, EventRow)
    assert found.fields["user_id"] == text


def test_nested_places_of_json_lines_are_reached_with_a_dot() -> None:
    text = TEXT.replace("user_id: customer", "user_id: customer.ids.shop")
    (found,) = events([row(customer={"ids": {"shop": "ada"}})], text)
    assert isinstance(found, EventRow)
    assert found.fields["user_id"] == "ada"


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("s", 1_767_258_000),
        ("s", "1767258000"),
        ("ms", 1_767_258_000_000.0),
        ("us", 1_767_258_000_000_000),
        ("ns", 1_767_258_000_000_000_999),
        ("iso", "2026-01-01T09:00:00Z"),
        ("iso", "2026-01-01T04:00:00-05:00"),
        ('"%d/%m/%y %H.%M"', "01/01/26 10.00"),
    ],
)
def test_moments_of_any_form(form: str, value: Any) -> None:
    text = TEXT.replace("column: when,", f"column: when, format: {form},")
    (found,) = events([row(when=value)], text)
    assert isinstance(found, EventRow)
    assert found.fields["timestamp"] == 1_767_258_000_000


class TestBaskets:
    TEXT = TEXT + "group_by: basket"

    def test_neighbours_of_one_basket_are_one_event(self) -> None:
        rows = [row(basket=b, sku=f"p{at}") for at, b in enumerate(["x", "x", "y", None, None, "z"])]
        found = events(rows, self.TEXT)
        assert [(each.first, each.last) for each in found if isinstance(each, EventRow)] == [
            (1, 2),
            (3, 3),
            (4, 4),
            (5, 5),
            (6, 6),
        ]

    def test_another_user_in_the_same_basket_is_refused(self) -> None:
        found = events([row(basket=1), row(basket=1, customer="eve"), row(basket=1)], self.TEXT)
        assert [(type(each).__name__, each[0]) for each in found] == [("EventRow", 1), ("Refused", 2)]
        assert isinstance(found[0], EventRow)
        assert found[0].last == 3

    def test_a_basket_that_comes_again_is_counted(self) -> None:
        mapped = MappedEvents(parse_mapping(self.TEXT, EventMapping))
        rows = [row(basket=basket) for basket in (1, 2, 1, 3, 2)]
        assert len(list(mapped.of(RawRow(n, r) for n, r in enumerate(rows, 1)))) == 5
        assert mapped.split == 2

    def test_a_file_that_is_one_endless_basket_is_bounded(self) -> None:
        (found,) = events([row(basket=1)] * 2_000, self.TEXT)
        assert isinstance(found, EventRow)
        assert found.last == 2_000
        assert 500 < len(found.fields["items"]) < 600

    @given(st.lists(st.tuples(st.sampled_from("xyz"), st.booleans()), max_size=30))
    def test_an_event_is_told_before_any_row_behind_its_beginning(self, rows: list[tuple[str, bool]]) -> None:
        """What is worked off is told by row: nothing may lie open before it."""
        raws = [
            RawRow(number, row(basket=basket) if good else NO_VALUES, None if good else Problem("", None, "bad"))
            for number, (basket, good) in enumerate(rows, 1)
        ]
        reached = 0
        for each in MappedEvents(parse_mapping(self.TEXT, EventMapping)).of(raws):
            if isinstance(each, EventRow):
                assert each.first > reached
                reached = each.last


def consents(written: str, cells: list[Any]) -> tuple[list[int | None], Unnamed | None]:
    text = TEXT + f"consent: {{column: ok, values: {written}}}"
    mapped = MappedEvents(parse_mapping(text, EventMapping))
    found = list(mapped.of(RawRow(number, row(ok=cell)) for number, cell in enumerate(cells, 1)))
    return [each.consent if isinstance(each, EventRow) else -1 for each in found], mapped.consent.unnamed


@pytest.mark.parametrize("key", ["true", "True", '"true"', '"TRUE"'])
def test_a_boolean_is_found_however_it_is_written(key: str) -> None:
    written = f"{{{key}: [personalization], false: []}}"
    cells = [True, False, "true", "True", "FALSE", None]
    assert consents(written, cells) == ([1, 0, 1, 1, 0, 0], None)


def test_a_boolean_that_is_named_itself_means_that() -> None:
    assert consents('{true: [personalization], "True": []}', ["true", "True", "TRUE"]) == ([1, 0, 1], None)


def test_consent_that_is_not_named_never_allows_and_is_counted_with_the_first_example() -> None:
    written = '{"yes": [personalization], no: [], 1: [training]}'
    assert consents(written, ["yes", "perhaps", "", None, True, 1]) == ([1, 0, 0, 0, 0, 2], Unnamed(2, "ok", "perhaps"))
