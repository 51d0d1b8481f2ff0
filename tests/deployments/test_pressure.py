"""Pressure: what the scaling policy is told follows what happens, and calms down."""

import asyncio
import time

import pytest

from deployments.pressure import CALL_MS, LAG_MS, UNDER_WAY, Pressure


def test_it_follows_and_calms_down() -> None:
    pressure = Pressure(time.monotonic)
    for _ in range(60):
        pressure.late(0.020)
        pressure.took(0.004)
    told = pressure.told()
    assert told[LAG_MS] == pytest.approx(20, rel=0.01) and told[CALL_MS] == pytest.approx(4, rel=0.01)
    for _ in range(60):
        pressure.late(-0.001)
    assert pressure.told()[LAG_MS] < 0.1


def test_who_is_not_called_any_more_calms_down() -> None:
    pressure = Pressure(time.monotonic)
    for _ in range(60):
        pressure.took(0.040)
    told = [pressure.told()[CALL_MS] for _ in range(8)]
    assert told[0] > 39 and told[-1] < 1 and told == sorted(told, reverse=True)


@pytest.mark.anyio
async def test_a_loop_that_is_held_up_is_seen() -> None:
    now_s = 0.0
    pressure = Pressure(lambda: now_s)
    pressure.start()
    await asyncio.sleep(0)
    now_s += 3.0
    while not pressure.told()[LAG_MS]:
        await asyncio.sleep(0.01)
    assert pressure.told()[LAG_MS] == pytest.approx(295)


@pytest.mark.anyio
async def test_requests_under_way_are_told_as_a_running_mean() -> None:
    now_s = 0.0
    pressure = Pressure(lambda: now_s, lambda: 40)
    assert pressure.told()[UNDER_WAY] == 0
    pressure.start()
    while not pressure.told()[UNDER_WAY]:
        await asyncio.sleep(0.01)
    assert 0 < pressure.told()[UNDER_WAY] <= 40
