"""Events on their way: none lost while there is room and time, none counted twice, never in the way."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rayce.client_errors import Problem, RayceHTTPError, RayceUnreachable
from rayce.event_queue import EventQueue
from rayce.replies import EventsReply, RowError
from tests.examples.loops import in_loop
from tests.samples import T0


class Log:
    """Takes batches; `faults` are raised first, one a call; `after` says whether the batch was taken all the same."""

    def __init__(self, *faults: Exception, after: bool = False) -> None:
        self.faults = list(faults)
        self.after = after
        self.batches: list[list[Any]] = []
        self.events: dict[str, Any] = {}

    async def post(self, events: Sequence[Any]) -> EventsReply:
        self.batches.append(list(events))
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or self.after:
            self.events.update((event["event_id"], event) for event in events)
        if fault is not None:
            raise fault
        return EventsReply(len(events))


def queue(log: Log, **more: Any) -> EventQueue:
    return EventQueue(log.post, lambda: T0, **{"every_s": 0.0, "chance": lambda: 0.0, **more})


def view(n: int) -> dict[str, Any]:
    return {"type": "view", "user_id": "ada", "items": [{"item_id": f"p{n}"}]}


@in_loop
async def test_they_are_sent_in_order_and_in_batches() -> None:
    log = Log()
    events = queue(log, batch=4)
    assert [events.put(view(n)) for n in range(10)] == [True] * 10
    await events.close(10)
    assert [len(batch) for batch in log.batches] == [4, 4, 2]
    assert [event["items"][0]["item_id"] for event in log.events.values()] == [f"p{n}" for n in range(10)]
    assert (len(events), events.dropped, events.refused) == (0, 0, 0)


@in_loop
async def test_each_has_its_moment_and_an_id_of_its_own_unless_it_brings_them() -> None:
    log = Log()
    events = queue(log)
    events.put(view(1))
    events.put({**view(2), "event_id": "mine", "timestamp": 5})
    await events.close(10)
    first, second = log.events.values()
    assert (first["timestamp"], second["timestamp"], second["event_id"]) == (T0, 5, "mine")
    assert first["event_id"][14] == "7"


@in_loop
async def test_what_fails_is_sent_again_with_the_same_ids_so_that_it_counts_once() -> None:
    away = [RayceUnreachable("away"), RayceHTTPError(503, Problem()), RayceHTTPError(429, Problem(), 0.0)]
    log = Log(*away, after=True)  # the log has them, but nobody was told: the worst case
    events = queue(log)
    events.put(view(1))
    await events.close(10)
    assert len(log.batches) == 4
    assert len(log.events) == 1


@in_loop
async def test_what_will_never_be_taken_is_counted_and_left() -> None:
    log = Log(RayceHTTPError(422, Problem()))
    events = queue(log, batch=2)
    for n in range(4):
        events.put(view(n))
    await events.close(10)
    assert (events.refused, len(log.events)) == (2, 2)


@in_loop
async def test_refused_rows_of_a_good_batch_are_counted() -> None:
    async def post(_events: Sequence[Any]) -> EventsReply:
        return EventsReply(1, 0, [RowError(0)])

    events = EventQueue(post, lambda: T0, every_s=0.0)
    events.put(view(1))
    await events.close(10)
    assert events.refused == 1


@in_loop
async def test_a_batch_that_is_too_large_is_halved() -> None:
    log = Log(RayceHTTPError(413, Problem()), RayceHTTPError(413, Problem()))
    events = queue(log, batch=8)
    for n in range(8):
        events.put(view(n))
    await events.close(10)
    assert [len(batch) for batch in log.batches] == [8, 4, 2, 2, 2, 2]
    assert len(log.events) == 8


@in_loop
async def test_a_full_queue_refuses_at_once() -> None:
    events = queue(Log(), most=3)
    assert [events.put(view(n)) for n in range(5)] == [True] * 3 + [False] * 2
    assert (len(events), events.dropped) == (3, 2)
    await events.close(10)


@in_loop
async def test_closing_ends_though_nobody_takes_them() -> None:
    async def never(_events: Sequence[Any]) -> EventsReply:
        await asyncio.Event().wait()
        raise AssertionError

    events = EventQueue(never, lambda: T0, every_s=0.0)
    events.put(view(1))
    async with asyncio.timeout(30):
        await events.close(0.05)
    assert (len(events), events.dropped) == (0, 1)


def test_what_is_no_json_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        queue(Log()).stamped({"type": object()})
