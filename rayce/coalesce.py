"""Coalescing: callers that ask in the same event-loop tick share one batch, and two that ask for one key share one answer.

A hop or a store read costs far more than the work in it, so this is where request throughput comes from (docs/decisions/0003).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Coalescer(Generic[K, V]):
    """Turns `get(key)` of many callers into `load(keys)` of few batches.

    `load` returns one value a key, in order; if it raises, every caller of that batch gets the error. At most `in_flight`
    batches are under way; more callers wait for the next batch, which grows up to `max_batch`.
    """

    def __init__(
        self, load: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, in_flight: int, max_batch: int
    ) -> None:
        self._load = load
        self._free = in_flight
        self._max_batch = max_batch
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self._scheduled = False
        self._running: set[asyncio.Task[None]] = set()

    def get(self, key: K) -> "asyncio.Future[V]":
        """The value of the key, once its batch is done. Cancel-safe: others that wait for the key are not disturbed."""
        waiting = self._waiting.get(key)
        if waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting[key] = waiting = loop.create_future()
            waiting.add_done_callback(_retrieve)
            if not self._scheduled:
                self._scheduled = True
                loop.call_soon(self._start)
        return asyncio.shield(waiting)

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and self._free:
            keys = list(self._waiting)[: self._max_batch]
            batch = {key: self._waiting.pop(key) for key in keys}
            self._free -= 1
            task = asyncio.ensure_future(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, batch: "dict[K, asyncio.Future[V]]") -> None:
        try:
            values = await self._load(list(batch))
            if len(values) != len(batch):
                raise ValueError(f"{len(values)} values for {len(batch)} keys")
            for future, value in zip(batch.values(), values, strict=True):
                future.set_result(value)
        except (Exception, asyncio.CancelledError) as error:  # the callers get it
            for future in batch.values():
                if not future.done():
                    future.set_exception(error)
        finally:
            self._free += 1
            self._start()


def _retrieve(future: "asyncio.Future[V]") -> None:
    """An error nobody waits for any more is not worth a warning."""
    if not future.cancelled():
        future.exception()
