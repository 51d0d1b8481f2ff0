"""The partition worker: nothing lost and nothing doubled, whatever dies or is away; each with a mutant that must be caught."""

import asyncio
import random
import threading
from collections.abc import Iterator, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.stream import showing
from cluster.stream.flushing import Done
from cluster.stream.folding import Due, Folding, Held
from cluster.stream.partition import Partition
from rayce.decay import DAY_MS, HOUR_MS
from rayce.errors import Fenced
from rayce.event import Event
from rayce.metrics import LABELS, Metrics
from rayce.profile import decode_profile
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import PARTITIONS, Killed, Process, Running, World, wait_until
from tests.samples import T0, event, histories, person

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the killed


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "LOOK_EVERY_S", 0.01)


def traffic(count: int, people: int = 5, seed: int = 1, every_ms: int = 60_000) -> Iterator[Event]:
    """Events of a few people, each with an id of its own."""
    chance = random.Random(seed)
    kinds = ("view", "add_to_cart", "purchase", "search")
    for n in range(count):
        who = chance.randrange(people)
        yield event(chance.choice(kinds), f"p{chance.randrange(20)}", at=T0 + n * every_ms, who=who, event_id=f"e{n}")


def assert_exact(world: World) -> None:
    """Nothing lost, nothing doubled."""
    assert world.states() == world.expected()


def test_what_is_sent_is_folded_shown_made_durable_and_committed() -> None:
    world = World()
    world.send(traffic(300))
    world.work_off_in_order()
    assert_exact(world)
    assert world.shown() == world.expected()
    assert world.committed == world.ends()
    assert sum(decode_profile(state).events for state in world.states().values()) == 300


def test_what_is_sent_later_is_worked_off_too() -> None:
    world = World()
    running = world.start()
    for n in range(5):
        world.send(event("view", at=T0 + n * 100 + i, who=i, event_id=f"{n}-{i}") for i in range(20))
        world.work_off(running)
    running.stop()
    assert_exact(world)


@settings(max_examples=20)
@given(histories(people=4))
def test_any_history_comes_out_as_the_fold_says(history: list[Event]) -> None:
    world = World()
    world.send(history)
    world.work_off_in_order()
    assert_exact(world)


@settings(max_examples=20)
@given(histories(people=4), st.integers(1, 7), st.integers(1, 5))
def test_neither_the_size_of_a_batch_nor_the_room_in_memory_changes_the_outcome(
    history: list[Event], batch: int, room: int
) -> None:
    world = World()
    world.send(history)
    world.work_off_in_order(poll_max_records=batch, cached_users=room, flush_interval_ms=1)
    assert_exact(world)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=6), st.integers(1, 40))
def test_wherever_workers_are_killed_nothing_is_lost_or_doubled(deaths: list[tuple[int, bool]], batch: int) -> None:
    """Each dies at some call to the outside, before or after its effect; the last one finishes."""
    world = World()
    world.send(traffic(400, people=3))
    for dies_at, after in deaths:
        try:
            running = world.start(Process(dies_at, after), poll_max_records=batch)
        except Killed:
            continue
        world.work_off(running)
        running.kill()
    world.work_off_in_order()
    assert_exact(world)
    assert world.shown() == world.expected()


def _killed_before_the_commit(world: World) -> None:
    """A worker makes all durable, and dies before it commits anything."""
    world.send(traffic(400, people=2, every_ms=HOUR_MS))
    process = Process()
    worker = world.worker(process)
    worker._reader.commit = lambda positions, wait: process.kill()  # type: ignore[attr-defined,method-assign]
    running = Running(worker, process)
    wait_until(lambda: world.states() == world.expected() and not running.alive)
    assert world.committed == {}


def test_killed_between_durable_and_commit_the_tail_is_replayed_and_counts_once() -> None:
    world = World()
    _killed_before_the_commit(world)
    world.work_off_in_order()
    assert_exact(world)


