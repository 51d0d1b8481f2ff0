"""Exactly once while workers are killed, moved and left for dead: real Kafka, Redis and DynamoDB Local, real Ray actors.

While events flow, in random order: workers are killed (kill -9), partitions move, and workers become zombies: stopped
(SIGSTOP) until another process has taken their partitions over, and then woken (SIGCONT). A user's events are thirty hours
apart in event time, longer than ids are remembered: only positions, watermarks and epochs keep a replay from counting twice.
At the end the durable profile of every user is counted. Then the control: workers that do not look at the watermark, killed a
few times, which must count something twice.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.disturbance import Disturbance
from benchmarks.event_log import EventLog
from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import shop_events
from benchmarks.stream_cluster import StreamCluster
from benchmarks.stream_stores import lost_and_doubled
from benchmarks.worker_process import WorkerProcess
from rayce.event import Event
from rayce.settings import Settings

FROM_MS = 1_577_836_800_000
APART_MS = 30 * 3_600_000
USERS = 300
PATIENCE_S = 90.0
EVENTS_A_CONTROL_KILL = 30_000
STREAM = {"min_workers": 2, "max_workers": 2, "hang_timeout_s": 30}


class Traffic:
    """Events of every user in turn, written a part at a time."""

    def __init__(self, log: EventLog, events: int, parts: int, prefix: str) -> None:
        self._log, self._prefix, self._part = log, prefix, -(-events // parts)
        self._events = self._make(events)
        self.sent: Counter[str] = Counter()

    def send(self) -> None:
        """The next part."""
        part = list(islice(self._events, self._part))
        self._log.fill(part)
        self.sent.update(event.person for event in part)

    def _make(self, events: int) -> Iterator[Event]:
        who = [n % USERS for n in range(events)]
        return shop_events(who, self._prefix, FROM_MS, APART_MS / USERS, 1)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ascending = sorted(values)
    return round(ascending[min(len(ascending) - 1, int(share * len(ascending)))], 3) if ascending else -1.0


def run(cluster: StreamCluster, log: EventLog, kinds: list[str], events: int, chance: random.Random) -> dict[str, Any]:
    """All disturbances, one after another, each with events under way."""
    traffic = Traffic(log, events, 2 * len(kinds), "crash")
    disturb = Disturbance(cluster, log, traffic.send, chance)
    began_s = time.monotonic()
    for number, kind in enumerate(kinds, 1):
        say(f"{number}/{len(kinds)} {kind}, {log.lag()} events under way")
        getattr(disturb, kind)()
    log.wait_until_worked_off(PATIENCE_S)
    took_s = time.monotonic() - began_s
    lost, doubled = lost_and_doubled(cluster.settings, traffic.sent)
    return {
        "lost": lost,
        "doubled": doubled,
        "restarts": len(disturb.restarts_s),
        "restart_p50_s": percentile(disturb.restarts_s, 0.5),
        "restart_p99_s": percentile(disturb.restarts_s, 0.99),
        "zombies_woken": disturb.woken,
        "zombies_fenced": disturb.fenced,
        "rebalance_p99_s": percentile(disturb.rebalances_s, 0.99),
        "events": traffic.sent.total(),
        "took_s": round(took_s, 1),
    }


def wait_for_half_a_flush(worker: WorkerProcess, log: EventLog) -> None:
    """Until something more is durable: other partitions of the same flush, and its commit, are still to come."""
    rows = worker.tell()["writes"].get("durable_rows", 0)
    until_s = time.monotonic() + PATIENCE_S
    while worker.tell()["writes"].get("durable_rows", 0) == rows and time.monotonic() < until_s:
        if not log.lag():
            return  # it has finished before us: this kill will tell nothing


def control(path: Path, settings: Settings, log: EventLog, kills: int) -> dict[str, int]:
    """The same without the watermark: plain processes, killed while they make something durable."""
    partitions = list(range(settings.kafka.partitions))
    traffic = Traffic(log, EVENTS_A_CONTROL_KILL * (kills + 1), kills + 1, "control")
    for number in range(kills):
        traffic.send()
        with WorkerProcess(path, partitions, "--mutant", "without_watermark") as worker:
            before = log.committed()
            while log.committed() == before:
                worker.tell()  # raises where it has ended
                time.sleep(0.01)
            wait_for_half_a_flush(worker, log)
            worker.kill()
        say(f"control: {number + 1}/{kills} killed, {log.lag()} events under way")
    traffic.send()
    with WorkerProcess(path, partitions, "--mutant", "without_watermark") as worker:
        log.wait_until_worked_off(PATIENCE_S)
        worker.stop()
    lost, doubled = lost_and_doubled(settings, traffic.sent)
    return {"control_lost": lost, "control_doubled": doubled, "control_kills": kills}


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rebalances", type=int, default=5)
    parser.add_argument("--zombies", type=int, default=5)
    parser.add_argument("--control-kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.quick:
        options.events, options.control_kills = min(options.events, 20_000), 2
        options.kills, options.rebalances, options.zombies = 2, 1, 1
    chance = random.Random(options.seed)
    kinds = ["kill"] * options.kills + ["rebalance"] * options.rebalances + ["zombie"] * options.zombies
    chance.shuffle(kinds)
    with tempfile.TemporaryDirectory(prefix="rayce-bench-") as root:
        with StreamCluster(Path(root), mode="real", overrides={"stream": STREAM}, progress=say) as cluster:
            log = EventLog(cluster.settings.kafka)
            metrics = run(cluster, log, kinds, options.events, chance)
            cluster.drain_stream()
            metrics |= control(cluster.settings_path, cluster.settings, log, options.control_kills)
            log.close()
    counts = {"kills": options.kills, "rebalances": options.rebalances, "zombies": options.zombies}
    finish("crash", metrics, counts | {"users": USERS, "seed": options.seed, **STREAM})


if __name__ == "__main__":
    main()
