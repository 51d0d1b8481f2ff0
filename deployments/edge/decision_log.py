"""The log of decisions: `tell` and forget. A decision waits in memory until the next flush; no reply ever waits for it.

What brokers do not take waits on, within bounds: of what is too much the oldest is dropped and counted. A batch whose fate
is not known is sent again, so a decision may be in the log twice: `decision_id` (and `event_id`, of impressions) tell.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from rayce.decision import Decision, encode_decision
from rayce.errors import Unavailable
from rayce.metrics import Metrics
from rayce.stores.interfaces import DECISIONS

log = structlog.get_logger(__name__)

BATCH, TURN = 2_000, 16
"""Decisions of one flush (the client's buffer must never fill up: it would block), and of them those handed to the client
in one turn of the event loop (about half a millisecond): requests go in between.
"""


class Writer(Protocol):
    """See `rayce.stores.kafka_log.LogWriter.write`."""

    async def write(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Returns once all records are acknowledged; `Unavailable` otherwise."""
        ...


class DecisionLog:
    """Belongs to one event loop: all calls are made on it."""

    def __init__(self, writer: Writer, metrics: Metrics, most: int) -> None:
        """At most so many decisions wait, and `BATCH` are under way."""
        self._writer = writer
        self._metrics = metrics
        self._most = most
        self._waiting: deque[Decision] = deque(maxlen=most)
        self._flushing = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Decisions that are not under way yet."""
        return len(self._waiting)

    def tell(self, decision: Decision) -> None:
        """Take it; microseconds, never an error."""
        self._metrics.add("rayce_decisions_total", 1, decision.kind)
        if len(self._waiting) == self._most:
            self._metrics.add("rayce_decisions_dropped_total")
        self._waiting.append(decision)

    def start(self, every_s: float) -> None:
        """Flush at intervals until `close`."""
        self._running = asyncio.get_running_loop().create_task(self._run(every_s))

    async def close(self) -> None:
        """Write what waits, as far as brokers take it; what they do not is dropped and counted."""
        async with self._flushing:  # what is under way ends first
            if self._running is not None:
                self._running.cancel()
        before = -1
        while self._waiting and len(self._waiting) != before:
            before = len(self._waiting)
            await self.flush()
        self._drop(len(self._waiting))
        self._waiting.clear()

    async def flush(self) -> None:
        """Write what waits, `BATCH` at the most; what was not acknowledged waits on. Never raises for the log's sake."""
        async with self._flushing:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            turns = [batch[start : start + TURN] for start in range(0, len(batch), TURN)]
            writes = []
            for turn in turns:
                writes.append(asyncio.create_task(self._done_with(turn)))
                await asyncio.sleep(0)
            done = await asyncio.gather(*writes)
            self._put_back([one for turn, was in zip(turns, done, strict=True) if not was for one in turn])

    async def _run(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await self.flush()

    async def _done_with(self, turn: Sequence[Decision]) -> bool:
        """Whether these need not be sent again."""
        try:
            records = [(one.person or one.decision_id, encode_decision(one)) for one in turn]
            await self._writer.write(DECISIONS, records)
        except Unavailable as error:
            self._metrics.add("rayce_failures_total", 1, error.store)
            return False
        except Exception:  # a bug: sending them again would not mend it
            log.exception("decisions_not_written", decisions=len(turn))
            self._drop(len(turn))
        return True

    def _put_back(self, late: Sequence[Decision]) -> None:
        """Before what has come meanwhile, as far as there is room: the oldest have to go first."""
        kept = late[max(0, len(late) + len(self._waiting) - self._most) :]
        self._drop(len(late) - len(kept))
        self._waiting.extendleft(reversed(kept))

    def _drop(self, count: int) -> None:
        if count:
            self._metrics.add("rayce_decisions_dropped_total", count)
