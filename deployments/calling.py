"""A replica's method as the edge calls it: once for all who ask in the same tick, with one text each way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from deployments.asks import encode_asks
from rayce.coalesce import Coalescer
from rayce.metrics import Metrics

A = TypeVar("A")


def coalesced(
    name: str,
    remote: Callable[[bytes], Awaitable[bytes]],
    decode: Callable[[bytes], list[A]],
    within_s: float,
    *,
    in_flight: int,
    max_batch: int,
    metrics: Metrics,
) -> Callable[[Any], "asyncio.Future[A]"]:
    """Few calls under way at a time: while they are, askers gather and share the next one, the more the busier it is.

    A call that nobody can be waiting for any more is given up: while no replica is there calls would pile up.
    """

    async def load(asks: Sequence[Any]) -> list[A]:
        metrics.add("rayce_calls_total", 1, name)
        metrics.add("rayce_call_asks_total", len(asks), name)
        async with asyncio.timeout(within_s):
            return decode(await remote(encode_asks(asks)))

    coalescer: Coalescer[Any, A] = Coalescer(load, in_flight=in_flight, max_batch=max_batch)
    return coalescer.get
