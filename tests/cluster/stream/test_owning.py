"""Partitions come and go while a worker runs: only what moves stands still, and nothing is lost or doubled by it."""

import asyncio
import random
from zlib import crc32

import pytest

from cluster.stream import showing
from cluster.stream.worker import Worker
from rayce.errors import Fenced
from rayce.event import Event, encode_event
from rayce.metrics import Metrics
from rayce.profile import decode_profile
from rayce.stores.interfaces import EVENTS, Save
from tests.cluster.stream.test_worker import assert_exact, traffic
from tests.cluster.stream.world import PARTITIONS, Process, Running, World, wait_until
from tests.samples import T0, event, person


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "LOOK_EVERY_S", 0.01)


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def turns(worker: Worker, count: int = 6) -> None:
    for _ in range(count):
        worker.step()


def still(world: World, **settings: int) -> Worker:
    """A worker that goes by steps, and waits for partitions."""
    return world.worker(partitions=(), waits=True, threaded=False, flush_interval_ms=0, **settings)


def in_partition(world: World, partition: int, count: int) -> list[Event]:
    """Views of people of one partition."""
    people = [n for n in range(200) if crc32(person(n).encode()) % PARTITIONS == partition]
    return [event("view", at=T0 + n, who=people[n % 7], event_id=f"{partition}-{n}") for n in range(count)]


def test_a_worker_without_partitions_waits_for_some() -> None:
    world = World()
    worker = still(world)
    world.send(traffic(50))
    turns(worker)
    assert world.states() == {} and worker.claims().wanted == {}
    worker.take(range(PARTITIONS))
    turns(worker)
    assert_exact(world)
    assert worker.claims().wanted == dict.fromkeys(range(PARTITIONS), 1)


def test_what_is_released_is_durable_and_committed_and_the_next_owner_goes_on_from_there() -> None:
    world = World()
    first, second = still(world), still(world)
    first.take(range(PARTITIONS))
    world.send(traffic(80, people=20))
    turns(first)
    first.release([0])
    turns(first)
    assert first.claims().wanted.keys() == {1} and first.claims().leaving == []
    assert world.committed[0] == world.log.end(0)
    second.take([0])
    world.send(traffic(80, people=20, seed=2))
    turns(second)
    turns(first)
    assert_exact(world)
    assert second.claims().wanted == {0: 2} and first.claims().wanted == {1: 1}
    assert all(held.partition == 1 for held in first._folding._people.values()), "whoever left is forgotten"


def test_a_release_disturbs_no_other_partition() -> None:
    world = World()
    worker = still(world)
    worker.take(range(PARTITIONS))
    turns(worker)
    begun: list[int] = []
    original = worker._reader.begin
    worker._reader.begin = lambda partition, offset: begun.append(partition) or original(partition, offset)  # type: ignore[method-assign,func-returns-value]
    worker.release([0])
    world.send(in_partition(world, 1, 30))
    turns(worker)
    assert begun == [] and worker._owning.partitions.keys() == {1}
    assert world.committed == {1: 30}


def test_a_release_waits_for_a_store_that_is_away_and_a_take_calls_it_off() -> None:
    world = World()
    worker = still(world)
    worker.take([0])
    world.send(in_partition(world, 0, 20))
    worker.step()
    world.durable.away = True
    worker.release([0])
    turns(worker)
    assert (dict(worker.claims().wanted), list(worker.claims().leaving)) == ({}, [0])
    worker.take([0])
    world.durable.away = False
    world.send(in_partition(world, 0, 9))
    turns(worker)
    assert worker.claims().wanted == {0: 1} and worker.claims().leaving == []
    assert world.committed == {0: 29}


def test_nothing_is_released_while_something_waits_for_hot_memory() -> None:
    """What waits here would overtake what the next owner shows."""
    world = World()
    worker = still(world)
    worker.take([0])
    turns(worker)
    world.hot.away = True
    world.send(in_partition(world, 0, 5))
    worker.step()
    worker.release([0])
    turns(worker)
    assert list(worker.claims().leaving) == [0]
    world.hot.away = False
    wait_until(lambda: not worker._showing._breaker.is_open or worker._showing._breaker._until < worker._clock())
    turns(worker)
    assert worker.claims() == ({}, [])
    assert world.shown() == world.expected()


def test_a_worker_that_loses_one_partition_goes_on_with_the_others() -> None:
    world = World()
    worker = world.worker(threaded=False, flush_interval_ms=0)
    turns(worker)
    thief = still(world)
    thief.take([0])
    turns(thief)
    world.send(traffic(60, people=20))
    turns(worker)
    assert worker.claims().wanted == {1: 1}
    turns(thief)
    assert_exact(world)
    thief.take([1])
    turns(thief)
    world.send(traffic(60, people=20, seed=2))
    with pytest.raises(Fenced):
        turns(worker)
    turns(thief)
    assert_exact(world)
    assert world.shown() == world.expected()


def test_after_a_long_silence_nothing_is_shown_before_it_is_sure_what_is_still_ours() -> None:
    """A process that was stopped and goes on must not put old rows over those of its successor."""
    world, clock = World(), Clock()
    zombie = world.worker(waits=True, clock=clock, threaded=False, flush_interval_ms=0)
    turns(zombie)
    world.send(traffic(40, people=3))
    turns(zombie)
    clock.now_s += 60
    world.work_off_in_order()
    world.send(traffic(40, people=3, seed=2))
    successor = still(world)
    successor.take(range(PARTITIONS))
    shown = []
    original = world.hot.show
    world.hot.show = lambda rows: shown.append(rows) or original(rows)  # type: ignore[method-assign,func-returns-value,assignment]
    turns(zombie)
    assert shown == [] and zombie.claims().wanted == {}
    turns(successor)
    assert_exact(world)


