"""`jobs.build_recommendations` with `lists.sequence_items`: lists follow from the order of purchases, in small shops only.

A shop of courses: twenty in a row, everybody begins somewhere, takes one a week, mostly the next; nobody takes one twice.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from jobs import list_weights
from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import Job, run
from rayce.consent import Consent
from rayce.decay import DAY_MS
from rayce.event import Event
from rayce.interactions import Interactions
from rayce.item import Item, encode_item
from rayce.lists import learning
from rayce.lists.generation import ListsGeneration
from rayce.lists.settings import NEVER_AGAIN, ListSettings
from rayce.precomputed import decode_list
from rayce.sequence import training
from rayce.sequence.learnt import Learnt
from rayce.stores.memory import MemoryDurable
from rayce.verdict import FIRST
from tests.jobs.mortal import Killed
from tests.jobs.shop import BOTH, make_job, records
from tests.samples import T0, event, person

NAME = "shop/lists"
COURSES, PEOPLE, WEEKS = 40, 60, 26
END = T0 + WEEKS * 7 * DAY_MS


@pytest.fixture(autouse=True, scope="module")
def briefly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STEPS_A_ROUND", (30, 30))
        patch.setattr(training, "MAX_ROUNDS", 3)
        patch.setattr(training, "WARM_STEPS", 10)
        patch.setattr(learning, "MIN_BUYERS", 20)
        patch.setattr(learning, "CUTS", 2)
        yield


@cache
def taken() -> list[list[int]]:
    """By person, the courses in order: one a week, the last one a day ago."""
    chance = np.random.default_rng(4)
    found = []
    for _ in range(PEOPLE):
        own = [int(chance.integers(COURSES))]
        while len(own) < 20:
            following = (own[-1] + 1) % COURSES if chance.random() < 0.9 else int(chance.integers(COURSES))
            if following not in own:
                own.append(following)
            elif (own[-1] + 1) % COURSES in own:
                break
        found.append(own)
    return found


def log() -> list[Event]:
    return [
        event("purchase", f"c{course:02}", at=END - (len(own) - n) * 7 * DAY_MS, who=who, consent=BOTH)
        for who, own in enumerate(taken())
        for n, course in enumerate(own)
    ]


def with_shelf() -> MemoryDurable:
    durable = MemoryDurable()
    durable.save_items("shop", {f"c{n:02}": encode_item(Item(f"c{n:02}")) for n in range(COURSES)})
    for who in range(PEOPLE):
        durable.save_consent(person(who), Consent(BOTH, 1))
    assert run("build", build_affinities, make_job(records(log()), durable)) == 0
    return durable


def job(
    durable: MemoryDurable,
    most: int = COURSES,
    say: Callable[[str], None] = lambda _: None,
    later: tuple[Event, ...] = (),
    work_path: str = "",
) -> Job:
    made = make_job(records([*log(), *later]), durable, say=say)
    lists = ListSettings(again_days=NEVER_AGAIN, sequence_items=most, ease_neighbours=5)
    batch = replace(made.settings.batch, work_path=work_path)
    return made._replace(settings=replace(made.settings, lists=lists, batch=batch), force=True)


def generation(durable: MemoryDurable) -> ListsGeneration:
    return ListsGeneration.from_files(durable.load_generation(NAME, durable.live()[NAME]))


def lists_of(durable: MemoryDurable) -> dict[str, bytes]:
    return durable.load_lists(durable.live()[NAME], [person(who) for who in range(PEOPLE)])


@pytest.fixture(scope="module")
def made(briefly: None) -> MemoryDurable:
    durable = with_shelf()
    assert run("recommend", build_recommendations, job(durable)) == 0
    return durable


def in_front(durable: MemoryDurable, most: int = 3) -> float:
    """The share of people for whom the next course is among the first so many of their list."""
    lists = lists_of(durable)
    hits = [
        f"c{(own[-1] + 1) % COURSES:02}" in [item for item, _score in decode_list(lists[person(who)])[:most]]
        for who, own in enumerate(taken())
        if (own[-1] + 1) % COURSES not in own
    ]
    return sum(hits) / len(hits)


def test_what_comes_next_is_in_front(made: MemoryDurable) -> None:
    assert generation(made).sequence is not None
    assert generation(made).blend.origin.gain["expected"] + generation(made).blend.origin.gain["expected_place"] > 0.3
    assert in_front(made) > 0.8


def test_a_shop_with_more_products_does_without_and_is_told_so() -> None:
    durable, said = with_shelf(), []
    assert run("recommend", build_recommendations, job(durable, COURSES - 1, said.append)) == 0
    assert generation(durable).sequence is None
    assert any("more than lists.sequence_items" in line for line in said)
    assert "expected" not in {name for name, gain in generation(durable).blend.origin.gain.items() if gain > 0}


def test_young_weights_are_kept_with_what_was_learnt_beside_them(
    made: MemoryDurable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_anything: object) -> Learnt:
        raise AssertionError("nothing is to be learnt")

    before = generation(made)
    monkeypatch.setattr(list_weights, "learn_past", never)
    later = event("purchase", "c05", at=END - 4 * DAY_MS, who=3, consent=BOTH)
    assert run("recommend", build_recommendations, job(made, later=(later,))) == 0
    after = generation(made)
    assert after.manifest.as_of_ms == END - 4 * DAY_MS
    assert before.sequence is not None and after.sequence is not None
    assert after.sequence.learnt.to_bytes() == before.sequence.learnt.to_bytes()
    assert in_front(made) > 0.8


def test_with_changed_who_took_one_more_gets_a_list_of_what_follows_that(monkeypatch: pytest.MonkeyPatch) -> None:
    durable = with_shelf()
    assert run("recommend", build_recommendations, job(durable)) == 0
    before = lists_of(durable)
    who = next(n for n, own in enumerate(taken()) if not {5, 6, 7} & set(own))
    later = event("purchase", "c05", at=END - 4 * DAY_MS, who=who, consent=BOTH)
    changed = job(durable, later=(later,))._replace(options=argparse.Namespace(changed=True))
    monkeypatch.delattr(list_weights, "learn_past")
    assert run("recommend", build_recommendations, changed) == 0
    after = lists_of(durable)
    assert [n for n in range(PEOPLE) if before[person(n)] != after[person(n)]] == [who]
    assert "c06" in [item for item, _score in decode_list(after[person(who)])[:3]]


def test_weights_learned_anew_are_held_against_the_live_lists_by_what_was_known_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    durable, asked = with_shelf(), []
    monkeypatch.setattr(list_weights, "against_live", lambda *given: asked.append(given[-1]) or FIRST)
    assert run("recommend", build_recommendations, job(durable)) == 0
    later = tuple(event("purchase", "c05", at=END + 9 * DAY_MS, who=who, consent=BOTH) for who in range(3))
    assert run("recommend", build_recommendations, job(durable, later=later)) == 0
    now = generation(durable).sequence
    assert now is not None
    assert [type(past) for past in asked] == [Learnt]
    assert asked[0].to_bytes() != now.learnt.to_bytes()


def test_a_killed_job_goes_on_with_what_it_has_learnt_and_ends_with_the_same_bytes(
    made: MemoryDurable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[str] = []
    past, on = list_weights.learn_past, list_weights.learn_on

    def dying(*_anything: object) -> Learnt:
        raise Killed

    def counted(taught: Interactions, *more: object) -> Learnt:
        learnt.append("past")
        return past(taught, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(list_weights, "learn_past", counted)
    monkeypatch.setattr(list_weights, "learn_on", dying)
    durable = with_shelf()
    with pytest.raises(Killed):
        run("recommend", build_recommendations, job(durable, work_path=str(tmp_path)))
    assert learnt == ["past"]
    monkeypatch.setattr(list_weights, "learn_on", on)
    assert run("recommend", build_recommendations, job(durable, work_path=str(tmp_path))) == 0
    assert learnt == ["past"]
    undisturbed = with_shelf()
    monkeypatch.setattr(list_weights, "learn_past", past)
    assert run("recommend", build_recommendations, job(undisturbed)) == 0
    assert lists_of(durable) == lists_of(undisturbed)
    assert generation(durable).to_files() == generation(undisturbed).to_files()
