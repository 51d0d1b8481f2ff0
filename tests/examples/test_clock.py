"""The shop's clock."""

import asyncio

from examples.demo.clock import MAX_SPEED, SimulatedClock
from tests.examples.loops import in_loop

START_MS, WALL_MS = 1_000_000, 10_000_000


class Seconds:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_clock(speed: float = 100.0) -> tuple[SimulatedClock, Seconds]:
    seconds = Seconds()
    return SimulatedClock(START_MS, speed, seconds=seconds, wall_ms=lambda: WALL_MS), seconds


def test_a_second_is_as_many_seconds_as_the_speed_says() -> None:
    clock, seconds = a_clock()
    seconds.now = 2.0
    assert clock.now_ms() == START_MS + 200_000
    clock.set_speed(10.0)
    seconds.now = 3.0
    assert clock.now_ms() == START_MS + 210_000


def test_it_stands_still_while_paused() -> None:
    clock, seconds = a_clock()
    seconds.now = 1.0
    clock.pause()
    seconds.now = 50.0
    assert clock.now_ms() == START_MS + 100_000
    clock.resume()
    assert clock.now_ms() == START_MS + 100_000


def test_it_never_passes_the_real_present_nor_what_it_is_held_at() -> None:
    clock, seconds = a_clock()
    clock.hold(START_MS + 5_000)
    seconds.now = 1.0
    assert clock.now_ms() == START_MS + 5_000
    clock.hold()
    seconds.now = 1e6
    assert clock.now_ms() == WALL_MS


@in_loop
async def test_at_full_speed_it_jumps_and_paused_it_waits() -> None:
    clock = SimulatedClock(START_MS, MAX_SPEED, wall_ms=lambda: WALL_MS)
    await asyncio.wait_for(clock.reach(START_MS + 9_000), 1)
    assert clock.now_ms() >= START_MS + 9_000
    clock.pause()
    waiting = asyncio.create_task(clock.reach(START_MS + 10_000))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    clock.resume()
    await asyncio.wait_for(waiting, 1)


@in_loop
async def test_who_waits_notices_a_new_speed() -> None:
    clock = SimulatedClock(START_MS, 0.001, wall_ms=lambda: WALL_MS)
    waiting = asyncio.create_task(clock.reach(START_MS + 100))
    await asyncio.sleep(0.01)
    clock.set_speed(100_000.0)
    await asyncio.wait_for(waiting, 1)
