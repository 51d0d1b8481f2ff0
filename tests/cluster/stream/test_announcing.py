"""Changes of segments are announced once each, and the tallies count what is durable, whatever dies in between."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.stream import showing
from rayce.decay import HOUR_MS
from rayce.event import Event
from rayce.segments.catalogue import parse_catalogue
from rayce.segments.change import decode_change
from rayce.stores.interfaces import CHANGES
from rayce.stores.memory_log import MemoryChangesWriter, MemoryLog
from tests.cluster.stream.world import PARTITIONS, Killed, Process, Running, World, wait_until
from tests.samples import T0, event, person

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the killed

CATALOGUE = """
version: 1
segments:
  - {name: odd_viewer, bit: 0, kind: rule, triggers: [view], when: {feature: views, ge: 3}}
  - name: searcher
    bit: 3
    kind: rule
    triggers: [search, view]
    when: {all: [{feature: searches, ge: 1}, {feature: views, lt: 9}]}
  - name: in_cart
    bit: 4
    kind: rule
    triggers: [add_to_cart, remove_from_cart]
    ttl_s: 7200
    when: {feature: cart_items, ge: 1}
"""


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "LOOK_EVERY_S", 0.01)


def traffic(count: int, people: int = 4, seed: int = 1) -> Iterator[Event]:
    """People who enter and leave segments all the time."""
    chance = random.Random(seed)
    for n in range(count):
        kind = chance.choice(("view", "search", "add_to_cart", "remove_from_cart", "consent_changed"))
        more = {"consent": chance.choice((0, 1, 1, 1))} if kind == "consent_changed" else {}
        who, item = chance.randrange(people), f"p{chance.randrange(3)}"
        yield event(kind, item, at=T0 + n * HOUR_MS // 3, who=who, event_id=f"e{seed}-{n}", **more)


def shop() -> World:
    return World(parse_catalogue(CATALOGUE))


def assert_told_once(world: World) -> None:
    assert world.states() == world.expected()
    assert world.announced() == world.expected_announcements()
    assert world.sizes() == world.recounted_sizes() != {}


def test_every_change_is_announced_with_its_cause() -> None:
    world = shop()
    world.send(
        [*(event("view", at=T0 + n, event_id=f"v{n}") for n in range(3)), event("search", at=T0 + 5, event_id="s")]
    )
    world.send([event("add_to_cart", "p1", at=T0 + 9, event_id="c")])
    world.work_off_in_order()
    (records,) = [found for p in range(PARTITIONS) if (found := world.log.read(p, 0, 100, CHANGES))]
    viewer, searcher, engaged = [decode_change(record.value) for record in records]
    assert (viewer.person, viewer.tenant, viewer.catalogue) == (person(1), "shop", world.catalogue.version)
    assert (viewer.cause.event_id, viewer.cause.type, viewer.cause.timestamp_ms) == ("v2", "view", T0 + 2)
    assert (viewer.before, viewer.after, searcher.before, searcher.after) == ("0", "1", "1", "9")
    assert [each.name for each in viewer.entered] == ["odd_viewer"] and viewer.entered[0].expires_at is None
    assert engaged.entered[0].name == "in_cart" and engaged.entered[0].expires_at == T0 // 1000 + 7201
    assert [r.headers for r in records] == [
        (("position", f"{r.partition}:{offset}".encode()),) for r, offset in zip(records, (2, 3, 4), strict=True)
    ]
    assert_told_once(world)


def test_any_traffic_is_told_as_folding_once_has_it() -> None:
    world = shop()
    for seed in range(5):
        world.send(traffic(200, seed=seed))
        world.work_off_in_order(poll_max_records=17)
    assert len(world.announced()) > 100
    assert_told_once(world)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=6), st.integers(1, 40))
def test_wherever_workers_are_killed_each_change_is_announced_once(deaths: list[tuple[int, bool]], batch: int) -> None:
    world = shop()
    world.send(traffic(400, people=3))
    for dies_at, after in deaths:
        running = world.start(Process(dies_at, after), poll_max_records=batch)
        world.work_off(running)
        running.kill()
    world.work_off_in_order()
    assert_told_once(world)


class Forgetful(MemoryChangesWriter):
    """Does not ask where the announcements stand."""

    def open(self, partition: int) -> None:
        super().open(partition)
        self._open[partition] = (self._open[partition][0], 0)


class ForgetfulLog(MemoryLog):
    def announcer(self) -> MemoryChangesWriter:
        return Forgetful(self)


def killed_between_announcing_and_saving(world: World) -> None:
    world.send(traffic(100, people=2))
    process = Process()
    world.durable.save_profiles, original = (  # type: ignore[method-assign]
        lambda partition, epoch, saves, tally=None: process.kill() if saves else None,
        world.durable.save_profiles,
    )
    running = Running(world.worker(process), process)
    wait_until(lambda: not running.alive)
    world.durable.save_profiles = original  # type: ignore[method-assign]
    assert world.announced() != [] and world.states() == {}


def test_what_was_announced_and_not_saved_is_folded_again_and_not_announced_again() -> None:
    world = shop()
    killed_between_announcing_and_saving(world)
    world.work_off_in_order()
    assert_told_once(world)


def test_control_without_the_position_it_is_announced_twice() -> None:
    world = shop()
    world.log = ForgetfulLog(PARTITIONS)
    killed_between_announcing_and_saving(world)
    world.work_off_in_order()
    assert world.states() == world.expected()
    assert len(world.announced()) > len(world.expected_announcements())


def test_control_saved_before_announced_a_change_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.stream.saving import Saving

    def turned_round(self: Saving) -> None:
        announced, self._announced = self._announced, True
        original(self)
        self._announced = announced
        if not announced:
            self._announce()

    original = Saving.proceed
    monkeypatch.setattr(Saving, "proceed", turned_round)
    world = shop()
    world.send(traffic(100, people=2))
    process = Process()
    worker = world.worker(process)
    worker._announcer.announce = lambda *arguments: process.kill()  # type: ignore[union-attr,method-assign]
    running = Running(worker, process)
    wait_until(lambda: not running.alive)
    monkeypatch.undo()
    world.work_off_in_order()
    assert world.states() == world.expected()
    assert len(world.announced()) < len(world.expected_announcements())


def test_a_former_owner_that_is_still_announcing_is_shut_out() -> None:
    log = MemoryLog(PARTITIONS)
    zombie, owner = log.announcer(), log.announcer()
    zombie.open(0)
    zombie.announce(0, [(4, b"k", b"a")])
    owner.open(0)
    with pytest.raises(Exception, match="somebody else"):
        zombie.announce(0, [(5, b"k", b"zombie")])
    assert not zombie.is_open(0)
    owner.announce(0, [(4, b"k", b"a"), (5, b"k", b"b")])
    assert [record.value for record in log.read(0, 0, 10, CHANGES)] == [b"a", b"b"]


def test_a_zombie_never_shuts_out_the_owner() -> None:
    """It has to show that the partition is its own before it may open."""
    world = shop()
    zombie = world.worker(threaded=False, flush_interval_ms=0)
    zombie.step()
    world.work_off_in_order()
    owner = world.worker(threaded=False, flush_interval_ms=0)
    owner.step()
    world.send(traffic(60))
    for _ in range(5):
        owner.step()
    opened = dict(world.log._openings)
    with pytest.raises(Exception, match="no longer owned"):
        for _ in range(9):
            zombie.step()
    assert world.log._openings == opened
    for _ in range(5):
        owner.step()
    assert_told_once(world)


def test_killed_workers_and_zombies_in_turn() -> None:
    world = shop()
    chance = random.Random(7)
    for seed in range(12):
        world.send(traffic(60, seed=seed))
        running = world.start(Process(chance.randrange(1, 60), chance.random() < 0.5), poll_max_records=13)
        world.work_off(running)
        running.kill()
    world.work_off_in_order()
    assert_told_once(world)


def test_announcements_that_the_log_does_not_take_wait_and_nothing_is_saved_before() -> None:
    world = shop()
    worker = world.worker(threaded=False, flush_interval_ms=0)
    worker.step()
    world.send(traffic(60))
    announcer = worker._announcer
    worker.step()
    world.log.away = True
    for _ in range(5):
        worker.step()
    assert world.states() == {} and not worker._flusher.idle
    world.log.away = False
    for _ in range(5):
        worker.step()
    assert announcer is worker._announcer
    assert_told_once(world)


def test_a_process_that_dies_while_it_takes_over_has_done_no_harm() -> None:
    world = shop()
    world.send(traffic(50))
    for dies_at in range(1, 12):
        try:
            running = world.start(Process(dies_at))
        except Killed:
            continue
        world.work_off(running)
        running.kill()
    world.work_off_in_order()
    assert_told_once(world)
