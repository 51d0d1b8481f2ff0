"""Contenders on a shop with habits: who knows them wins, cold people and items are looked at by themselves, nothing leaks."""

import numpy as np
import pytest

from rayce.decay import DAY_MS
from rayce.evaluation.cases import Case, cases_of, slices
from rayce.evaluation.comparison import compare, measured
from rayce.evaluation.contenders import PERSONAL_FREQUENCY, POPULARITY, baselines, lists, stored_lists
from rayce.event import Event
from rayce.history import split
from rayce.item import Item
from rayce.past import Past, remember
from rayce.precomputed import encode_list
from rayce.profile import Profile
from rayce.segments.catalogue import load_catalogue
from tests.samples import T0, event, person

ITEMS = [Item(f"p{n:02}", categories=("all", f"g{n % 5}")) for n in range(60)]
SPLIT = T0 + 56 * DAY_MS
CATALOGUE = load_catalogue()


def history() -> list[Event]:
    """Forty people buy their own product every week, and one of five others; five more come in the last two weeks only."""
    chance = np.random.default_rng(1)
    log = []
    for week in range(10):
        for who in range(40 if week < 8 else 45):
            at = T0 + week * 7 * DAY_MS + who * 1_000
            log.append(event("purchase", f"p{10 + who:02}", f"p{int(chance.integers(5)):02}", at=at, who=who))
    return log


def world(log: list[Event] | None = None) -> tuple[Past, list[Case]]:
    earlier, later = split(log or history(), SPLIT)
    past = remember(earlier, ITEMS, SPLIT, CATALOGUE)
    return past, cases_of(past, later, CATALOGUE.names)


def test_who_knows_habits_wins_and_new_people_get_what_is_popular() -> None:
    past, cases = world()
    found = compare(past.shelf, cases, baselines(past) | {"lists": lists(past, baselines(past)[POPULARITY])}, least=3)
    ndcg = {(row.contender, row.slice): row.means["ndcg_at_10"] for row in found.rows}
    assert ndcg[PERSONAL_FREQUENCY, "everybody"] > ndcg[POPULARITY, "everybody"] + 0.2
    assert ndcg["lists", "known_users"] > ndcg[POPULARITY, "known_users"] + 0.2
    assert ndcg[PERSONAL_FREQUENCY, "cold_users"] == ndcg[POPULARITY, "cold_users"] > 0
    assert found.metrics()["lists.cold_users.ndcg_at_10"] == ndcg["lists", "cold_users"]
    assert found.metrics()["popularity.coverage"] < found.metrics()["lists.coverage"]


def test_cases_are_as_known_before_and_what_they_took_after() -> None:
    _past, cases = world()
    by_person = {case.person: case for case in cases}
    assert len(cases) == 45 and [case.person for case in cases] == sorted(by_person)
    known, new = by_person[person(3)], by_person[person(42)]
    assert known.profile.baskets == 8 and not known.is_new and "repeat_buyer" in known.segments
    assert new.profile == Profile() and new.is_new and not new.segments
    assert "p13" in known.wanted and "p52" in new.cold and not known.cold & {f"p{n:02}" for n in range(5)}


def test_what_happens_afterwards_changes_no_list() -> None:
    """Negative control: what they took does change."""
    log = history()
    other = [event("purchase", "p59", at=SPLIT + n * 1_000, who=n, event_id=f"x{n}") for n in range(40)]
    shown, wanted = [], []
    for each in (log, [*(e for e in log if e.timestamp_ms < SPLIT), *other]):
        past, cases = world(each)
        everybody = baselines(past) | {"lists": lists(past, baselines(past)[POPULARITY])}
        known = [case for case in cases if not case.is_new]
        shown.append([contend(case) for contend in everybody.values() for case in known])
        wanted.append([case.wanted for case in known])
    assert shown[0] == shown[1] and wanted[0] != wanted[1]


def test_stored_lists_are_taken_as_they_are() -> None:
    past, cases = world()
    popular = baselines(past)[POPULARITY]
    contender = stored_lists({person(3): encode_list([("p33", 1.0), ("p01", 0.5)])}, popular)
    by_person = {case.person: case for case in cases}
    assert contender(by_person[person(3)]) == ["p33", "p01"]
    assert contender(by_person[person(4)]) == popular(by_person[person(4)])


def test_slices_with_few_people_are_left_out() -> None:
    _past, cases = world()
    assert "cold_users" in slices(cases, 5) and "cold_users" not in slices(cases, 6)
    assert slices([], 1) == {}


def test_of_cases_that_want_nothing_nothing_is_measured() -> None:
    values = measured([["a"], ["a"]], [frozenset({"a"}), frozenset()])
    assert values["ndcg_at_10"][0] == pytest.approx(1.0) and np.isnan(values["ndcg_at_10"][1])
