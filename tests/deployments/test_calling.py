"""Calls of replicas: few are under way, who waits shares the next one, and one that is late is given up."""

import asyncio

import pytest

from deployments.asks import ReadAsk, ReadReply, decode_read_asks, decode_read_replies, encode_read_replies
from deployments.calling import coalesced
from rayce.metrics import Metrics

pytestmark = pytest.mark.anyio


class Replica:
    """Answers when its gate opens."""

    def __init__(self) -> None:
        self.calls: list[list[ReadAsk]] = []
        self.gate = asyncio.Event()

    async def read_many(self, data: bytes) -> bytes:
        asks = decode_read_asks(data)
        self.calls.append(asks)
        await self.gate.wait()
        return encode_read_replies([ReadReply(1, ask.person.encode(), None) for ask in asks])


async def test_while_a_call_is_under_way_askers_gather_for_the_next() -> None:
    replica, metrics = Replica(), Metrics()
    ask = coalesced("reader", replica.read_many, decode_read_replies, 60.0, in_flight=1, max_batch=3, metrics=metrics)
    asked = [asyncio.ensure_future(ask(ReadAsk("p0", 0)))]
    while not replica.calls:
        await asyncio.sleep(0)
    asked += [asyncio.ensure_future(ask(ReadAsk(f"p{n}", 0))) for n in range(1, 6)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(replica.calls) == 1
    replica.gate.set()
    assert [reply.state for reply in await asyncio.gather(*asked)] == [b"p%d" % n for n in range(6)]
    assert [len(call) for call in replica.calls] == [1, 3, 2]
    assert metrics.values("rayce_calls_total") == [(("reader",), 3)]
    assert metrics.values("rayce_call_asks_total") == [(("reader",), 6)]


async def test_a_call_that_is_late_is_given_up_and_the_next_one_goes_out() -> None:
    replica = Replica()
    ask = coalesced("reader", replica.read_many, decode_read_replies, 0.02, in_flight=1, max_batch=3, metrics=Metrics())
    with pytest.raises(TimeoutError):
        await ask(ReadAsk("p1", 0))
    replica.gate.set()
    assert (await ask(ReadAsk("p2", 0))).state == b"p2"
