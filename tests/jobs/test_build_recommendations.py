import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from jobs import build_recommendations as module
from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import Job, run
from jobs.list_blocks import Kitchen, People
from rayce.consent import PERSONALIZATION, Consent
from rayce.decay import DAY_MS
from rayce.errors import InvalidInput
from rayce.going_back import roll_back
from rayce.lists import learning
from rayce.lists.blend import BY_HAND, LEARNED
from rayce.lists.generation import ListsGeneration, ListsManifest
from rayce.precomputed import List, decode_list
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.jobs.mortal import Killed, Mortal, die_in
from tests.jobs.shop import BOTH, PEOPLE, filled, habit, history, make_job, records
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


def manifest_of(durable: MemoryDurable, number: int) -> ListsManifest:
    return ListsGeneration.from_files(durable.load_generation(NAME, number)).manifest


def only_changed(job: Job) -> Job:
    return job._replace(options=argparse.Namespace(changed=True))


def test_with_changed_only_who_did_something_gets_a_new_list() -> None:
    """A full run on the longer log, the control, changes the lists of others too: days have passed for them."""
    durable, before = with_shelf(), history()
    later = event("purchase", "p05", "p06", at=before[-1].timestamp_ms + 20 * DAY_MS, who=7, consent=BOTH)
    people = [person(who) for who in PEOPLE]
    assert run("recommend", build_recommendations, make_job(records(before), durable)) == 0
    assert run("recommend", build_recommendations, only_changed(make_job(records([*before, later]), durable))) == 0
    assert run("recommend", build_recommendations, make_job(records([*before, later]), durable)) == 0
    first, second, control = (durable.load_lists(number, people) for number in (1, 2, 3))
    assert [who for who in PEOPLE if first[person(who)] != second[person(who)]] == [7]
    assert list(second) == people
    assert sum(first[who] != control[who] for who in people) > 10
    assert second[person(7)] == control[person(7)]
    told = manifest_of(durable, 2)
    assert (told.count, told.carried, told.carried_from) == (len(people), len(people) - 1, 1)
    assert manifest_of(durable, 3).carried == 0


def test_with_changed_and_nothing_new_the_lists_are_the_same_bytes() -> None:
    durable = with_shelf()
    log, people = records(history()), [person(who) for who in PEOPLE]
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    assert run("recommend", build_recommendations, only_changed(make_job(log, durable))) == 0
    assert durable.live()[NAME] == 2
    assert durable.load_lists(1, people) == durable.load_lists(2, people)
    assert manifest_of(durable, 2).carried == len(people)


def test_who_has_withdrawn_since_is_not_carried_over() -> None:
    durable, log = with_shelf(), records(history())
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    durable.save_consent(person(4), Consent(0, 5))
    assert run("recommend", build_recommendations, only_changed(make_job(log, durable))) == 0
    assert not lists_of(durable, [person(4)])
    assert lists_of(durable, [person(5)])


def test_under_a_new_shelf_all_lists_are_made_anew() -> None:
    durable, log, said = with_shelf(), records(history()), []
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    assert run("build", build_affinities, make_job(log, durable)) == 0
    job = only_changed(make_job(log, durable, say=said.append))
    assert run("recommend", build_recommendations, job) == 0
    assert manifest_of(durable, 2).carried == 0
    assert any("all are made anew" in line for line in said)