def test_control_without_the_question_old_rows_are_shown() -> None:
    world, clock = World(), Clock()
    zombie = world.worker(waits=True, clock=clock, threaded=False, flush_interval_ms=0, hang_timeout_s=1_000)
    turns(zombie)
    world.send(traffic(40, people=3))
    clock.now_s += 60
    world.work_off_in_order()
    shown = []
    original = world.hot.show
    world.hot.show = lambda rows: shown.append(rows) or original(rows)  # type: ignore[method-assign,func-returns-value,assignment]
    world.send(traffic(40, people=3, seed=2))
    turns(zombie)
    assert shown != []


def test_partitions_are_passed_round_under_traffic() -> None:
    world = World()
    workers = [Running(world.worker(partitions=(), waits=True), Process()) for _ in range(3)]
    chance = random.Random(3)
    owner = dict.fromkeys(range(PARTITIONS), 0)
    workers[0].worker.take(owner)
    for seed in range(12):
        world.send(traffic(60, people=9, seed=seed))
        partition, new = chance.randrange(PARTITIONS), chance.randrange(3)
        if chance.random() < 0.5:  # in order; otherwise it is taken away
            workers[owner[partition]].worker.release([partition])
            wait_until(lambda: partition not in workers[owner[partition]].worker._owning.partitions)  # noqa: B023
        workers[new].worker.take([partition])
        if new != owner[partition]:
            workers[owner[partition]].worker.release([partition])
        owner[partition] = new

    def settled() -> bool:
        for (
            number,
            whose,
        ) in owner.items():  # as the supervisor does: who noticed only now that it was fenced has let go
            workers[whose].worker.take([number])
        return world.committed == world.ends() and world.shown() == world.expected()

    wait_until(settled)
    for running in workers:
        running.stop()
    assert_exact(world)


def poison(world: World, count: int) -> None:
    """Records that are no events, in the partition of the first person."""
    world.send_raw(*(b"\xc1" for _ in range(count)), key=person(1))


def test_too_many_dead_letters_halt_the_partition_and_nobody_else() -> None:
    world = World()
    worker = still(world, dead_letter_limit=3, poll_max_records=50)
    worker.take(range(PARTITIONS))
    turns(worker)
    world.send([event("view", at=T0 + n, who=1, event_id=f"a{n}") for n in range(5)])
    poison(world, 4)
    after = [event("view", at=T0 + 100 + n, who=1, event_id=f"b{n}") for n in range(5)]
    asyncio.run(world.log.write(EVENTS, [(each.person, encode_event(each)) for each in after]))
    turns(worker)
    (mine,) = [p for p in range(PARTITIONS) if world.log.end(p)]
    assert [record.offset for record, _reason in world.dead] == [5, 6, 7]
    assert worker._owning.partitions[mine].halted is not None
    assert world.committed == {mine: 8}, "it stands before the one too many"
    assert_exact(world)
    world.send(in_partition(world, 1 - mine, 20))
    turns(worker)
    assert world.committed[1 - mine] == 20
    assert_exact(world)
    told = Metrics()
    wait_until(lambda: worker.step() or any(k.startswith("stream:") for k in world.hot._statuses))
    turns(worker)
    for body in world.hot._statuses.values():
        told.merge(body)
    assert told._numbers["rayce_stream_halted", str(1 - mine)] == 0

    worker.resume([mine])
    turns(worker)
    world.sent += after
    assert [record.offset for record, _reason in world.dead] == [5, 6, 7, 8]
    assert worker._owning.partitions[mine].halted is None
    assert_exact(world)
    assert world.committed == world.ends()


def test_a_restart_tries_what_was_halted_again() -> None:
    world = World()
    worker = still(world, dead_letter_limit=2)
    worker.take(range(PARTITIONS))
    poison(world, 5)
    turns(worker)
    assert len(world.dead) == 2
    successor = still(world, dead_letter_limit=2)
    successor.take(range(PARTITIONS))
    turns(successor)
    assert [record.offset for record, _reason in world.dead] == [0, 1, 2, 3]


def test_a_stored_profile_that_cannot_be_read_costs_its_events_and_stops_nobody() -> None:
    world = World()
    broken, fine = person(1), person(2)
    for partition in range(PARTITIONS):
        world.durable.save_profiles(partition, world.durable.acquire(partition).epoch, [])
    world.durable.save_profiles(0, world.durable.acquire(0).epoch, [Save(broken, b"\xc1 from the future", 0)])
    worker = still(world)
    worker.take(range(PARTITIONS))
    world.send([event("view", at=T0 + n, who=who, event_id=f"{who}-{n}") for n in range(4) for who in (1, 2)])
    turns(worker)
    found = world.durable.load_profiles([broken, fine])
    assert found[broken].state == b"\xc1 from the future" and decode_profile(found[fine].state).events == 4
    assert len(world.dead) == 4 and all("stored profile" in reason for _record, reason in world.dead)
    assert [record.key for record, _reason in world.dead] == [broken.encode()] * 4
    assert world.committed == world.ends()


def test_a_record_without_a_value_is_a_dead_letter_too() -> None:
    world = World()
    worker = still(world)
    worker.take(range(PARTITIONS))
    world.log.write_now(EVENTS, None)  # type: ignore[arg-type]
    turns(worker)
    assert len(world.dead) == 1


def test_pauses_are_counted_once_each() -> None:
    world = World()
    worker = still(world)
    worker.take(range(PARTITIONS))
    turns(worker)
    world.durable.away = True
    world.send(traffic(10))
    turns(worker, 20)
    assert worker._pauses.counts == {"memory": 1}
    world.durable.away = False
    turns(worker)
    assert_exact(world)
    assert worker._pauses.seconds["memory"] > 0
