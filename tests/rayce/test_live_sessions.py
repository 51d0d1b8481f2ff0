"""The log's events are heard in the sessions of the live shelf, on a thread of their own."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rayce.errors import Unavailable
from rayce.event import Event, encode_event
from rayce.generations import Loaded
from rayce.live_sessions import OVERLAP_MS, LiveSessions, SessionFollower
from rayce.metrics import Metrics
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_key, session_rows
from rayce.shelf import Shelf
from rayce.stores.interfaces import EVENTS
from rayce.stores.memory_log import MemoryLog
from tests.samples import T0, event, person
from tests.shops import ITEMS, make_shelf


def view(*items: str, at: int = 0, who: int = 1, **more: Any) -> Event:
    return event("view", *items, at=T0 + at, who=who, **{"consent": 3, "session": "s1", **more})


def shelf_of(*sessions: tuple[int, list[str]]) -> Shelf:
    """A shelf with a session `s1` of each of these people, a millisecond between two products, from `T0` on."""
    shelf = make_shelf(ITEMS)
    rows = [
        (n, shelf.number[item], T0 + at) for n, (_who, items) in enumerate(sessions) for at, item in enumerate(items)
    ]
    session, item, at_ms = (
        (np.array(c, dtype=np.int64) for c in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 3
    )
    keys = np.array([session_key(person(who), "s1") for who, _items in sessions], dtype=np.uint64)
    built = session_rows(session.astype(np.int32), item.astype(np.int32), at_ms, keys)
    return shelf._replace(sessions=Sessions(built, len(shelf.ids)))


def next_of(shelf: Shelf, item: str) -> list[str]:
    assert shelf.sessions is not None
    found = shelf.sessions.near([shelf.number[item]], 20).items.tolist()
    return [shelf.ids[n] for n in found if shelf.ids[n] != item]


class World:
    """A log, the shelves by tenant, and a follower whose steps are taken here."""

    def __init__(self, **shelves: Shelf) -> None:
        self.log = MemoryLog()
        self.shelves = {tenant: Loaded(1, shelf) for tenant, shelf in shelves.items()}
        self.metrics = Metrics()
        self.live = LiveSessions(lambda: self.shelves, 1_000, self.metrics)
        self.now_s = 0.0
        self.failures = 0
        self.follower = SessionFollower(self.live, self.open, lambda: 0, lambda: self.now_s, self.failed)
        self.reader = self.log.reader(range(4))

    def open(self) -> Any:
        self.log.answer()
        return self.log.reader(range(4))

    def failed(self) -> None:
        self.failures += 1

    def send(self, *events: Event) -> None:
        self.log.write_all_now(EVENTS, [(each.person.encode(), encode_event(each)) for each in events])

    def step(self, seconds: float = 2.0) -> None:
        self.now_s += seconds
        self.follower.step(self.reader)


def test_what_somebody_touches_is_what_comes_next_for_others() -> None:
    world = World(shop=shelf_of((9, ["p1", "p2"])))
    world.send(view("p1", at=4), view("p5", at=5))
    world.step()
    assert next_of(world.shelves["shop"].value, "p1") == ["p5", "p2"]
    assert dict(world.metrics.values("rayce_session_rows")) == {(): 2}


def test_a_session_that_was_built_goes_on_and_is_heard_once() -> None:
    world = World(shop=shelf_of((1, ["p1", "p2"]), (2, ["p1", "p3"])))
    world.send(view("p1"), view("p2", at=1), view("p7", at=5))
    world.step()
    at_once = shelf_of((2, ["p1", "p3"]), (1, ["p1", "p2", "p7"]))
    assert next_of(world.shelves["shop"].value, "p1") == next_of(at_once, "p1")


def test_a_new_shelf_hears_the_same_at_once_though_nothing_else_has_come() -> None:
    world = World(shop=shelf_of())
    world.send(view("p1", at=4), view("p5", at=5))
    world.step()
    world.shelves["shop"] = Loaded(2, shelf_of((9, ["p1", "p2"])))
    world.step()
    assert next_of(world.shelves["shop"].value, "p1") == ["p5", "p2"]


def test_who_withdraws_is_not_heard_from_the_next_question_on() -> None:
    world = World(shop=shelf_of((1, ["p1", "p4"])))
    world.send(view("p1", at=10), view("p5", at=11))
    world.step()
    world.send(event("consent_changed", who=1, consent=0))
    world.step(seconds=0.0)
    assert next_of(world.shelves["shop"].value, "p1") == []


def test_a_tenant_hears_only_its_own() -> None:
    world = World(shop=shelf_of(), other=shelf_of())
    world.send(view("p1", at=4), view("p5", at=5), view("p1", tenant="stranger"), view("p6", at=1, tenant="stranger"))
    world.step()
    assert next_of(world.shelves["shop"].value, "p1") == ["p5"]
    assert next_of(world.shelves["other"].value, "p1") == []
    assert world.live._recent.keys() == {"shop"}, "nothing is kept of who has no shelf"


def test_it_reads_from_where_the_shelf_ends_with_an_overlap_but_not_from_too_long_ago() -> None:
    world = World(shop=shelf_of((1, ["p1", "p2"])))
    assert world.live.since_ms(0) == T0 + 1 - OVERLAP_MS
    assert world.live.since_ms(T0 + 7) == T0 + 7
    assert World().live.since_ms(5) == 5


def test_a_shelf_without_sessions_is_left_alone() -> None:
    world = World(shop=make_shelf(ITEMS))
    world.send(view("p1", at=4), view("p5", at=5))
    world.step()
    assert world.shelves["shop"].value.sessions is None


def until(happened: Callable[[], bool]) -> None:
    for _ in range(500):
        if happened():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never came")


def test_brokers_that_are_away_are_waited_for_and_what_is_there_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayce.live_sessions.AGAIN_S", 0.01)
    monkeypatch.setattr("rayce.live_sessions.WAIT_MS", 10)
    monkeypatch.setattr("rayce.live_sessions.RENEW_S", 0.0)
    world = World(shop=shelf_of((9, ["p1", "p2"])))
    shelf = world.shelves["shop"].value
    world.log.away = True
    follower = SessionFollower(world.live, world.open, lambda: 0, failed=world.failed)
    follower.start()
    try:
        until(lambda: world.failures > 2)
        assert next_of(shelf, "p1") == ["p2"]
        world.log.away = False
        world.send(view("p1", at=4), view("p5", at=5))
        until(lambda: "p5" in next_of(shelf, "p1"))
        world.log.away = True
        until(lambda: world.failures > 5)
        assert "p5" in next_of(shelf, "p1")
        world.log.away = False
        world.send(view("p1", who=2), view("p6", at=1, who=2))
        until(lambda: "p6" in next_of(shelf, "p1"))
        assert len(world.live._recent["shop"]) == 4, "gone on where it was, not begun anew"
    finally:
        follower.stop()


def test_an_error_of_ours_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayce.live_sessions.AGAIN_S", 0.01)
    monkeypatch.setattr("rayce.live_sessions.WAIT_MS", 10)
    monkeypatch.setattr("rayce.live_sessions.RENEW_S", 0.0)
    world = World(shop=shelf_of())
    taken = world.live.take
    broken = iter([True])

    def take(values: Any) -> bool:
        values = list(values)
        if values and next(broken, False):
            raise ZeroDivisionError
        return taken(values)

    monkeypatch.setattr(world.live, "take", take)
    world.send(view("p9"))
    world.follower.start()
    try:
        until(lambda: world.failures == 1)
        world.send(view("p1", at=4), view("p5", at=5))
        until(lambda: next_of(world.shelves["shop"].value, "p1") == ["p5"])
    finally:
        world.follower.stop()


def test_follow_says_where_no_broker_answers() -> None:
    world = World(shop=shelf_of())
    world.log.away = True
    with pytest.raises(Unavailable):
        world.follower.follow()
