"""People read by the edge itself from hot memory, in one round trip; the feature reader is for whom that does not know.

A hop to another process costs several times what the read does (docs/decisions/0014), and hot memory knows nearly everybody.
What needs durable memory, its threads and its single flight goes to the feature reader.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from deployments.asks import ReadAsk, ReadReply
from rayce.coalesce import Coalescer
from rayce.consent import PERSONALIZATION
from rayce.errors import Unavailable
from rayce.gate import Gate
from rayce.stores.interfaces import HotReader

MAX_BATCH, IN_FLIGHT = 256, 8
MAX_ABSENT, ABSENT_KEPT_S = 50_000, 30.0
"""People without a list, and how long that is taken for granted: it may be that durable memory could not tell."""


class NearReader:
    """Belongs to one event loop."""

    def __init__(self, hot: HotReader, gate: Gate, clock: Callable[[], float] = time.monotonic) -> None:
        """`gate` is open while hot memory is away."""
        self._hot = hot
        self._gate = gate
        self._clock = clock
        self._rows = Coalescer(self._load, in_flight=IN_FLIGHT, max_batch=MAX_BATCH)
        self._absent: dict[tuple[int, str], float] = {}

    async def read(self, ask: ReadAsk) -> ReadReply | None:
        """None: hot memory is away, or does not have all that is asked for."""
        if not self._gate.allows(lambda: self._hot.read_states((ask.person,))):
            return None
        try:
            return await self._rows.get(ask)
        except Unavailable:
            return None

    def told(self, ask: ReadAsk, found: ReadReply) -> None:
        """What the feature reader has answered: who has no list is not asked for again at once."""
        if found.precomputed is None and ask.generation and found.purposes & PERSONALIZATION:
            if len(self._absent) > MAX_ABSENT:
                self._absent.clear()
            self._absent[ask.generation, ask.person] = self._clock() + ABSENT_KEPT_S

    async def _load(self, asks: Sequence[ReadAsk]) -> list[ReadReply | None]:
        """None: hot memory does not have all of it."""
        generations = list({ask.generation: None for ask in asks if ask.generation})
        persons = [ask.person for ask in asks]
        rows, *lists = await self._gate.through(
            lambda: asyncio.gather(
                self._hot.read_states(persons), *(self._hot.read_lists(number, persons) for number in generations)
            )
        )
        listed = dict(zip(generations, lists, strict=True))
        return [
            self._whole(ask, row.consent and row.consent.purposes, row.value, n, listed)
            for n, (ask, row) in enumerate(zip(asks, rows, strict=True))
        ]

    def _whole(
        self, ask: ReadAsk, purposes: int | None, state: bytes | None, n: int, listed: dict[int, list[bytes | None]]
    ) -> ReadReply | None:
        if purposes is None:
            return None
        if not purposes & PERSONALIZATION:  # what was read with it is dropped unread
            return ReadReply(purposes, None, None)
        precomputed = listed[ask.generation][n] if ask.generation else None
        if state is None:
            return None
        if ask.generation and precomputed is None and not self._has_none(ask):
            return None
        return ReadReply(purposes, state, precomputed)

    def _has_none(self, ask: ReadAsk) -> bool:
        return self._clock() < self._absent.get((ask.generation, ask.person), 0.0)
