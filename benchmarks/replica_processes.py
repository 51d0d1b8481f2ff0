"""The processes of a cluster on this machine that a benchmark disturbs: only those below its own process."""

import asyncio
import os
import signal
import time

from benchmarks.process_cpu import command_of
from benchmarks.program import descendants


def processes(part: str) -> list[int]:
    """Those of ours whose command line has this in it."""
    return [pid for pid in descendants(os.getpid()) if part in command_of(pid)]


def send(pids: list[int], number: signal.Signals) -> int:
    """A signal; returns how many were there to get it."""
    sent = 0
    for pid in pids:
        try:
            os.kill(pid, number)
            sent += 1
        except ProcessLookupError:
            continue
    return sent


async def duty_cycle(pids: list[int], pause_s: float, seconds: float) -> None:
    """Half of the time stopped: each process is as if its machine had too much to do."""
    until_s = time.perf_counter() + seconds
    try:
        while time.perf_counter() < until_s:
            send(pids, signal.SIGSTOP)
            await asyncio.sleep(pause_s)
            send(pids, signal.SIGCONT)
            await asyncio.sleep(pause_s)
    finally:
        send(pids, signal.SIGCONT)