def test_control_without_the_watermark_the_tail_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ids alone do not save it: the tail is longer."""

    class Forgetful(Folding):
        def _load(self, persons: set[str]) -> dict[str, str]:
            missing = persons - self._people.keys()
            unreadable = super()._load(persons)
            for who in missing:
                self._people[who] = Held(self._people[who].profile, -1, -1, self._people[who].state)
            return unreadable

    world = World()
    _killed_before_the_commit(world)
    monkeypatch.setattr("cluster.stream.worker.Folding", Forgetful)
    world.work_off_in_order()
    assert world.states() != world.expected()
    assert sum(decode_profile(state).events for state in world.states().values()) > 400


def test_control_committed_before_durable_events_are_lost() -> None:
    world = World()
    world.send(traffic(100))
    process = Process()
    worker = world.worker(process)
    worker._flusher.flush = lambda dues, done: done([])  # type: ignore[method-assign]
    running = Running(worker, process)
    wait_until(lambda: world.committed == world.ends())
    running.kill()
    world.work_off_in_order()
    assert world.states() != world.expected()


class Stalling(MemoryDurable):
    """Keeps whoever saves waiting until it is let go; `careless` looks at neither epoch nor offset."""

    def __init__(self, careless: bool = False) -> None:
        super().__init__()
        self.stalled: set[threading.Thread] = set()
        self.careless = careless

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        while threading.current_thread() in self.stalled:
            wait_until(lambda: threading.current_thread() not in self.stalled)
        if self.careless:
            epoch = self._epochs[partition]
            for save in saves:
                self._profiles.pop(save.person, None)
        super().save_profiles(partition, epoch, saves, tally)


def _zombie(world: World, durable: Stalling) -> Running:
    """A worker that hangs in the middle of a save while a successor works everything off; then it wakes up."""
    world.durable = durable
    world.send(traffic(50, people=1))
    process = Process()
    worker = world.worker(process)
    original = worker._flusher.flush

    def stall(dues: Mapping[Partition, Due], done: Done) -> None:
        worker._flusher.flush = original  # type: ignore[method-assign]
        durable.stalled.add(worker._flusher._thread)
        original(dues, done)

    worker._flusher.flush = stall  # type: ignore[method-assign]
    zombie = Running(worker, process)
    wait_until(lambda: bool(durable.stalled))
    world.send(event("view", at=T0 + DAY_MS + n, who=0, event_id=f"later{n}") for n in range(30))
    world.work_off_in_order()
    durable.stalled.clear()
    return zombie


def test_a_zombie_is_fenced_and_changes_nothing() -> None:
    world = World()
    zombie = _zombie(world, Stalling())
    assert isinstance(zombie.ends(), Fenced)
    assert_exact(world)


def test_control_a_store_that_does_not_fence_lets_the_zombie_undo_work() -> None:
    world = World()
    zombie = _zombie(world, Stalling(careless=True))
    wait_until(lambda: world.states() != world.expected())
    zombie.kill()


def test_two_workers_share_the_partitions_and_each_is_fenced_alone() -> None:
    world = World()
    world.send(traffic(200, people=20))
    shares = [Running(world.worker(partitions=[p]), Process()) for p in range(PARTITIONS)]
    wait_until(lambda: world.committed == world.ends())
    world.durable.acquire(0)
    world.send(traffic(200, people=20, seed=2))
    assert isinstance(shares[0].ends(), Fenced)
    world.work_off_in_order(partitions=[0])
    wait_until(lambda: world.committed == world.ends())
    shares[1].stop()
    assert_exact(world)


def test_while_hot_memory_is_away_work_goes_on_and_later_all_is_shown_and_committed() -> None:
    world = World()
    world.hot.away = True
    running = world.start()
    world.send(traffic(200))
    wait_until(lambda: world.states() == world.expected())
    assert world.committed == {}
    world.hot.away = False
    world.work_off(running)
    assert_exact(world)
    assert world.shown() == world.expected()
    running.stop()


def test_a_worker_that_dies_while_hot_memory_is_away_leaves_nobody_with_old_flags_there() -> None:
    world = World()
    world.hot.away = True
    running = world.start()
    world.send(traffic(200))
    wait_until(lambda: world.states() == world.expected())
    running.kill()
    world.hot.away = False
    world.work_off_in_order()
    assert_exact(world)
    assert world.shown() == world.expected()


def test_hot_memory_that_was_emptied_is_filled_again_with_what_was_just_shown() -> None:
    world = World()
    running = world.start()
    world.send(traffic(200))
    wait_until(lambda: world.shown() == world.expected())
    wait_until(lambda: bool(running.worker._showing._incarnation))
    world.hot.wipe()
    wait_until(lambda: world.shown() == world.expected())
    running.stop()


def test_while_durable_memory_is_away_nothing_is_committed_and_nothing_is_lost() -> None:
    world = World()
    running = world.start()
    world.send(traffic(100, people=3))
    world.work_off(running)
    before = world.committed
    world.durable.away = True
    world.send(event("view", at=T0 + DAY_MS + n, who=n % 3, event_id=f"later{n}") for n in range(200))
    wait_until(lambda: world.shown() == world.expected())  # known people go on, and are shown at once
    assert world.committed == before
    world.durable.away = False
    world.work_off(running)
    running.stop()
    assert_exact(world)


def test_people_who_cannot_be_loaded_wait_in_the_log() -> None:
    world = World()
    running = world.start()
    world.durable.away = True
    world.send(traffic(100))
    wait_until(lambda: running.worker._folding.dirty == set() and world.shown() == {})
    assert world.committed == {}
    world.durable.away = False
    world.work_off(running)
    running.stop()
    assert_exact(world)


def test_a_worker_killed_while_durable_memory_is_away_loses_nothing() -> None:
    world = World()
    running = world.start()
    world.send(traffic(50, people=3))
    world.work_off(running)
    world.durable.away = True
    world.send(event("view", at=T0 + DAY_MS + n, who=n % 3, event_id=f"later{n}") for n in range(50))
    wait_until(lambda: world.shown() == world.expected())
    running.kill()
    world.durable.away = False
    world.work_off_in_order()
    assert_exact(world)


def test_while_the_log_is_away_it_waits() -> None:
    world = World()
    running = world.start()
    world.send(traffic(50))
    world.work_off(running)
    world.log.away = True
    wait_until(lambda: running.alive)
    world.log.away = False
    world.send(traffic(50, seed=2))
    world.work_off(running)
    running.stop()
    assert_exact(world)


def test_it_starts_while_the_log_is_away() -> None:
    world = World()
    world.send(traffic(50))
    world.log.away = True
    running = world.start()
    world.log.away = False
    world.work_off(running)
    running.stop()
    assert_exact(world)


@pytest.mark.parametrize("away", ["durable", "hot"])
def test_what_waits_for_a_store_is_bounded_and_the_rest_stays_in_the_log(away: str) -> None:
    world = World()
    running = world.start(max_dirty_users=50, poll_max_records=20)
    world.send(event("login", who=n, event_id="known") for n in range(400))
    world.work_off(running)
    getattr(world, away).away = True
    world.send(event("view", at=T0 + 1, who=n) for n in range(400))

    def waiting() -> int:
        stream = running.worker
        return len(stream._folding.dirty if away == "durable" else stream._showing.waiting)

    wait_until(lambda: waiting() > 50)
    most = 0
    for _ in range(30):
        running.worker._stop.wait(0.005)
        most = max(most, waiting())
    assert 50 < most <= 50 + 20 + 20  # one batch over the limit, one that was under way
    getattr(world, away).away = False
    world.work_off(running)
    wait_until(lambda: world.shown() == world.expected())
    running.stop()
    assert_exact(world)


def test_memory_is_bounded_by_what_may_be_cached() -> None:
    world = World()
    running = world.start(cached_users=10, poll_max_records=25)
    for round in range(4):
        world.send(event("view", at=T0 + round, who=100 * round + n) for n in range(100))
        world.work_off(running)
    world.send([event("view", who=999)])
    world.work_off(running)
    assert len(running.worker._folding._people) <= 10 + 25  # a batch is forgotten when the next one comes
    running.stop()
    assert_exact(world)


def test_a_record_that_is_no_event_goes_to_the_dead_letters_and_the_stream_goes_on() -> None:
    world = World()
    world.send(traffic(20))
    world.send_raw(b"\xc1", b"", b"\x93\x01\x02\x03")
    world.send(traffic(20, seed=2))
    world.work_off_in_order()
    assert_exact(world)
    assert sorted(record.value for record, _reason in world.dead) == [b"", b"\x93\x01\x02\x03", b"\xc1"]
    assert all("not an event" in reason for _record, reason in world.dead)


class Breaking:
    """A model that cannot score the fifth cart addition."""

    features = ("add_to_carts",)

    def score_one(self, row: list[float]) -> float:
        if row[0] == 5:
            raise ZeroDivisionError("fifth")
        return 0.0


def test_an_event_on_which_the_fold_breaks_goes_to_the_dead_letters_and_the_stream_goes_on() -> None:
    world = World(models={"buys_within_7_days": Breaking()})
    world.send(event("add_to_cart", at=T0 + n, event_id=f"e{n}") for n in range(4))
    world.work_off_in_order()
    world.send([event("search", at=T0 + 4, event_id="e4")])
    running = world.start()
    world.work_off(running)
    bad = event("add_to_cart", at=T0 + 5, event_id="bad")
    world.send([bad])
    world.sent.remove(bad)
    world.work_off(running)
    world.send([event("search", at=T0 + 6, event_id="e6")])
    world.work_off(running)
    running.stop()
    assert [reason for _record, reason in world.dead] == ["ZeroDivisionError: fifth"]
    assert_exact(world)


def test_nothing_after_a_dead_letter_is_committed_before_it_is_buried() -> None:
    world = World()
    running = world.start()
    world.dead_letters_away = True
    world.send_raw(b"\xc1", key=person(1))
    world.send(event("view", at=T0 + n, who=1, event_id=f"e{n}") for n in range(50))
    wait_until(lambda: bool(running.worker._dead))
    for _ in range(20):
        running.worker._stop.wait(0.005)
        assert world.committed == {} and world.states() == {}
    world.dead_letters_away = False
    world.work_off(running)
    running.stop()
    assert len(world.dead) == 1
    assert_exact(world)


def test_dead_letters_that_cannot_be_buried_are_bounded() -> None:
    world = World()
    running = world.start(poll_max_records=10, dead_letter_limit=1_000)
    world.dead_letters_away = True
    world.send_raw(*(b"\xc1" for _ in range(500)))
    wait_until(lambda: bool(running.worker._dead))
    for _ in range(20):
        running.worker._stop.wait(0.005)
        assert len(running.worker._dead) <= 10
    world.dead_letters_away = False
    world.work_off(running)
    running.stop()
    assert len(world.dead) == 500


def test_a_withdrawal_comes_through_to_both_memories() -> None:
    world = World()
    world.send([event("purchase", "p1", who=1), event("consent_changed", at=T0 + 5, who=1, consent=0)])
    world.work_off_in_order()
    assert_exact(world)
    assert decode_profile(world.states()[person(1)]).events == 0
    assert world.shown() == {}
    (row,) = asyncio.run(world.hot.read_flags([person(1)]))
    assert row.consent is not None and row.consent.purposes == 0


def test_a_bug_in_the_flusher_ends_the_worker() -> None:
    """Better a new process than one that silently makes nothing durable any more."""
    world = World()
    world.durable.save_profiles = lambda *arguments: {}["bug"]  # type: ignore[method-assign,assignment]
    world.send(traffic(10))
    assert isinstance(world.start().ends(), KeyError)


def test_a_stop_makes_everything_folded_durable_and_commits_it() -> None:
    world = World()
    running = world.start(flush_interval_ms=10_000_000)
    world.send(traffic(100))
    wait_until(lambda: world.shown() == world.expected())
    running.stop()
    assert running.error is None
    assert world.committed == world.ends()
    assert_exact(world)


def test_it_tells_how_it_is_doing() -> None:
    world = World()
    running = world.start()
    world.send(traffic(40))
    world.send_raw(b"\xc1")
    told = Metrics()

    def complete() -> bool:
        nonlocal told
        told = Metrics()
        for snapshot in dict(world.hot._statuses).values():
            told.merge(snapshot)
        return sum(v for k, v in told._numbers.items() if k[0] == "rayce_stream_events_total") == 41

    wait_until(complete)
    wait_until(
        lambda: complete() and all(v == 0 for k, v in told._numbers.items() if "lag" in k[0] or "waiting" in k[0])
    )
    by_partition = [k for k in told._numbers if LABELS[k[0]] == ("partition",)]  # type: ignore[index]
    assert {k[1] for k in by_partition} == {str(p) for p in range(PARTITIONS)}
    assert told._numbers["rayce_stream_evaluated_events_total",] > 0
    assert told._numbers["rayce_stream_inferences_total",] == 0, "this world has no models"
    running.stop()
