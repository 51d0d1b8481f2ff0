"""What the event path says of itself in `/metrics`, and waiting until it has caught up."""

import asyncio
from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from examples.demo.prometheus import samples
from rayce.client import RayceClient, RayceClientError

POLL_S = 0.25


class StreamState(Struct, frozen=True):
    """Sums over all partitions: events folded since the workers began, events not folded yet, not durable yet."""

    events: float = 0
    lag: float = 0
    durable_lag: float = 0
    dead_letters: float = 0
    known: bool = False

    @property
    def idle(self) -> bool:
        """Everything that was sent is folded and durable."""
        return self.known and self.lag == 0 and self.durable_lag == 0


class NotCaughtUp(Exception):
    """The stream did not catch up in the time it was given. Look at the workers' log; nothing is lost yet."""


def stream_state(metrics: str) -> StreamState:
    """The state in a text of metrics. A worker that does not know its lag yet says -1: then nothing is known."""
    found = samples(metrics)
    lags = found.get("rayce_stream_lag_events", []), found.get("rayce_stream_durable_lag_events", [])
    return StreamState(
        events=sum(found.get("rayce_stream_events_total", [])),
        lag=sum(max(0, lag) for lag in lags[0]),
        durable_lag=sum(max(0, lag) for lag in lags[1]),
        dead_letters=sum(found.get("rayce_stream_dead_letters_total", [])),
        known=bool(lags[0]) and min(lags[0]) >= 0 and min(lags[1], default=0) >= 0,
    )


async def read_stream(rayce: RayceClient) -> StreamState:
    """The state now."""
    return stream_state(await rayce.metrics())


async def caught_up(
    rayce: RayceClient,
    *,
    beyond: float = 0,
    timeout_s: float = 300,
    poll_s: float = POLL_S,
    on_state: Callable[[StreamState], None] = lambda _: None,
) -> StreamState:
    """Waits until the lag is 0 in two looks and at least `beyond` events are folded, or nothing has moved for 10 s.

    The gauges may be older than the last event; that is what the second condition is for. `NotCaughtUp` after `timeout_s`.
    """
    started = moved = monotonic()
    last, idle = StreamState(), 0
    while monotonic() - started < timeout_s:
        try:
            state = await read_stream(rayce)
        except RayceClientError:
            await asyncio.sleep(poll_s)
            continue
        on_state(state)
        if state != last:
            last, moved = state, monotonic()
        idle = idle + 1 if state.idle else 0
        if idle >= 2 and (state.events >= beyond or monotonic() - moved > 10):
            return state
        await asyncio.sleep(poll_s)
    raise NotCaughtUp(f"the stream is still {last.lag:.0f} events behind ({last.durable_lag:.0f} not durable)")
