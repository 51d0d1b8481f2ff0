"""Events on their way: put without waiting, sent in batches in the background, sent again until the log has them.

An event has its id from the moment it is put, so one that is sent twice counts once. The queue is bounded: what does not fit is
refused at once, and counted; a page is never slowed down for the sake of an event.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from rayce.client_errors import RayceClientError, RayceHTTPError
from rayce.replies import EventsReply
from rayce.uuid7 import uuid7

Body = Mapping[str, Any] | Struct
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
RETRY = (408, 429)
TOO_LARGE = 413


class EventQueue:
    """`post` sends one batch. `now_ms` dates events that have no timestamp; `chance` spreads repetitions (0 to 1)."""

    def __init__(
        self,
        post: Callable[[Sequence[Body]], Awaitable[EventsReply]],
        now_ms: Callable[[], int],
        most: int = 10_000,
        batch: int = 500,
        every_s: float = 0.25,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._post = post
        self._now_ms = now_ms
        self._most = most
        self._batch = batch
        self._every_s = every_s
        self._chance = chance
        self._waiting: deque[Body] = deque()
        self._running: asyncio.Task[None] | None = None
        self.dropped = 0
        """Events that did not fit, or were left when the queue was closed."""
        self.refused = 0
        """Events that the server will never take; its reasons are in the reply of `post_events`."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: Body) -> bool:
        """Queue an event; False where there is no room. Call it in the event loop."""
        if not self.take(self.stamped(event)):
            return False
        self.start()
        return True

    def take(self, event: Body) -> bool:
        """Queue a stamped event without starting anything; may be called from any thread."""
        if len(self._waiting) >= self._most:
            self.dropped += 1
            return False
        self._waiting.append(event)
        return True

    def stamped(self, event: Body) -> dict[str, Any]:
        """The event with an id and a moment of its own."""
        now_ms = self._now_ms()
        return {"event_id": str(uuid7(now_ms)), "timestamp": now_ms, **msgspec.to_builtins(event)}

    def start(self) -> None:
        """Send what waits, in the background."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def close(self, within_s: float) -> None:
        """Send what is left, as far as it can be sent within `within_s`; what cannot is dropped, and counted."""
        try:
            async with asyncio.timeout(within_s):
                while self._waiting or (self._running is not None and not self._running.done()):
                    self.start()
                    assert self._running is not None
                    await self._running
        except TimeoutError:
            self.dropped += len(self._waiting)
            self._waiting.clear()

    async def _run(self) -> None:
        """Gathers for a moment, then sends until nothing waits."""
        wait_s, size = FIRST_WAIT_S, self._batch
        await asyncio.sleep(self._every_s if len(self._waiting) < size else 0)
        while self._waiting:
            sent = [self._waiting[i] for i in range(min(size, len(self._waiting)))]
            try:
                reply = await self._post(sent)
                self.refused += len(reply.errors)
            except RayceHTTPError as error:
                if error.status >= 500 or error.status in RETRY:
                    await asyncio.sleep(max(error.retry_after_s or 0.0, wait_s * (0.5 + self._chance())))
                    wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
                    continue
                if error.status == TOO_LARGE and len(sent) > 1:
                    size = len(sent) // 2
                    continue
                self.refused += len(sent)
            except RayceClientError:
                await asyncio.sleep(wait_s * (0.5 + self._chance()))
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
                continue
            for _event in sent:
                self._waiting.popleft()
            wait_s = FIRST_WAIT_S
