"""Folding: a person is loaded once, an event at or below the watermark is passed over, memory is bounded."""

from collections.abc import Collection

import pytest

from cluster.stream.folding import Folding, Marks
from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.event import Event
from rayce.profile import decode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.segments.flags import unpack_flags
from rayce.stores.interfaces import Record, Save, Shown, StoredProfile
from rayce.stores.memory import MemoryDurable
from tests.samples import T0, event, person

CATALOGUE = load_catalogue()


class Counting(MemoryDurable):
    """Keeps whom it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        self.asked.append(set(persons))
        return super().load_profiles(persons)


def folding_of(durable: MemoryDurable, max_people: int = 100) -> Folding:
    return Folding(durable, lambda: CATALOGUE, lambda tenant: {}, max_people)


def placed(*events: Event, partition: int = 0, start: int = 0) -> list[tuple[Record, Event]]:
    return [(Record(partition, start + n, b"x"), each) for n, each in enumerate(events)]


def views(count: int, who: int = 1) -> list[Event]:
    return [event("view", f"p{n}", at=T0 + n, who=who) for n in range(count)]


def flush(folding: Folding, durable: MemoryDurable) -> None:
    """Makes durable what is dirty, as the flusher does."""
    for partition, due in folding.take_dirty().items():
        durable.save_profiles(partition, durable.acquire(partition).epoch, due.saves)
    folding.flushed()


def events_of(row: Shown) -> int:
    assert row.state is not None
    return decode_profile(row.state).events


def test_a_batch_shows_each_changed_person_once_as_of_its_end() -> None:
    rows = folding_of(Counting()).fold(placed(*views(3), *views(2, who=2)))
    assert {row.person: events_of(row) for row in rows} == {person(1): 3, person(2): 2}
    assert unpack_flags(rows[0].flags or b"", T0 // 1000).as_of_s == T0 // 1000


def test_a_person_is_loaded_once_and_then_remembered() -> None:
    durable = Counting()
    folding = folding_of(durable)
    for n in range(3):
        folding.fold(placed(event("view", at=T0 + n), start=n))
    assert durable.asked == [{person(1)}]


def test_what_the_watermark_says_is_folded_is_passed_over_and_shown_once_more() -> None:
    durable = Counting()
    folding = folding_of(durable)
    folding.fold(placed(*views(5)))
    flush(folding, durable)
    successor = folding_of(durable)
    (row,) = successor.fold(placed(*views(5)))
    assert events_of(row) == 5 and not successor.dirty
    (row,) = successor.fold(placed(*views(7)))
    assert events_of(row) == 7


def test_the_offset_of_another_partition_says_nothing() -> None:
    durable = Counting()
    durable.save_profiles(1, durable.acquire(1).epoch, [Save(person(1), folding_state(), 900)])
    (row,) = folding_of(durable).fold(placed(event("view", at=T0 + 50)))
    assert events_of(row) == 3


def folding_state() -> bytes:
    """The state of somebody with two views."""
    (row,) = folding_of(Counting()).fold(placed(*views(2)))
    return row.state or b""


def test_an_event_that_changes_nothing_shows_nothing_and_dirties_nobody() -> None:
    folding = folding_of(Counting())
    assert folding.fold(placed(event("view", consent=0))) == []
    assert folding.take_dirty() == {}


def test_taking_the_dirty_gives_state_and_watermark_by_partition() -> None:
    folding = folding_of(Counting())
    folding.fold([*placed(*views(2)), *placed(*views(1, who=2), partition=1, start=40)])
    dues = folding.take_dirty()
    assert {p: [(s.person, s.offset) for s in due.saves] for p, due in dues.items()} == {
        0: [(person(1), 1)],
        1: [(person(2), 40)],
    }
    assert folding.dirty == set() and folding.flushing == {person(1), person(2)}
    folding.flushed()
    assert folding.flushing == set()


def test_who_changes_during_a_flush_is_dirty_again() -> None:
    folding = folding_of(Counting())
    folding.fold(placed(*views(1)))
    folding.take_dirty()
    folding.fold(placed(event("view", at=T0 + 9), start=1))
    folding.flushed()
    assert [save.offset for save in folding.take_dirty()[0].saves] == [1]


def test_the_durable_are_forgotten_first_and_the_others_never() -> None:
    durable = Counting()
    folding = folding_of(durable, max_people=3)
    folding.fold(placed(*(event("view", who=n) for n in range(10))))
    assert len(folding._people) == 10
    flush(folding, durable)
    folding.fold(placed(event("view", who=10), start=10))
    assert len(folding._people) == 3 and person(10) in folding._people


def test_the_least_recently_used_are_forgotten_first() -> None:
    durable = Counting()
    folding = folding_of(durable, max_people=3)
    folding.fold(placed(*(event("view", who=n) for n in range(3))))
    flush(folding, durable)
    folding.fold(placed(event("view", at=T0 + 1, who=0), start=3))
    flush(folding, durable)
    folding.fold(placed(event("view", who=7), start=4))
    assert set(folding._people) == {person(0), person(2), person(7)}


def test_who_was_forgotten_comes_back_with_everything() -> None:
    durable = Counting()
    folding = folding_of(durable, max_people=1)
    for n in range(6):
        folding.fold(placed(event("view", at=T0 + n, who=n % 2), start=n))
        flush(folding, durable)
    assert {decode_profile(s.state).events for s in durable.load_profiles([person(0), person(1)]).values()} == {3}


def test_when_people_cannot_be_loaded_nothing_is_folded() -> None:
    durable = Counting()
    folding = folding_of(durable)
    folding.fold(placed(*views(1)))
    durable.away = True
    with pytest.raises(Unavailable):
        folding.fold(placed(event("view", at=T0 + 1), event("view", who=2), start=1))
    durable.away = False
    rows = folding.fold(placed(event("view", at=T0 + 1), event("view", who=2), start=1))
    assert {row.person: events_of(row) for row in rows} == {person(1): 2, person(2): 1}


def test_a_decision_is_shown_with_its_moment_and_outlives_later_events_of_the_batch() -> None:
    folding = folding_of(Counting())
    (row,) = folding.fold(placed(event("consent_changed", at=T0, consent=3), event("view", at=T0 + 1, consent=3)))
    assert row.consent == Consent(3, T0) and events_of(row) == 1


def test_a_withdrawal_shows_that_there_is_nothing() -> None:
    folding = folding_of(Counting())
    rows = folding.fold(placed(*views(2), event("consent_changed", at=T0 + 9, consent=0)))
    assert rows == [Shown(person(1), None, None, Consent(0, T0 + 9))]


def test_where_the_fold_breaks_the_event_is_named_and_the_state_is_as_before() -> None:
    class Broken:
        features = ("views",)

        def score_one(self, row: list[float]) -> float:
            raise ZeroDivisionError("no")

    folding = Folding(Counting(), lambda: CATALOGUE, lambda tenant: {"buys_within_7_days": Broken()}, 10)
    failed: list[tuple[int, str]] = []

    def fails(record: Record, reason: str) -> bool:
        failed.append((record.offset, reason))
        return True

    rows = folding.fold(placed(event("search"), event("add_to_cart", at=T0 + 1), event("search", at=T0 + 2)), fails)
    assert [events_of(row) for row in rows] == [2]
    assert failed == [(1, "ZeroDivisionError: no")]


def test_where_a_failure_is_one_too_many_nothing_more_of_the_partition_is_folded() -> None:
    durable = Counting()
    durable.save_profiles(0, durable.acquire(0).epoch, [Save(person(2), b"\xc1", 0)])
    folding = folding_of(durable)
    asked: list[str] = []
    batch = [
        *placed(event("view", at=T0), event("view", at=T0 + 1, who=2), event("view", at=T0 + 2), start=5),
        *placed(event("view", who=3), partition=1),
    ]
    rows = folding.fold(batch, lambda record, reason: bool(asked.append(reason)))
    assert {row.person: events_of(row) for row in rows} == {person(1): 1, person(3): 1}
    assert len(asked) == 1 and asked[0].startswith("stored profile: not a profile")
    assert [save.offset for save in folding.take_dirty()[0].saves] == [5]


def test_who_moved_between_segments_is_counted_from_what_was_last_given_away() -> None:
    durable = Counting()
    folding = folding_of(durable)
    folding.fold(placed(*(event("add_to_cart", "p1", at=T0 + n) for n in range(3))))
    due = folding.take_dirty()[0]
    move = due.moves[person(1)]
    assert (move.tenant, move.before) == ("shop", Marks()) and move.after != move.before
    folding.flushed()
    folding.fold(placed(event("login", at=T0 + 4), start=3))
    again = folding.take_dirty()[0].moves
    assert again == {} or again[person(1)].before == move.after


def test_leaving_a_partition_forgets_its_people_their_changes_and_nobody_else() -> None:
    folding = folding_of(Counting())
    mine = [event("add_to_cart", "p1", at=T0 + n, who=1) for n in range(3)]
    folding.fold([*placed(*mine), *placed(event("login", who=2), partition=1)])
    before = folding.waiting_changes
    assert folding.leave(0) == {person(1)}
    assert folding.waiting_changes < before
    assert set(folding.take_dirty()) == {1}
