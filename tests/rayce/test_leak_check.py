"""A planted leak is found, wherever it is planted; honest rows, of whatever history, are let through."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings

from rayce.decay import DAY_MS
from rayce.errors import LeakFound
from rayce.event import Event
from rayce.history import replay, split
from rayce.item import Item
from rayce.leak_check import Make, Moment, check_leaks, some_people, telling
from rayce.lists.blend import Blend, Origin
from rayce.lists.boosting import train_trees
from rayce.lists.parts import PARTS
from rayce.past import Past, remember
from rayce.profile import Profile
from rayce.ranker_leaks import Recall, ranker_moments
from rayce.ranker_training import Serving
from rayce.ranking import RANKING_FEATURES
from rayce.training import Rows
from tests.samples import T0, event, histories

UNTIL = T0 + 60 * DAY_MS
START = T0 + 30 * DAY_MS
ITEMS = [Item(f"p{n:02}", categories=("all", f"group {n % 4}"), price=1.0 + n) for n in range(20)]


def history() -> list[Event]:
    """Thirty people who buy two products every four days, some carted before."""
    chance = np.random.default_rng(1)
    log = []
    for day in range(0, 60, 4):
        for who in range(30):
            items = [f"p{n:02}" for n in chance.choice(20, 2, replace=False).tolist()]
            at = T0 + day * DAY_MS + who * 1_000
            if who % 3 == 0:
                log.append(event("add_to_cart", items[0], at=at - 500, who=who))
            log.append(event("purchase", *items, at=at, who=who))
    return log


def checked(make: Make) -> int:
    return check_leaks(make, history(), START, UNTIL, RANKING_FEATURES)


def test_the_rankers_own_rows_know_nothing_of_the_future() -> None:
    assert checked(ranker_moments(ITEMS, START, Serving(candidates=20))) > 3_000


@given(histories())
@settings(max_examples=60, deadline=None)
def test_no_history_makes_it_cry_wolf(log: list[Event]) -> None:
    """Late, repeated and strange events included."""
    items = [Item(f"p{n}") for n in range(12)]
    for start_ms in (T0 - 10 * DAY_MS, T0):
        make = ranker_moments(items, start_ms, Serving(candidates=12))
        check_leaks(make, log, start_ms, start_ms + 20 * DAY_MS, RANKING_FEATURES)


def test_a_shelf_that_knows_the_window_is_found() -> None:
    whole = history()

    def recall(_earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
        return remember(_earlier, items, at_ms)._replace(shelf=remember(kept, items, at_ms).shelf)

    kept: list[Event] = []

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        kept[:] = events
        return ranker_moments(ITEMS, START, Serving(candidates=20), recall=recall)(events)

    with pytest.raises(LeakFound, match="log_popularity|its candidates are chosen"):
        check_leaks(make, whole, START, UNTIL, RANKING_FEATURES)


def test_profiles_of_the_end_are_found() -> None:
    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        people: dict[str, Profile] = {}
        for _moment in replay(events, people):
            pass

        def recall(earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
            return remember(earlier, items, at_ms)._replace(people=people)

        return ranker_moments(ITEMS, START, Serving(candidates=20), recall=recall)(events)

    with pytest.raises(LeakFound):
        checked(make)


def test_lists_of_the_end_are_found() -> None:
    kept: list[Event] = []

    def recall(earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
        return remember(earlier, items, at_ms)._replace(lists=remember(kept, items, at_ms).lists)

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        kept[:] = events
        return ranker_moments(ITEMS, START, Serving(candidates=20), recall=recall)(events)

    with pytest.raises(LeakFound):
        checked(make)


def test_weights_that_are_other_ones_with_the_future_are_found() -> None:
    """Whatever is in the list's scores is in the rows: weights that were learned anew with what came after would be seen."""
    kept: list[Event] = []
    rows = Rows(np.random.default_rng(1).random((40, len(PARTS))), np.arange(40, dtype=np.int8) % 2, np.zeros(40, int))
    booster, _metrics = train_trees(rows, None, PARTS, 2)
    of_the_whole, of_less = Blend(booster.model_to_string()), Blend()

    def recall(earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
        return remember(earlier, items, at_ms, blend=of_the_whole if len(kept) == len(history()) else of_less)

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        kept[:] = events
        return ranker_moments(ITEMS, START, Serving(candidates=20), recall=recall)(events)

    with pytest.raises(LeakFound):
        checked(make)


def test_weights_from_after_the_moment_of_the_lists_are_refused() -> None:
    earlier, _later = split(history(), START)
    early, late = (
        remember(earlier, ITEMS, START, blend=Blend(origin=Origin(until_ms=at))) for at in (START, START + 1)
    )
    Recall(early, earlier, ITEMS)
    with pytest.raises(LeakFound, match="weights"):
        Recall(late, earlier, ITEMS)


def test_what_training_remembers_is_not_remembered_again() -> None:
    earlier, _later = split(history(), START)
    past = remember(earlier, ITEMS, START)
    recall = Recall(past, earlier, ITEMS)
    assert recall(iter(earlier), list(ITEMS), START) is past
    fewer = recall(earlier[:-1], ITEMS, START)
    assert fewer is not past and fewer.lists.blend is past.lists.blend
    assert recall(earlier[:-1], ITEMS, START) is fewer
    assert recall(earlier[:-1], ITEMS[:-1], START) is not fewer


def test_with_what_training_remembers_all_rows_are_compared_and_the_same() -> None:
    earlier, _later = split(history(), START)
    fresh = ranker_moments(ITEMS, START, Serving(candidates=20))
    known = ranker_moments(
        ITEMS, START, Serving(candidates=20), recall=Recall(remember(earlier, ITEMS, START), earlier, ITEMS)
    )
    assert checked(known) == checked(fresh) > 3_000
    one, other = fresh(history()), known(history())
    assert one.keys() == other.keys()
    for name, each in one.items():
        np.testing.assert_array_equal(each.features, other[name].features)


def test_a_past_that_is_given_more_than_came_before_is_found_although_nothing_is_remembered_twice() -> None:
    """A leak before `remember`: it is given different events with the future and without, so it remembers anew."""
    earlier, _later = split(history(), START)
    known, kept = Recall(remember(earlier, ITEMS, START), earlier, ITEMS), list[Event]()

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        kept[:] = events
        recall = lambda _earlier, items, at_ms: known(kept, items, at_ms)  # noqa: E731
        return ranker_moments(ITEMS, START, Serving(candidates=20), recall=recall)(events)

    with pytest.raises(LeakFound):
        checked(make)


def test_one_column_that_peeks_at_what_is_bought_next_is_found_and_named() -> None:
    honest = ranker_moments(ITEMS, START, Serving(candidates=20))

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        last = {each.person: each.timestamp_ms for each in events}
        return {
            name: Moment(each.about, np.c_[each.features, np.full(len(each.about), last[name.partition("/")[0]])])
            for name, each in honest(events).items()
        }

    with pytest.raises(LeakFound, match="depend on what came after it: last_seen$"):
        check_leaks(make, history(), START, UNTIL, (*RANKING_FEATURES, "last_seen"))


def test_the_labels_themselves_are_found() -> None:
    """A column that is the label does not change when the future goes; that it alone tells everything, `telling` says."""
    rows = Rows(
        np.c_[np.r_[np.ones(20), np.zeros(80)], np.random.default_rng(1).random(100)],
        np.r_[np.ones(20, np.int8), np.zeros(80, np.int8)],
        np.zeros(100, np.int64),
    )
    told = telling(rows, ("leak", "noise"))
    assert list(told) == ["leak", "noise"] and told["leak"] == 1.0 and told["noise"] < 0.7


def test_of_many_people_some_are_looked_at_with_all_their_events() -> None:
    log = history()
    few = some_people(log, len(log), 300)
    assert 0 < len(few) < 600
    chosen = {each.person for each in few}
    assert few == [each for each in log if each.person in chosen]
    assert chosen < {each.person for each in some_people(log, len(log), 600)}
