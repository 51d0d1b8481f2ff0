"""Open-loop load: operations start at intended times, whatever the system does, and latency counts from the intended time."""

import asyncio
import gc
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from hdrh.histogram import HdrHistogram

GENERATOR_NICENESS = -10


def histogram() -> HdrHistogram:
    """Microseconds to a minute, three digits."""
    return HdrHistogram(1, 60_000_000, 3)


def percentile_ms(found: HdrHistogram, percent: float) -> float:
    """A percentile in milliseconds."""
    return round(found.get_value_at_percentile(percent) / 1000, 3)


def hurry(niceness: int = GENERATOR_NICENESS) -> None:
    """Go before the system's processes, where this user may: a generator stands for callers, who have machines of their own."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)


async def run_open_loop(rate: float, seconds: float, operation: Callable[[int, float], Awaitable[None]]) -> float:
    """Start `operation(i, intended_s)` every 1/rate seconds; `intended_s` is on `time.perf_counter`'s clock.

    Returns the seconds from the first start to the end of the last operation. If the generator itself falls behind, the
    operations still carry their intended time, so that lateness counts.
    """
    gc.collect()
    gc.disable()  # the generator's own pauses are not the system's
    hurry()
    started_s = time.perf_counter()
    running: set[asyncio.Future[None]] = set()
    for i in range(int(rate * seconds)):
        intended_s = started_s + i / rate
        wait_s = intended_s - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.ensure_future(operation(i, intended_s))
        running.add(task)
        task.add_done_callback(running.discard)
        if i % 64 == 0:
            await asyncio.sleep(0)
    while running:
        await asyncio.gather(*running)
    gc.enable()
    hurry(0)  # what this process starts from now on is the system's
    return time.perf_counter() - started_s
