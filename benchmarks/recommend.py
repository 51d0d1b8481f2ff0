"""Recommendations over HTTP: features, candidates, 200 ranked, rules; 100,000 users and 10,000 items.

First with the reply cache off. Rounds alternate between rayce and an empty deployment that asks two others, under the same
ingress and settings; the ratio is the median of the rounds' ratios, and CPU is told by kind of process. The connections may be
more than the edge lets in at once: good replies are counted, and `refused` says how many requests were sent away. Then an open
loop gives the latencies, counted from the intended moment: at `--rate`, or, where the machine cannot do that here, at 80 % of
what it reached (`rate_reached` says which).

Then, on a new cluster with the cache on, an open loop of visits as a shop has them (`benchmarks.visits`: sessions of six pages
with 25 s between them, a few people come often), in its steady state: `--warm-s` of them go before, unmeasured.

The load generator is a Python program on the same cores.
"""

import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import uvloop

from benchmarks.closed_loop import generator, good_requests_per_s
from benchmarks.open_loop import histogram, percentile_ms, run_open_loop
from benchmarks.process_cpu import GENERATOR, cpu_by_kind
from benchmarks.program import arguments, cluster, descendants, finish, say
from benchmarks.synthetic_shop import patient_store, publish_synthetic_shop, show_people
from benchmarks.two_hops_app import PREFIX, add_two_hops_app
from benchmarks.visits import visits
from benchmarks.wire import Wire
from cluster.local_cluster import LocalCluster
from rayce.documents import RULES, activate_document
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import load_catalogue

TENANT = "demo"
CONNECTIONS = 16
WARM_S = 3.0
SHARE_OF_CAPACITY = 0.8
RULES_TEXT = """
version: 1
rules:
  - {name: not the cheapest, items: {price: {below: 2}}, filter: drop}
  - {name: more of d3, items: {category: [d3]}, boost: 1.3}
  - {name: less of b7, items: {brand: [b7]}, bury: 0.7}
  - {name: three of a brand, cap: {by: brand, at_most: 3, within: 10}}
"""


def filled(running: LocalCluster, users: Sequence[str], items: int) -> None:
    """The shop and its people."""
    say(f"{items} items, {len(users)} users")
    lists = publish_synthetic_shop(running.settings, TENANT, items)
    show_people(running.settings, users, items, lists)
    time.sleep(3 * running.settings.serving.generation_poll_s)


class Load:
    """CPU of the whole cluster while requests are made; of the load generator too, apart."""

    def __init__(self, url: str, key: str, seconds: float) -> None:
        self._url, self._key, self._seconds = url, key, seconds
        self.cpu_us: defaultdict[str, list[float]] = defaultdict(list)
        self.refused = 0.0

    def requests_per_s(self, paths: Sequence[str], prefix: str) -> float:
        """A closed loop; `prefix` tells the CPU apart."""
        before = cpu_by_kind(descendants(os.getpid()))
        rate, refused = good_requests_per_s(self._url, self._key, paths, CONNECTIONS, self._seconds)
        after, count = cpu_by_kind(descendants(os.getpid())), (rate + refused) * self._seconds
        self.refused += refused * self._seconds
        for kind in after:
            self.cpu_us[f"{prefix}{kind}"].append((after[kind] - before.get(kind, 0.0)) / count * 1e6)
        ours = sum(after.values()) - sum(before.values()) - after.get(GENERATOR, 0.0) + before.get(GENERATOR, 0.0)
        self.cpu_us[f"{prefix}all"].append(ours / count * 1e6)
        return rate

    def metrics(self) -> dict[str, float]:
        """CPU µs a request by kind, where it is worth a line."""
        means = {kind: round(statistics.median(found)) for kind, found in self.cpu_us.items()}
        return {f"{kind}_cpu_us": value for kind, value in sorted(means.items()) if value >= 5}


async def open_loop(url: str, key: str, paths: Sequence[str], rate: float, seconds: float) -> dict[str, Any]:
    """Latencies, errors and rungs."""
    wire, found, served = Wire(url, key), histogram(), Counter[str]()
    personal = 0

    async def one(i: int, intended_s: float) -> None:
        nonlocal personal
        reply = await wire.get(paths[i % len(paths)])
        found.record_value(max(1, int((time.perf_counter() - intended_s) * 1e6)))
        if reply.status != 200:
            served["error"] += 1
        elif i % 16 == 0:
            body = reply.json()
            served[str(body["served"])] += 1
            personal += body["personal"] is True

    await run_open_loop(rate, seconds, one)
    wire.close()
    looked_at = served.total() - served["error"]
    return {
        "p50_ms": percentile_ms(found, 50),
        "p90_ms": percentile_ms(found, 90),
        "p99_ms": percentile_ms(found, 99),
        "errors": served["error"],
        "live_share": round(served["live"] / looked_at, 4) if looked_at else 0.0,
        "personal_share": round(personal / looked_at, 4) if looked_at else 0.0,
    }


