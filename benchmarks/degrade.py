"""Parts of the system are slow, silent, or dead, one after the other, while pages go on asking at a constant rate.

Redis and DynamoDB stand behind a TCP proxy that delays, swallows or resets. Kafka advertises its own address, so it is stopped
and woken instead (half of the time: slow; all the time: silent), and so are the replicas of the ranker and the feature reader.
Each part: slow, then silent for `--silent` seconds, then killed and (the stores) started again; after each the load goes on
until all is well. All phases are told apart, `p99_ms_during` is the worst of them; requests that were due from the fault until
it was healed count for it. `recovery_s` counts from the healing (for killed parts: from the moment they serve again, which
Serve and the stack tell) to the last recommendation that was not live.

`rungs_seen`: of live, stale, precomputed, segment and global. People who come again and again, people who were not here
before, with a list or only with a segment, and nobody at all ask for recommendations.
"""

import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
import yaml

from benchmarks.fault_proxy import BLACK_HOLE, HEALTHY, REFUSE, SLOW, FaultProxy
from benchmarks.mixed_load import SLOTS_TEXT, MixedLoad, Row, percentile_of, recovered_after_s, rungs_of
from benchmarks.program import arguments, finish, say
from benchmarks.replica_processes import duty_cycle, processes, send
from benchmarks.synthetic_people import durable_people
from benchmarks.synthetic_shop import patient_store, publish_synthetic_shop
from benchmarks.wire import Wire
from cluster.local.stack import LocalStack
from cluster.local_cluster import LocalCluster
from rayce.documents import SLOTS, activate_document
from rayce.slots.book import parse_slots

TENANT, ITEMS = "demo", 2_000
DELAY_S = 0.01
"""What slow means: so much later for every piece of a conversation with a store, or so long stopped out of twice as long."""
RUNGS = ("live", "stale", "precomputed", "segment", "global")
REPLICAS = {"ranker": "RankerDeployment", "reader": "FeatureReaderDeployment"}
WELL_WITHIN_S = 30.0


class Phase(NamedTuple):
    """A fault: how to bring it about, how long it lasts, and how to heal it (which returns once it serves again)."""

    name: str
    begin: Callable[[], Awaitable[None]]
    seconds: float
    heal: Callable[[], Awaitable[None]]


class Parts:
    """The faults of a cluster."""

    def __init__(self, cluster: LocalCluster, proxies: dict[str, FaultProxy], slow_s: float, silent_s: float) -> None:
        self._cluster, self._proxies, self._slow_s, self._silent_s = cluster, proxies, slow_s, silent_s
        self._background: asyncio.Task[None] | None = None

    def phases(self) -> list[Phase]:
        """All of them, in order."""
        found = []
        for store in ("redis", "dynamodb"):
            found += [
                self._by_proxy(store, "slow", SLOW, self._slow_s),
                self._by_proxy(store, "silent", BLACK_HOLE, self._silent_s),
                self._killed_store(store),
            ]
        found += [self._slow("kafka", "kafka.Kafka"), self._silent("kafka", "kafka.Kafka"), self._killed_store("kafka")]
        for name, deployment in REPLICAS.items():
            part = f"ServeReplica:rayce:{deployment}"
            found += [self._slow(name, part), self._silent(name, part), self._killed_replicas(name, part)]
        return found

    def _by_proxy(self, name: str, kind: str, mode: str, seconds: float) -> Phase:
        async def begin() -> None:
            self._proxies[name].set(mode)

        async def heal() -> None:
            self._proxies[name].set(HEALTHY)

        return Phase(f"{name}_{kind}", begin, seconds, heal)

    def _killed_store(self, name: str) -> Phase:
        async def begin() -> None:
            if name in self._proxies:
                self._proxies[name].set(REFUSE)
            await asyncio.to_thread(self._cluster.stack.kill_server, name)

        async def heal() -> None:
            await asyncio.to_thread(self._cluster.stack.start_server, name)
            if name in self._proxies:
                self._proxies[name].set(HEALTHY)

        return Phase(f"{name}_killed", begin, self._slow_s / 2, heal)

    def _slow(self, name: str, part: str) -> Phase:
        async def begin() -> None:
            self._background = asyncio.ensure_future(duty_cycle(_found(part), DELAY_S, self._slow_s))

        async def heal() -> None:
            assert self._background is not None
            await self._background

        return Phase(f"{name}_slow", begin, self._slow_s, heal)

    def _silent(self, name: str, part: str) -> Phase:
        pids: list[int] = []

        async def begin() -> None:
            pids.extend(_found(part))
            send(pids, signal.SIGSTOP)

        async def heal() -> None:
            send(pids, signal.SIGCONT)  # Serve may have replaced them meanwhile
            await _until(lambda: bool(processes(part)))

        return Phase(f"{name}_silent", begin, self._silent_s, heal)

    def _killed_replicas(self, name: str, part: str) -> Phase:
        gone: list[int] = []

        async def begin() -> None:
            gone.extend(_found(part))
            send(gone, signal.SIGKILL)

        async def heal() -> None:
            await _until(lambda: bool(set(processes(part)) - set(gone)))

        return Phase(f"{name}_killed", begin, self._slow_s / 2, heal)


