"""Sends events until the log has them: the same event ids again after no answer, so nothing is lost and nothing doubled."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from examples.demo.dataset import ShopEvent
from rayce.client import EventsReply, RayceClient, RayceClientError, RayceHTTPError, RayceUnreachable

RETRIED = (429, 503)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


async def send(
    rayce: RayceClient,
    events: Sequence[ShopEvent],
    *,
    patience_s: float,
    on_failure: Callable[[RayceClientError], None] = lambda _: None,
) -> EventsReply:
    """The reply to the first attempt that got one; `on_failure` hears of each other attempt.

    Raises the last error after `patience_s`, and at once what trying again cannot mend.
    """
    until, pause_s = monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        try:
            return await rayce.post_events(events)
        except (RayceHTTPError, RayceUnreachable) as error:
            on_failure(error)
            if isinstance(error, RayceHTTPError):
                if error.status not in RETRIED:
                    raise
                pause_s = max(pause_s, min(error.retry_after_s or 0, _LONGEST_PAUSE_S))
            if monotonic() + pause_s > until:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