def cache_off(options: Any, users: Sequence[str], paths: Sequence[str]) -> dict[str, Any]:
    """Against the empty two hops, then the open loop."""
    with cluster({"cache": {"replies_mib": 0, "flags_users": 0}}, adapt=add_two_hops_app) as running:
        filled(running, users, options.items)
        store = patient_store(running.settings)
        activate_document(store, TENANT, RULES, RULES_TEXT, rules_parser(running), time.time_ns() // 1_000_000)
        load = Load(running.url, running.api_key, options.seconds)
        for warm in ([PREFIX], paths):
            good_requests_per_s(running.url, running.api_key, warm, CONNECTIONS, WARM_S)
        rounds = []
        for number in range(options.rounds):
            empty, ours = load.requests_per_s([PREFIX], "empty_"), load.requests_per_s(paths, "")
            rounds.append((empty, ours))
            say(f"round {number + 1}: empty two hops {empty:.0f}/s, recommendations {ours:.0f}/s")
        capacity = statistics.median(ours for _empty, ours in rounds)
        reached = capacity >= options.rate
        rate = options.rate if reached else SHARE_OF_CAPACITY * capacity
        say(f"open loop at {rate:.0f}/s")
        found = uvloop.run(open_loop(running.url, running.api_key, paths, rate, options.open_s))
        calls = uvloop.run(asks_per_call(running))
    return {
        **found,
        "open_loop_per_s": round(rate),
        "rate_reached": int(reached),
        "requests_per_s": round(capacity),
        "empty_two_hops_per_s": round(statistics.median(empty for empty, _ours in rounds)),
        "ratio_to_empty_two_hops": round(statistics.median(ours / empty for empty, ours in rounds), 3),
        "refused": round(load.refused),
        **load.metrics(),
        **calls,
    }


def cache_on(options: Any, users: Sequence[str], paths: Sequence[str]) -> dict[str, Any]:
    """Repeat visits, `--rate` requests a second."""
    with cluster() as running:
        filled(running, users, options.items)
        who = visits(len(users), options.rate, options.warm_s + options.open_s, seed=11)
        asked = [paths[user] for user in who]
        first = int(options.rate * options.warm_s)
        good_requests_per_s(running.url, running.api_key, paths[-1_000:], CONNECTIONS, WARM_S)
        uvloop.run(open_loop(running.url, running.api_key, asked[:first], options.rate, options.warm_s))
        before = uvloop.run(cache_counts(running))
        found = uvloop.run(open_loop(running.url, running.api_key, asked[first:], options.rate, options.open_s))
        after = uvloop.run(cache_counts(running))
    counted = Counter(after)
    counted.subtract(before)
    hits, total = counted["hit"] + counted["stale"], sum(counted.values())
    return {
        "cache_hit_ratio": round(hits / total, 4) if total else 0.0,
        **{f"cached_{name}": value for name, value in found.items()},
    }


def rules_parser(running: LocalCluster) -> Any:
    """How the cluster reads rules."""
    catalogue = load_catalogue(running.settings.segments.catalogue)
    return lambda text: parse_rules(text, catalogue)


async def asks_per_call(running: LocalCluster) -> dict[str, float]:
    """How many questions shared a call, by deployment."""
    found = await counters(running, ("rayce_calls_total", "rayce_call_asks_total"))
    asks, calls = found["rayce_call_asks_total"], found["rayce_calls_total"]
    return {f"{name}_asks_per_call": round(asks[name] / calls[name], 2) for name in calls if calls[name]}


async def cache_counts(running: LocalCluster) -> dict[str, int]:
    """Replies by what the cache did."""
    found = await counters(running, ("rayce_reply_cache_total",))
    return {name: int(value) for name, value in found["rayce_reply_cache_total"].items()}


async def counters(running: LocalCluster, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Of `/metrics`, by the last label; edges tell once a second."""
    wire = Wire(running.url, running.api_key)
    time.sleep(1.5)
    lines = (await wire.get("/metrics")).body.decode().splitlines()
    wire.close()
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    for line in lines:
        name, _, rest = line.partition("{")
        if name in found and rest:
            labels, _, value = rest.rpartition("} ")
            found[name][labels.split('"')[-2]] = float(value)
    return found


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=1_000, help="of the open loops, requests a second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8, help="of each half of a round")
    parser.add_argument("--open-s", type=float, default=30, help="of each open loop")
    parser.add_argument("--warm-s", type=float, default=120, help="of visits before those that are measured")
    parser.add_argument("--only", choices=("off", "on"), help="only with the cache off, or on")
    options = parser.parse_args()
    if options.quick:
        options.users, options.rounds, options.seconds, options.open_s = 5_000, 2, 3, 5
        options.warm_s = 5
        options.rate = min(options.rate, 200)
    users = [f"rec-{n}" for n in range(options.users)]
    paths = [f"/v1/users/{user}/recommendations?limit=10" for user in users]
    metrics: dict[str, Any] = {}
    if options.only != "on":
        metrics |= cache_off(options, users, paths)
    if options.only != "off":
        metrics |= cache_on(options, users, paths)
    settings = {"users": options.users, "items": options.items, "connections": CONNECTIONS, "rounds": options.rounds}
    finish("recommend", metrics, settings | {"seconds": options.seconds, "generator": generator()})


if __name__ == "__main__":
    main()
