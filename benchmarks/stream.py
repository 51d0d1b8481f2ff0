"""The stream: events that one worker folds exactly per second of its CPU, with real Kafka, Redis and DynamoDB Local.

Four cells: few and many users, uniform and Zipf. In each the log holds a first part (cold: every profile is looked for in the
store) and, after the worker has been frozen while it was written, a second one (steady). CPU is that of the whole process:
polling, decoding, folding, the segment model, Redis, DynamoDB, commits. At the end the durable profiles are counted.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.event_log import EventLog
from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import TENANT, person, shop_events, uniform, zipf
from benchmarks.stand_in_model import publish_stand_in_model
from benchmarks.stream_stores import lost_and_doubled, stores
from benchmarks.worker_process import WorkerProcess
from rayce.event import Event
from rayce.settings import Settings

FROM_MS = 1_767_225_600_000
SECONDS_OF_TRAFFIC = 6 * 3_600
"""Event time that each part of a cell covers, whatever its number of events."""
PATIENCE_S = 120.0
CELLS = {"uniform": uniform, "zipf": zipf}


class Cell:
    """One cell: who acts in its two parts, and what came of it."""

    def __init__(self, users: int, spread: str, events: int) -> None:
        self.name = f"{users}_{spread}"
        draw = CELLS[spread]
        first = list(range(users)) if spread == "uniform" else draw(users, min(events, users), 1)
        self._parts: list[Sequence[int]] = [first, draw(users, events, 2)]

    def events(self, part: int) -> Iterator[Event]:
        """The events of a part."""
        who = self._parts[part]
        from_ms = FROM_MS + part * SECONDS_OF_TRAFFIC * 1_000
        return shop_events(who, self.name, from_ms, SECONDS_OF_TRAFFIC * 1_000 / len(who), part)

    def sent(self) -> Counter[str]:
        """Events by person."""
        counted = Counter(user for part in self._parts for user in part)
        return Counter({person(user, self.name): count for user, count in counted.items()})

    def run(self, path: Path, settings: Settings, log: EventLog, *more: str) -> dict[str, Any]:
        """Both parts through one worker."""
        partitions = list(range(settings.kafka.partitions))
        cold_count = log.fill(self.events(0))
        say(f"{self.name}: {cold_count} events, cold")
        with WorkerProcess(path, partitions, *more) as worker:
            log.wait_until_worked_off(PATIENCE_S, _say_lag)
            cold = worker.tell()
            worker.freeze()
            count = log.fill(self.events(1))
            say(f"{self.name}: {count} events, steady")
            began_s = time.monotonic()
            worker.thaw()
            log.wait_until_worked_off(PATIENCE_S, _say_lag)
            took_s = time.monotonic() - began_s
            steady = worker.tell()
            worker.stop()
        lost, doubled = lost_and_doubled(settings, self.sent())
        found = {
            "events_per_cpu_s": round(count / (steady["cpu_s"] - cold["cpu_s"])),
            "cold_events_per_cpu_s": round(cold_count / (cold["cpu_s"] - worker.began_cpu_s)),
            "events_per_s": round(count / took_s),
            "store_writes_per_event": round(_rows(steady, cold) / count, 4),
            "durable_rows_per_event": round(_rows(steady, cold, "durable") / count, 4),
            "lost": lost,
            "doubled": doubled,
            "rss_mib": steady["rss_mib"],
        }
        threads = {
            name: round((cpu_s - cold["threads_cpu_s"].get(name, 0.0)) / count * 1e6, 1)
            for name, cpu_s in steady["threads_cpu_s"].items()
        }
        say(f"{self.name}: {found}\n  CPU µs an event by thread: {threads}; writes {steady['writes']}")
        return found


def _rows(later: dict[str, Any], earlier: dict[str, Any], *kinds: str) -> int:
    return sum(
        later["writes"].get(f"{kind}_rows", 0) - earlier["writes"].get(f"{kind}_rows", 0)
        for kind in kinds or ("hot", "durable")
    )


def _say_lag(lag: int) -> None:
    say(f"  {lag} events to go")


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="of the steady part of each cell")
    parser.add_argument("--users", type=int, nargs="+", default=[2_000, 200_000])
    parser.add_argument("--spread", nargs="+", choices=sorted(CELLS), default=list(CELLS))
    parser.add_argument("--poll", type=int, default=2_000, help="stream.poll_max_records")
    parser.add_argument("--profile", metavar="PATH", help="where the worker's time went: one file a cell")
    options = parser.parse_args()
    if options.quick:
        options.events, options.users = min(options.events, 10_000), sorted({min(u, 2_000) for u in options.users})
    stream = {"poll_max_records": options.poll, "cached_users": max(250_000, *options.users)}
    metrics: dict[str, Any] = {}
    for users in options.users:
        for spread in options.spread:
            cell = Cell(users, spread, options.events)
            with stores({"stream": stream}) as (path, settings):
                publish_stand_in_model(settings, TENANT)
                log = EventLog(settings.kafka)
                more = ["--profile", f"{options.profile}.{cell.name}"] if options.profile else []
                found = cell.run(path, settings, log, *more)
                log.close()
            metrics |= {f"{cell.name}.{metric}": value for metric, value in found.items()}
    worst = {name: _worst(metrics, name) for name in ("events_per_cpu_s", "store_writes_per_event", "events_per_s")}
    total = {name: sum(v for k, v in metrics.items() if k.endswith(f".{name}")) for name in ("lost", "doubled")}
    finish("stream", worst | total | metrics, {"events": options.events, **stream})


def _worst(metrics: dict[str, Any], name: str) -> float:
    values: list[float] = [value for metric, value in metrics.items() if metric.endswith(f".{name}")]
    return max(values) if name == "store_writes_per_event" else min(values)


if __name__ == "__main__":
    main()
