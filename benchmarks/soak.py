"""A worker under steady traffic for a long time: does its memory stop growing once it has warmed up?

Real Kafka, Redis and DynamoDB Local. Users come and go: at any moment some are active, each for a while, and more than the
worker's memory may hold pass through; event time runs faster than the clock, so that windows and remembered ids
turn over too. The resident memory of the worker's process is sampled; growth is the slope of a straight line (least squares)
after the warm-up. At the end every user's profile is counted.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.event_log import EventLog
from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import TENANT, shop_events
from benchmarks.stand_in_model import publish_stand_in_model
from benchmarks.stream_stores import lost_and_doubled, stores
from benchmarks.worker_process import WorkerProcess
from rayce.event import Event

FROM_MS = 1_767_225_600_000
HOURS_A_SECOND = 1.0
"""Event time for each second of the clock: twenty minutes are fifty days."""
SECONDS_A_PART = 1.0
PATIENCE_S = 120.0


class Churn:
    """Events of users who come and go: of a window of `active` users everybody is as likely; it moves on by `new_per_s`."""

    def __init__(self, active: int, new_per_s: float, seed: int) -> None:
        self._active, self._new_per_s = active, new_per_s
        self._noise = np.random.default_rng(seed)
        self._second = 0
        self.sent: Counter[str] = Counter()

    def next(self, count: int) -> Iterator[Event]:
        """The events of the next second."""
        first = int(self._second * self._new_per_s)
        who = (first + self._noise.integers(0, self._active, count)).tolist()
        from_ms = FROM_MS + int(self._second * HOURS_A_SECOND * 3_600_000)
        step_ms = HOURS_A_SECOND * 3_600_000 / count
        for event in shop_events(who, "soak", from_ms, step_ms, self._second):
            self.sent[event.person] += 1
            yield event
        self._second += 1

    @property
    def users(self) -> int:
        """How many have been there."""
        return len(self.sent)


def growth_mib_per_hour(samples: list[tuple[float, float]]) -> float:
    """Slope of the least-squares line through (seconds, MiB).

    >>> growth_mib_per_hour([(0.0, 100.0), (1800.0, 101.0), (3600.0, 102.0)])
    2.0
    """
    seconds, mib = np.array(samples).T
    return round(float(np.polyfit(seconds, mib, 1)[0]) * 3_600, 2)


def send_steadily(log: EventLog, churn: Churn, rate: int, stop: threading.Event) -> None:
    """A part a second, until told to stop. What is late is made up for."""
    next_s = time.monotonic()
    while not stop.is_set():
        log.fill(churn.next(rate))
        next_s += SECONDS_A_PART
        stop.wait(max(0.0, next_s - time.monotonic()))


def soak(worker: WorkerProcess, minutes: float, every_s: float) -> list[tuple[float, float]]:
    """Samples of (seconds since the start, resident MiB)."""
    began_s = time.monotonic()
    samples: list[tuple[float, float]] = []
    while (now_s := time.monotonic() - began_s) < minutes * 60:
        samples.append((now_s, float(worker.tell()["rss_mib"])))
        if len(samples) % 6 == 1:
            say(f"{now_s / 60:.1f} min: {samples[-1][1]} MiB")
        time.sleep(every_s)
    return samples


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--warm-up-minutes", type=float, default=5)
    parser.add_argument("--every", type=float, default=10, help="seconds between two samples")
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--active", type=int, default=2_000, help="users who are there at a time")
    parser.add_argument("--new", type=float, default=20, help="users who come, and go, each second")
    parser.add_argument("--cached", type=int, default=5_000, help="stream.cached_users")
    options = parser.parse_args()
    if options.quick:
        options.minutes, options.warm_up_minutes, options.every, options.cached = 0.5, 0.2, 2, 1_000
    metrics: dict[str, Any] = {}
    with stores({"stream": {"cached_users": options.cached}}) as (path, settings):
        publish_stand_in_model(settings, TENANT)
        log, churn, stop = EventLog(settings.kafka), Churn(options.active, options.new, 1), threading.Event()
        with WorkerProcess(path, list(range(settings.kafka.partitions))) as worker:
            sender = threading.Thread(target=send_steadily, args=(log, churn, options.rate, stop))
            sender.start()
            try:
                samples = soak(worker, options.minutes, options.every)
            finally:
                stop.set()
                sender.join()
            log.wait_until_worked_off(PATIENCE_S)
            cpu_s = float(worker.tell()["cpu_s"]) - worker.began_cpu_s
            worker.stop()
        log.close()
        lost, doubled = lost_and_doubled(settings, churn.sent)
    warm = [(at_s, mib) for at_s, mib in samples if at_s >= options.warm_up_minutes * 60]
    metrics = {
        "rss_after_warmup_mib": warm[0][1],
        "rss_end_mib": warm[-1][1],
        "rss_max_mib": max(mib for _at_s, mib in warm),
        "growth_mib_per_hour": growth_mib_per_hour(warm),
        "samples": len(warm),
        "lost": lost,
        "doubled": doubled,
        "events": churn.sent.total(),
        "users": churn.users,
        "cpu_share": round(cpu_s / (options.minutes * 60), 3),
    }
    shape = {name: vars(options)[name] for name in ("minutes", "warm_up_minutes", "rate", "active", "new", "cached")}
    finish("soak", metrics, shape)


if __name__ == "__main__":
    main()
