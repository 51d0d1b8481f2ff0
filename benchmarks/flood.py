"""A flood of requests of mixed priorities from a process of its own: open loop, raw sockets, about 30 µs of CPU a request.

`python -m benchmarks.flood` reads a `Flood` as JSON from standard input and prints what came of each phase as JSON. It looks
at a reply's status line and length only, and asks for nothing that has to be built: every request is a prepared text.
"""

import asyncio
import gc
import random
import sys
import time
from collections import deque
from typing import cast

import msgspec
import uvloop
from hdrh.histogram import HdrHistogram
from msgspec import Struct

from benchmarks.open_loop import histogram, hurry, percentile_ms

BIN_S = 0.25
LIVE = b"rayce-served: live"


class Phase(Struct, frozen=True):
    """So many requests a second for so long, shared out over the priorities."""

    name: str
    rate: float
    seconds: float
    mix: dict[str, float]


class Flood(Struct, frozen=True):
    """Where to, as whom, what for, and when."""

    host: str
    port: int
    api_key: str
    paths: list[str]
    phases: list[Phase]
    seed: int = 1
    give_up_s: float = 5.0


class Seen(Struct):
    """What came of the requests of one priority in one phase; latencies in ms from the intended moment, and from sending."""

    sent: int = 0
    good: int = 0
    live: int = 0
    shed: int = 0
    server_errors: int = 0
    """5xx other than 503, replies that never came, and broken connections."""
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    shed_p50_ms: float = 0.0
    shed_p99_ms: float = 0.0
    shed_p99_ms_from_intended: float = 0.0


class PhaseSeen(Struct):
    """By priority; good replies by the second in which they came; when the last bin with a trouble began (s in the phase)."""

    name: str
    seconds: float
    by_priority: dict[str, Seen]
    good_by_second: list[int]
    last_trouble_s: float
    cpu_s: float
    """Of this process."""
    late_p99_ms: float
    """How late requests were sent."""


class _Tally:
    def __init__(self) -> None:
        self.seen = Seen()
        self.good, self.shed, self.shed_intended = histogram(), histogram(), histogram()

    def result(self) -> Seen:
        self.seen.p50_ms, self.seen.p90_ms, self.seen.p99_ms = (percentile_ms(self.good, p) for p in (50, 90, 99))
        self.seen.shed_p50_ms, self.seen.shed_p99_ms = percentile_ms(self.shed, 50), percentile_ms(self.shed, 99)
        self.seen.shed_p99_ms_from_intended = percentile_ms(self.shed_intended, 99)
        return self.seen


class _Run:
    """One phase's counters."""

    def __init__(self, phase: Phase, trouble_ms: float) -> None:
        self.phase = phase
        self.tallies = {name: _Tally() for name in phase.mix}
        self.started_s = time.perf_counter()
        self.good_by_second = [0] * (int(phase.seconds) + 30)
        self.trouble_s = 0.0
        self.late: HdrHistogram = histogram()
        self._trouble_us = trouble_ms * 1000

    def done(self, name: str, status: int, live: bool, intended_s: float, sent_s: float) -> None:
        now_s = time.perf_counter()
        tally = self.tallies[name]
        seen, us = tally.seen, (now_s - intended_s) * 1e6
        if status == 200:
            seen.good += 1
            seen.live += live
            tally.good.record_value(int(us))
            self.good_by_second[min(len(self.good_by_second) - 1, int(now_s - self.started_s))] += 1
        elif status in (503, 429):
            seen.shed += 1
            tally.shed.record_value(int((now_s - sent_s) * 1e6))
            tally.shed_intended.record_value(int(us))
        else:
            seen.server_errors += 1
        if status != 200 or us > self._trouble_us:
            self.trouble_s = max(self.trouble_s, intended_s - self.started_s + BIN_S)


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, pool: "_Pool") -> None:
        self._pool = pool
        self._ask: tuple[_Run, str, float, float] | None = None
        self._got = b""
        self._whole = -1
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, text: bytes, run: _Run, name: str, intended_s: float) -> None:
        self._ask = (run, name, intended_s, time.perf_counter())
        self._transport.write(text)

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        if self._whole < 0:
            end = got.find(b"\r\n\r\n")
            if end < 0:
                return
            at = got.lower().find(b"content-length:", 0, end)
            self._whole = end + 4 + (int(got[at + 15 : got.find(b"\r", at)]) if at >= 0 else 0)
        if len(got) >= self._whole:
            self._end(int(got[9:12]), LIVE in got)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._end(0, False)

    def give_up(self, before_s: float) -> None:
        """Break off a request that was sent before then."""
        if self._ask is not None and self._ask[3] < before_s:
            self._transport.abort()

    def _end(self, status: int, live: bool) -> None:
        ask, self._ask, self._got, self._whole = self._ask, None, b"", -1
        if ask is not None:
            self._pool.busy -= 1
            ask[0].done(ask[1], status, live, ask[2], ask[3])
        if self.open:
            self._pool.idle.append(self)