def test_a_killed_job_goes_on_with_its_blocks_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable, log, people = with_shelf(), records(history()), [person(who) for who in PEOPLE]

    def job() -> Job:
        made = make_job(log, durable)
        batch = replace(made.settings.batch, work_path=str(tmp_path), block_users=9)
        return made._replace(settings=replace(made.settings, batch=batch))

    blocks: list[int] = []
    make = module.make_block

    def dying(kitchen: Kitchen, block: People) -> bytes:
        if len(blocks) == 2:
            raise Killed
        blocks.append(len(block.persons))
        return make(kitchen, block)

    monkeypatch.setattr(module, "make_block", dying)
    with pytest.raises(Killed):
        run("recommend", build_recommendations, job())
    assert NAME not in durable.live()
    made_before = blocks[:]
    monkeypatch.setattr(module, "make_block", lambda kitchen, block: (blocks.append(0), make(kitchen, block))[1])
    assert run("recommend", build_recommendations, job()) == 0
    assert made_before == [9, 9]
    assert len(blocks) - len(made_before) == len(people) // 9 + 1 - 2
    resumed = durable.load_lists(durable.live()[NAME], people)
    undisturbed = with_shelf()
    assert run("recommend", build_recommendations, make_job(log, undisturbed)) == 0
    assert resumed == undisturbed.load_lists(1, people)


def test_learned_weights_are_published_and_kept_while_they_are_young(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MIN_BUYERS", 10)
    durable, before, said = with_shelf(), history(), []
    assert run("recommend", build_recommendations, make_job(records(before), durable)) == 0
    origin = manifest_of(durable, 1).weights
    assert origin.kind == LEARNED
    assert origin.until_ms == max(each.timestamp_ms for each in before)
    for days, number in ((3, 2), (8, 3)):
        later = event("view", "p01", at=origin.until_ms + days * DAY_MS, consent=BOTH)
        job = make_job(records([*before, later]), durable, say=said.append)
        assert run("recommend", build_recommendations, job) == 0
        assert (manifest_of(durable, number).weights == origin) == (days == 3)
    assert any("young enough" in line for line in said)


def test_nothing_is_learned_from_who_does_not_allow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MIN_BUYERS", 10)
    durable = with_shelf()
    log = [replace(each, consent=PERSONALIZATION) for each in history()]
    assert run("recommend", build_recommendations, make_job(records(log), durable)) == 0
    assert manifest_of(durable, 1).weights.kind == BY_HAND
    generation = ListsGeneration.from_files(durable.load_generation(NAME, 1))
    assert not generation.tables.columns[:, 0].any()


@pytest.mark.slow
def test_lists_made_by_ray_are_those_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts Ray by itself (RAY_ADDRESS=local), shares the people out in small blocks, and compares."""
    import ray

    durable = with_shelf()
    log = records(history())
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    job = make_job(log, durable)
    batch = replace(job.settings.batch, block_users=7, parallel=2)
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # as a cluster that this process has had has it
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    try:
        job = job._replace(settings=replace(job.settings, batch=batch))
        assert run("recommend", build_recommendations, job) == 0
        assert ray.is_initialized()
    finally:
        ray.shutdown()
    people = [person(who) for who in PEOPLE]
    assert durable.load_lists(1, people) == durable.load_lists(2, people)


def test_a_killed_run_leaves_no_generation_that_lacks_lists() -> None:
    """Before its first list, between lists and seal, before the flip: what is kept is whole, and none that was live is lost."""
    durable, log = with_shelf(), records(history(days=30))
    for _ in range(2):
        assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    for calls in (0, 1, 1, 1, 1):
        with pytest.raises(Killed):
            run("recommend", build_recommendations, make_job(log, Mortal(durable, calls)))
        assert durable.numbers(NAME) == [1, 2]
        with pytest.raises(InvalidInput, match="not kept"):
            roll_back(durable, NAME, durable._issued[NAME])
    for _ in range(4):
        with pytest.raises(Killed):
            run("recommend", build_recommendations, make_job(log, Mortal(durable, 2)))
    assert run("recommend", build_recommendations, make_job(log, durable)) == 0
    kept, people = durable.numbers(NAME), [person(who) for who in PEOPLE]
    assert {1, 2} < set(kept)
    assert all(len(durable.load_lists(number, people)) == manifest_of(durable, number).count for number in kept)
    assert roll_back(durable, NAME, None) == (2, kept[-1])