def _found(part: str) -> list[int]:
    pids = processes(part)
    if not pids:
        raise RuntimeError(f"no process of {part}")
    return pids


async def _until(holds: Callable[[], bool]) -> None:
    until_s = time.perf_counter() + WELL_WITHIN_S
    while not await asyncio.to_thread(holds):
        if time.perf_counter() > until_s:
            raise TimeoutError("it did not come back")
        await asyncio.sleep(0.1)


async def run_phase(load: MixedLoad, phase: Phase, after_s: float) -> dict[str, float]:
    """One fault, and until all is well again."""
    began_s, first = time.perf_counter(), len(load.rows)
    await phase.begin()
    await asyncio.sleep(max(0.0, began_s + phase.seconds - time.perf_counter()))
    await phase.heal()
    healed_s = time.perf_counter()
    await asyncio.sleep(after_s)
    rows = load.rows[first:]
    during = [row for row in rows if began_s <= row.due_s < healed_s]
    found = {
        "server_errors": sum(row.failed for row in rows),
        "refused": sum(row.status == 429 for row in rows),
        "p50_ms": percentile_of(during, 50),
        "p99_ms": percentile_of(during, 99),
        "recovery_s": recovered_after_s(rows, healed_s),
    }
    say(f"{phase.name}: {found}, {dict(rungs_of(during))} during, {len(during)} replies")
    return {f"{phase.name}_{name}": value for name, value in found.items()}


async def measure(parts: Parts, cluster: LocalCluster, people: dict[str, list[str]], options: Any) -> dict[str, Any]:
    """All phases under one load."""
    wire = Wire(cluster.url, cluster.api_key, timeout_s=5.0)
    load = MixedLoad(wire, people["known"], people["new"], options.rate, seed=1)
    await asyncio.sleep(options.slow)
    usual = list(load.rows)
    say(f"usual: p99 {percentile_of(usual, 99)} ms, {dict(rungs_of(usual))}")
    metrics: dict[str, Any] = {}
    wanted = [phase for phase in parts.phases() if options.only in phase.name]
    for phase in wanted:
        metrics |= await run_phase(load, phase, options.after)
    await load.end()
    wire.close()
    rungs = rungs_of(load.rows)
    return {
        "server_errors": sum(row.failed for row in load.rows),
        "p99_ms_during": max(metrics[f"{phase.name}_p99_ms"] for phase in wanted),
        "rungs_seen": sum(rung in rungs for rung in RUNGS),
        "recovery_s": max(metrics[f"{phase.name}_recovery_s"] for phase in wanted),
        "requests": len(load.rows),
        "usual_p99_ms": percentile_of(usual, 99),
        **{f"served_{rung}": rungs[rung] for rung in RUNGS},
        **statuses(load.rows),
        **metrics,
    }


def statuses(rows: list[Row]) -> dict[str, int]:
    """How many replies of each status but 200."""
    return {
        f"status_{status}": count for status, count in sorted(Counter(r.status for r in rows).items()) if status != 200
    }


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--rate", type=float, default=150, help="requests a second")
    parser.add_argument("--slow", type=float, default=10, help="seconds that a part is slow; half of it: killed")
    parser.add_argument("--silent", type=float, default=30, help="seconds that a part says nothing")
    parser.add_argument("--after", type=float, default=6, help="seconds that are watched after each healing")
    parser.add_argument("--only", default="", help="only phases with this in their name")
    options = parser.parse_args()
    if options.quick:
        options.slow, options.silent, options.after = 3, 5, 4
    with tempfile.TemporaryDirectory(prefix="rayce-bench-") as folder:
        root = Path(folder)
        proxies = {name: FaultProxy(lambda name=name: address(root, name), DELAY_S) for name in ("redis", "dynamodb")}  # type: ignore[misc]
        overrides = {
            "redis": {"url": f"redis://127.0.0.1:{proxies['redis'].port}/0"},
            "dynamodb": {"endpoint_url": f"http://127.0.0.1:{proxies['dynamodb'].port}"},
        }
        with LocalCluster(root, mode="real", overrides=overrides, progress=say) as cluster:
            publish_synthetic_shop(cluster.settings, TENANT, ITEMS)
            now_ms = time.time_ns() // 1_000_000
            activate_document(patient_store(cluster.settings), TENANT, SLOTS, SLOTS_TEXT, parse_slots, now_ms)
            people = durable_people(cluster.settings, TENANT, ITEMS, now_ms)
            time.sleep(3 * cluster.settings.serving.generation_poll_s)
            parts = Parts(cluster, proxies, options.slow, options.silent)
            metrics = uvloop.run(measure(parts, cluster, people, options))
        for proxy in proxies.values():
            proxy.close()
    settings = {"rate": options.rate, "slow_s": options.slow, "silent_s": options.silent, "delay_ms": DELAY_S * 1000}
    finish("degrade", metrics, settings)


def address(root: Path, name: str) -> tuple[str, int]:
    """Where the stack has put the store."""
    tree = yaml.safe_load(LocalStack(root, mode="real").settings_path.read_text(encoding="utf-8"))
    url = tree["redis"]["url"] if name == "redis" else tree["dynamodb"]["endpoint_url"]
    host, _, port = url.split("//")[1].split("/")[0].rpartition("@")[2].partition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
