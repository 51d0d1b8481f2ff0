"""Calls rayce until it answers: the same call again after no answer, so nothing is lost.

That is safe for what the demo sends: consent and products replace themselves, and events keep their ids.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from rayce.client import RayceClientError, RayceHTTPError, RayceUnreachable

RETRIED = (429, 502, 503, 504)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0

T = TypeVar("T")


async def patiently(
    call: Callable[[], Awaitable[T]],
    *,
    patience_s: float,
    on_failure: Callable[[RayceClientError], None] = lambda _: None,
) -> T:
    """The reply to the first attempt that got one; `on_failure` hears of each other attempt.

    Raises the last error after `patience_s`, and at once what trying again cannot mend.
    """
    until, pause_s = monotonic() + patience_s, _FIRST_PAUSE_S
    while True:
        try:
            return await call()
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
