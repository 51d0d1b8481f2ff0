"""Interactions from columns are those from the fold, on any history; and what is not permitted or repeated is passed over."""

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rayce.column_history import COLUMNS, ColumnHistory, interactions_of
from rayce.event import Event, encode_event
from rayce.history import History, read_history, replay
from rayce.interactions import MAX_EVENT_ITEMS, Interactions, gather
from rayce.lake.event_rows import event_rows
from rayce.lake.records import Chunk, Origin
from tests.samples import T0, event, histories, person

NUMBER = {f"p{n}": n for n in range(10)}
BOTH = 3


def batches(records: Sequence[bytes], size: int = 7) -> list[pa.RecordBatch]:
    """As the lake gives them, in the log's order."""
    if not records:
        return []
    rows = event_rows(Chunk(0, range(len(records)), records, lambda n: Origin(b"k1:x", T0)))
    return pa.Table.from_batches([rows]).select(COLUMNS).to_batches(max_chunksize=size)


def by_columns(
    records: Sequence[bytes], purposes: int = 1, denied: Collection[str] = (), size: int = 7
) -> ColumnHistory:
    return interactions_of(batches(records, size), NUMBER, purposes, lambda persons: set(persons) & set(denied))


def by_the_fold(
    records: Sequence[bytes], purposes: int = 1, denied: Collection[str] = ()
) -> tuple[Interactions, History]:
    history = read_history(records, "shop", purposes).without(denied)
    return gather(replay(history.events(), {}), NUMBER), history


def check(records: Sequence[bytes], purposes: int, denied: Collection[str] = (), size: int = 7) -> None:
    found, (wanted, history) = by_columns(records, purposes, denied, size), by_the_fold(records, purposes, denied)
    for name in ("person", "session", "item", "at_ms", "bought", "weight", "session_keys"):
        one, other = getattr(found.interactions, name), getattr(wanted, name)
        assert one.dtype == other.dtype and one.tolist() == other.tolist(), name
    assert (found.events, found.until_ms) == (len(history.values), history.until_ms)
    assert found.people == len(history.persons)


@given(histories(context=st.just({})), st.sampled_from([1, 3]), st.integers(1, 9), st.booleans())
@example([], 1, 3, False)
def test_columns_say_what_the_fold_says(events: list[Event], purposes: int, size: int, someone_denies: bool) -> None:
    check([encode_event(each) for each in events], purposes, [person(2)] if someone_denies else [], size)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=60))
def test_an_id_counts_once_a_day_by_the_time_of_events(repeated: list[tuple[int, int]]) -> None:
    log = [event("purchase", "p1", at=T0 + hours * 3_600_000, event_id=f"e{n}") for n, hours in repeated]
    check([encode_event(each) for each in log], 1)


def test_what_is_no_event_is_passed_over() -> None:
    records = [encode_event(event("view", "p1")), b"what?", encode_event(event("purchase", "p2", at=T0 + 1))]
    check(records, 1)
    assert len(by_columns(records).interactions.item) == 2


def test_a_withdrawal_takes_back_what_was_before_it() -> None:
    """The negative control: without it both rows are there."""
    rows = [event("view", "p1", consent=BOTH), event("view", "p2", at=T0 + 9, consent=BOTH)]
    gone = event("consent_changed", at=T0 + 5, consent=1)
    assert by_columns([encode_event(each) for each in rows], BOTH).interactions.item.tolist() == [1, 2]
    told = [encode_event(each) for each in (rows[0], gone, rows[1])]
    assert by_columns(told, BOTH).interactions.item.tolist() == []
    check(told, BOTH)


def test_an_endless_event_is_cut_where_gather_cuts_it() -> None:
    many = [f"x{n}" for n in range(MAX_EVENT_ITEMS - 1)] + ["p1", "p2"]
    records = [encode_event(event("purchase", *many))]
    check(records, 1)
    assert by_columns(records).interactions.item.tolist() == [1]


@pytest.mark.parametrize("size", [1, 1_000])
def test_batches_of_any_size_say_the_same(size: int) -> None:
    rng = np.random.default_rng(1)
    log = [
        event(
            "view", f"p{rng.integers(12)}", at=T0 + n, who=int(rng.integers(1, 5)), session=f"s{n // 9}", consent=BOTH
        )
        for n in range(200)
    ]
    check([encode_event(each) for each in log], BOTH, size=size)
