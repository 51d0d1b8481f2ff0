"""Membership lists as workers keep them: told of only where membership has changed, and again after anything was lost."""

import asyncio
from typing import Any

import pytest
import yaml

from cluster.stream.folding import Folding
from rayce.event import Event
from rayce.segments.catalogue import Catalogue, load_catalogue, parse_catalogue
from rayce.segments.flags import unpack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import Record, Shown
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import World, wait_until
from tests.samples import T0, event, person

SEGMENTS: list[dict[str, Any]] = [
    {"name": "browser", "bit": 2, "when": {"feature": "purchases", "lt": 1}, "listed": True},
    {"name": "buyer", "bit": 9, "when": {"feature": "purchases", "ge": 1}, "listed": True},
    {"name": "regular", "bit": 40, "when": {"feature": "purchases", "ge": 2}},
]
LISTED = (2, 9)


def catalogue_of(*segments: dict[str, Any]) -> Catalogue:
    rules = [{"kind": "rule", "triggers": ["view", "purchase"], **segment} for segment in segments]
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": rules}))


CATALOGUE = catalogue_of(*SEGMENTS)
LISTS = Listing("shop", LISTED)


class Bench:
    """A folding, and the records it gets."""

    def __init__(self, catalogue: Catalogue = CATALOGUE) -> None:
        self.catalogue = catalogue
        self.folding = Folding(MemoryDurable(), lambda: self.catalogue, lambda tenant: {}, 100)
        self._offset = 0

    def fold(self, *events: Event) -> list[Shown]:
        records = [(Record(0, self._offset + n, b""), each) for n, each in enumerate(events)]
        self._offset += len(events)
        return self.folding.fold(records)


def act(kind: str, n: int, **more: Any) -> Event:
    return event(kind, "p1", at=T0 + n * 1000, **more)


def listings(rows: list[Shown]) -> list[Listing | None]:
    return [row.listing for row in rows]


def test_lists_are_told_of_when_membership_has_changed_and_only_then() -> None:
    bench = Bench()
    assert listings(bench.fold(act("view", 1))) == [LISTS]
    assert listings(bench.fold(act("view", 2))) == [None]
    assert listings(bench.fold(act("purchase", 3))) == [LISTS]
    assert listings(bench.fold(act("purchase", 4))) == [None], "of a segment that keeps no list"


def test_without_listed_segments_nothing_is_ever_told() -> None:
    bench = Bench(load_catalogue())
    assert listings(bench.fold(act("view", 1))) == [None]
    assert listings(bench.folding.shown_again([person(1)])) == [None]


@pytest.mark.parametrize("kind, consent", [("consent_changed", 0), ("consent_changed", 3), ("erased", 0)])
def test_after_a_decision_or_an_erasure_lists_are_told_of_whatever_they_were(kind: str, consent: int) -> None:
    """The edge has taken the person out of them meanwhile, of which a worker knows nothing."""
    bench = Bench()
    bench.fold(act("view", 1))
    back = [act("consent_changed", 3, consent=3), act("view", 4)]
    rows = bench.fold(act(kind, 2, consent=consent), *back)
    assert listings(rows) == [LISTS] and rows[0].flags is not None


def test_after_hot_memory_was_lost_lists_are_told_of_again_of_everybody() -> None:
    bench = Bench()
    bench.fold(act("view", 1), act("view", 1, who=2))
    assert listings(bench.folding.shown_again([person(1)])) == [LISTS]
    assert listings(bench.fold(act("view", 2), act("view", 2, who=2))) == [None, LISTS]


def test_an_event_that_is_read_again_shows_its_person_with_lists() -> None:
    bench = Bench()
    bench.fold(act("view", 1))
    bench._offset = 0
    assert listings(bench.fold(act("view", 1))) == [LISTS]


def test_a_new_list_gets_its_members_at_their_next_event() -> None:
    bench = Bench()
    bench.fold(act("purchase", 1), act("purchase", 2))
    bench.catalogue = catalogue_of(*SEGMENTS[:2], SEGMENTS[2] | {"listed": True})
    assert listings(bench.fold(act("view", 3))) == [Listing("shop", (2, 9, 40))]


def listed(world: World, bit: int) -> list[str]:
    return asyncio.run(world.hot.read_members("shop", bit, "", 1_000)).people


def recounted(world: World, bit: int) -> list[str]:
    people = sorted({each.person for each in world.sent})
    rows = asyncio.run(world.hot.read_flags(people))
    return [
        who
        for who, row in zip(people, rows, strict=True)
        if row.value is not None and unpack_flags(row.value, 0).permanent >> bit & 1
    ]


def crowd(seed: int) -> list[Event]:
    """Thirty people who look, buy, withdraw and come back."""
    events = []
    for n in range(300):
        who = (n * 7 + seed) % 30
        kind = ("view", "purchase", "view", "consent_changed")[(n * 13 + who) % 4 if n % 5 == 0 else 0]
        consent = 3 if kind != "consent_changed" or n % 2 else 0
        events.append(act(kind, n, who=who, consent=consent, event_id=f"e{seed}-{n}"))
    return events


@pytest.mark.parametrize("lost", ["nothing", "wiped", "away"])
def test_lists_are_a_recount_of_what_is_shown_whatever_was_lost(lost: str) -> None:
    world = World(CATALOGUE)
    running = world.start()
    world.send(crowd(1))
    world.work_off(running)
    if lost == "wiped":
        world.hot.wipe()
        wait_until(lambda: len(world.shown()) > 0)
    world.hot.away = lost == "away"
    world.send(crowd(2))
    world.hot.away = False
    world.work_off(running)
    wait_until(lambda: not running.worker._showing.waiting)
    running.stop()
    for bit in LISTED:
        assert listed(world, bit) == recounted(world, bit) != []
    assert listed(world, 40) == [] != recounted(world, 40)


def test_control_a_worker_that_tells_of_lists_only_once_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(CATALOGUE)
    monkeypatch.setattr("cluster.stream.folding.NOT_TOLD", 1 << 9)
    world.send(crowd(1))
    world.work_off_in_order()
    assert listed(world, 9) != recounted(world, 9)
