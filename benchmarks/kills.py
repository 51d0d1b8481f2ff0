"""A process of Serve is killed every few seconds while pages go on asking: no request may fail.

Replicas of the edge, the feature reader and the ranker in turn, then the controller; apart from these the proxy: HAProxy and
what looks after it, through which everything goes. What is under way on its connections breaks; its twin takes new ones.
"""

import asyncio
import signal
import time
from collections import Counter
from typing import Any

import uvloop

from benchmarks.mixed_load import SLOTS_TEXT, MixedLoad, Row, percentile_of, rungs_of
from benchmarks.program import arguments, cluster, finish, say
from benchmarks.replica_processes import processes, send
from benchmarks.synthetic_people import durable_people
from benchmarks.synthetic_shop import patient_store, publish_synthetic_shop
from benchmarks.wire import Wire
from cluster.local_cluster import LocalCluster
from rayce.documents import SLOTS, activate_document
from rayce.slots.book import parse_slots

TENANT, ITEMS = "demo", 2_000
REPLICAS = tuple(f"ServeReplica:rayce:{name}" for name in ("EdgeRouter", "FeatureReaderDeployment", "RankerDeployment"))
CONTROLLER = "ServeController"
PROXY = {"haproxy": "bin/haproxy ", "proxy_actor": "ProxyActor", "haproxy_manager": "HAProxyManager"}
WELL_S, WELL_WITHIN_S = 3.0, 60.0
"""All is well again when nothing has failed for so long."""


def kill(part: str, newest: bool = False) -> int:
    """SIGKILL of one of the processes (all of the proxy's kind); how many."""
    pids = processes(part)
    return send(pids[-1:] if newest else pids[:1], signal.SIGKILL)


async def replicas_and_controller(load: MixedLoad, seconds: float, every_s: float) -> dict[str, Any]:
    """In turn; the controller in the middle and at the end."""
    began_s, kills = time.perf_counter(), Counter[str]()
    turns = int(seconds / every_s)
    for turn in range(turns):
        await asyncio.sleep(max(0.0, began_s + (turn + 0.5) * every_s - time.perf_counter()))
        part = CONTROLLER if turn in (turns // 2, turns - 1) else REPLICAS[turn % len(REPLICAS)]
        kills[part.rpartition(":")[2]] += kill(part)
        say(f"{time.perf_counter() - began_s:.0f} s: killed {part}; {sum(r.failed for r in load.rows)} failed so far")
    await asyncio.sleep(max(0.0, began_s + seconds - time.perf_counter()))
    return {f"killed_{name}": count for name, count in kills.items()}


async def measure(running: LocalCluster, people: dict[str, list[str]], options: Any) -> dict[str, Any]:
    """Both phases."""
    wire = Wire(running.url, running.api_key, timeout_s=5.0)
    load = MixedLoad(wire, people["known"], people["new"], options.rate, seed=2)
    await asyncio.sleep(3)
    kills = await replicas_and_controller(load, options.seconds, options.every)
    await load.end()
    say(f"{len(load.rows)} requests, {sum(r.failed for r in load.rows)} failed; now the proxy")
    proxied, outages = await proxy(wire, people, options)
    wire.close()
    return {
        "failed_requests": sum(row.failed for row in load.rows),
        "proxy_failed_share": round(sum(row.failed for row in proxied) / len(proxied), 5),
        "requests": len(load.rows),
        "proxy_requests": len(proxied),
        **outages,
        "p50_ms": percentile_of(load.rows, 50),
        "p99_ms": percentile_of(load.rows, 99),
        **kills,
        **told(load.rows),
    }


async def proxy(wire: Wire, people: dict[str, list[str]], options: Any) -> tuple[list[Row], dict[str, float]]:
    """Each of the proxy's processes in turn: all replies, and by process how many failed and for how long."""
    load, found = MixedLoad(wire, people["known"], people["new"], options.rate, seed=3), {}
    for name, part in PROXY.items():
        await asyncio.sleep(options.every)
        until_s = time.perf_counter() + WELL_WITHIN_S
        while not processes(part) and time.perf_counter() < until_s:  # it is on its way still after the last kill
            await asyncio.sleep(0.2)
        began_s, first = time.perf_counter(), len(load.rows)
        killed = kill(part)
        while time.perf_counter() - max([began_s, *(row.came_s for row in load.rows[first:] if row.failed)]) < WELL_S:
            await asyncio.sleep(0.2)
            if time.perf_counter() - began_s > WELL_WITHIN_S:
                break
        failed = [row for row in load.rows[first:] if row.failed]
        outage_s = max((row.came_s for row in failed), default=began_s) - began_s
        say(f"killed {killed} of {part}: {len(failed)} failed, {outage_s:.1f} s")
        found |= {f"{name}_failed": len(failed), f"{name}_outage_s": round(outage_s, 2)}
    await asyncio.sleep(options.every)
    await load.end()
    return load.rows, found


def told(rows: list[Row]) -> dict[str, int]:
    """Statuses but 200, and rungs."""
    found = {f"status_{n}": count for n, count in sorted(Counter(r.status for r in rows).items()) if n != 200}
    return found | {f"served_{rung}": count for rung, count in rungs_of(rows).items()}


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--seconds", type=float, default=150, help="of the phase without the proxy")
    parser.add_argument("--every", type=float, default=10, help="seconds between kills")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.every, options.rate = 24, 4, 50
    with cluster() as running:
        publish_synthetic_shop(running.settings, TENANT, ITEMS)
        now_ms = time.time_ns() // 1_000_000
        activate_document(patient_store(running.settings), TENANT, SLOTS, SLOTS_TEXT, parse_slots, now_ms)
        people = durable_people(running.settings, TENANT, ITEMS, now_ms)
        time.sleep(3 * running.settings.serving.generation_poll_s)
        metrics = uvloop.run(measure(running, people, options))
    finish("kills", metrics, {"rate": options.rate, "seconds": options.seconds, "every_s": options.every})


if __name__ == "__main__":
    main()