class _Pool:
    def __init__(self, flood: Flood) -> None:
        self._flood = flood
        self.idle: deque[_Connection] = deque()
        self.all: list[_Connection] = []
        self.busy = 0

    async def ask(self, text: bytes, run: _Run, name: str, intended_s: float) -> None:
        run.tallies[name].seen.sent += 1
        self.busy += 1
        while self.idle:
            connection = self.idle.pop()
            if connection.open:
                connection.send(text, run, name, intended_s)
                return
        loop = asyncio.get_running_loop()
        try:
            _transport, connection = await loop.create_connection(
                lambda: _Connection(self), self._flood.host, self._flood.port
            )
        except OSError:
            self.busy -= 1
            run.done(name, 0, False, intended_s, intended_s)
            return
        self.all.append(connection)
        connection.send(text, run, name, intended_s)


async def run_flood(flood: Flood, trouble_ms: float = 100.0) -> list[PhaseSeen]:
    """All phases, one after the other, over the same connections."""
    pool, chance = _Pool(flood), random.Random(flood.seed)
    reaper = asyncio.ensure_future(_reap(pool, flood.give_up_s))
    gc.collect()
    gc.disable()
    hurry()
    found = [await _run_phase(flood, phase, pool, chance, trouble_ms) for phase in flood.phases]
    reaper.cancel()
    return found


async def _run_phase(flood: Flood, phase: Phase, pool: _Pool, chance: random.Random, trouble_ms: float) -> PhaseSeen:
    texts = {name: [_text(flood, path, name) for path in flood.paths] for name in phase.mix}
    count = int(phase.rate * phase.seconds)
    names = chance.choices(list(phase.mix), weights=list(phase.mix.values()), k=count)
    run, cpu_s, opening = _Run(phase, trouble_ms), time.process_time(), set[asyncio.Future[None]]()
    for i, name in enumerate(names):
        intended_s = run.started_s + i / phase.rate
        wait_s = intended_s - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif i % 16 == 0:
            await asyncio.sleep(0)
        run.late.record_value(max(1, int((time.perf_counter() - intended_s) * 1e6)))
        asking = pool.ask(texts[name][i % len(flood.paths)], run, name, intended_s)
        if pool.idle:
            await asking
        else:
            task = asyncio.ensure_future(asking)
            opening.add(task)
            task.add_done_callback(opening.discard)
    until_s = run.started_s + phase.seconds
    await asyncio.sleep(max(0.0, until_s - time.perf_counter()))
    answered_s = time.perf_counter() + flood.give_up_s + 1
    if phase is flood.phases[-1]:
        while pool.busy and time.perf_counter() < answered_s:
            await asyncio.sleep(0.01)
    by_priority = {name: tally.result() for name, tally in run.tallies.items()}
    return PhaseSeen(
        phase.name,
        phase.seconds,
        by_priority,
        run.good_by_second[: int(phase.seconds)],
        round(run.trouble_s, 2),
        round(time.process_time() - cpu_s, 3),
        percentile_ms(run.late, 99),
    )


async def _reap(pool: _Pool, give_up_s: float) -> None:
    while True:
        await asyncio.sleep(0.5)
        for connection in pool.all:
            connection.give_up(time.perf_counter() - give_up_s)
        pool.all = [connection for connection in pool.all if connection.open]


def _text(flood: Flood, path: str, priority: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: {flood.host}\r\nAuthorization: Bearer {flood.api_key}\r\n"
    return f"{head}rayce-priority: {priority}\r\n\r\n".encode()


def main() -> None:
    """See the module."""
    flood = msgspec.json.decode(sys.stdin.buffer.read(), type=Flood)
    assert flood.host in ("127.0.0.1", "localhost", "::1"), "load goes to this machine only"
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run_flood(flood))) + b"\n")


if __name__ == "__main__":
    main()
