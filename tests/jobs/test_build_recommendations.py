import os
from collections.abc import Sequence

import pytest

from jobs import build_recommendations as module
from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import run
from rayce.consent import PERSONALIZATION, Consent
from rayce.precomputed import List, decode_list
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.jobs.mortal import die_in
from tests.jobs.shop import PEOPLE, filled, habit, history, make_job, records
from tests.samples import event, person

NAME = "shop/lists"


def with_shelf() -> MemoryDurable:
    durable = filled()
    assert run("build", build_affinities, make_job(records(history()), durable)) == 0
    return durable


def lists_of(durable: MemoryDurable, people: Sequence[str]) -> dict[str, List]:
    found = durable.load_lists(durable.live()[NAME], people)
    return {who: decode_list(body) for who, body in found.items()}


@pytest.mark.anyio
async def test_everybody_has_a_list_with_their_habit_in_front_in_both_memories() -> None:
    durable, hot = with_shelf(), MemoryHot()
    assert run("recommend", build_recommendations, make_job(records(history()), durable, hot)) == 0
    people = [person(who) for who in PEOPLE]
    lists = lists_of(durable, people)
    assert list(lists) == people
    for who in PEOPLE:
        assert habit(who) in [item for item, _score in lists[person(who)][: 3 if who % 2 == 0 else 6]]
    assert await hot.read_lists(1, people) == [durable.load_lists(1, [who])[who] for who in people]


def test_who_withdrew_has_no_list() -> None:
    durable = with_shelf()
    durable.save_consent(person(4), Consent(0, 5))
    withdrawn = event("consent_changed", at=history()[-1].timestamp_ms, who=3, consent=0)
    log = records([*history(), withdrawn])
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    assert not lists_of(durable, [person(3), person(4)])
    assert lists_of(durable, [person(5)])


def test_permission_to_train_is_not_needed_for_a_list_of_ones_own() -> None:
    durable = with_shelf()
    durable.save_consent(person(6), Consent(PERSONALIZATION, 5))
    log = records([event("purchase", "p33", who=6, consent=PERSONALIZATION)])
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    items = [item for item, _score in lists_of(durable, [person(6)])[person(6)]]
    assert items.index("p33") < items.index("p29")


def test_without_a_shelf_there_are_no_lists() -> None:
    said: list[str] = []
    durable = filled()
    assert run("recommend", build_recommendations, make_job(records(history()), durable, say=said.append)) == 2
    assert "run jobs.build_affinities first" in said[-1]
    assert durable.live() == {}


def test_lists_are_live_although_hot_memory_is_away() -> None:
    durable, hot, said = with_shelf(), MemoryHot(), []
    hot.away = True
    job = make_job(records(history()), durable, hot, say=said.append)
    assert run("recommend", build_recommendations, job) == 0
    assert len(lists_of(durable, [person(who) for who in PEOPLE])) == len(PEOPLE)
    assert any("hot memory did not take all lists" in line for line in said)


def test_running_twice_gives_the_same_lists_in_a_new_generation() -> None:
    durable = with_shelf()
    for _run in range(2):
        assert run("recommend", build_recommendations, make_job(records(history()), durable)) == 0
    people = [person(who) for who in PEOPLE]
    assert durable.live()[NAME] == 2
    assert durable.load_lists(1, people) == durable.load_lists(2, people)


def test_a_job_killed_at_any_step_leaves_the_live_lists() -> None:
    durable = with_shelf()
    log = records(history(days=30))
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    assert die_in(build_recommendations, lambda mortal: make_job(log, mortal), durable) == 3
    assert durable.live()[NAME] == 1


@pytest.mark.slow
def test_lists_made_by_ray_are_those_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts Ray by itself (RAY_ADDRESS=local), shares the people out in small blocks, and compares."""
    import ray

    durable = with_shelf()
    log = records(history())
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    for name, value in {"SHARED_OUT_FROM": 1, "BLOCK": 7, "UNDER_WAY": 2}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    try:
        assert run("recommend", build_recommendations, make_job(log, durable)) == 0
        assert ray.is_initialized()
    finally:
        ray.shutdown()
    people = [person(who) for who in PEOPLE]
    assert durable.load_lists(1, people) == durable.load_lists(2, people)
