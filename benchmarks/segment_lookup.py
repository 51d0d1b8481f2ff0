"""Segment lookup over HTTP against an empty Serve deployment, in one run, under the same ingress and settings.

Rounds alternate between the two, and the ratio is the median of the rounds' ratios: neighbours on the machine disturb both.
The users of the ratio come back within the two seconds for which a replica keeps flags. For `ratio_uncached` there are many
times more users than a replica keeps, in turn, so that every look-up reads Redis; `kept_share…` says what came from memory.
CPU time per request (of every process of the cluster, not of the load generator) is compared too. Then an open loop gives the
latencies, at half of the rate that the same client reaches in a closed loop: it is a Python program on the same cores, and
takes about as much of them as the system.
"""

import os
import re
import statistics
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence

import uvloop

from benchmarks.bulk_users import save_users
from benchmarks.closed_loop import generator, own_requests_per_s, requests_per_s
from benchmarks.empty_app import PREFIX, add_empty_app
from benchmarks.hot_users import show_users
from benchmarks.open_loop import histogram, percentile_ms, run_open_loop
from benchmarks.program import arguments, cluster, cpu_s, descendants, finish, say
from benchmarks.shoppers import admit, count_events
from benchmarks.wire import Wire

CONNECTIONS = 32


async def fill(url: str, key: str, users: Sequence[str]) -> None:
    """Give every user some segments."""
    wire = Wire(url, key)
    await admit(wire, list(users))
    rows = [{"type": "add_to_cart", "user_id": user, "items": [{"item_id": "p1"}]} for user in users]
    for at in range(0, len(rows), 500):
        reply = await wire.send("POST", "/v1/events", rows[at : at + 500])
        assert reply.status == 202, reply
    lost, doubled = await count_events(wire, Counter(users))
    assert not lost and not doubled, (lost, doubled)
    wire.close()


async def open_loop(url: str, key: str, paths: Sequence[str], rate: float, seconds: float) -> dict[str, float]:
    """Latencies from the intended moment, at a rate that the system can take."""
    wire, found, failed = Wire(url, key), histogram(), 0

    async def one(i: int, intended_s: float) -> None:
        nonlocal failed
        reply = await wire.get(paths[i % len(paths)])
        failed += reply.status != 200
        found.record_value(int((time.perf_counter() - intended_s) * 1e6))

    await run_open_loop(rate, seconds, one)
    wire.close()
    return {
        "p50_ms_at_half_load": percentile_ms(found, 50),
        "p99_ms_at_half_load": percentile_ms(found, 99),
        "failed": failed,
    }


def load(url: str, key: str, paths: Sequence[str], seconds: float) -> tuple[float, float]:
    """(requests a second, CPU µs a request of everything but the load generator)."""
    pids = descendants(os.getpid())
    before_s = cpu_s(pids)
    rate = requests_per_s(url, key, paths, CONNECTIONS, seconds)
    return rate, (cpu_s(pids) - before_s) / (rate * seconds) * 1e6


def looked_up(url: str) -> tuple[float, float]:
    """(hits, misses) of flags in the replicas' memory so far; they tell once a second."""
    time.sleep(1.5)
    with urllib.request.urlopen(f"{url}/metrics") as reply:
        text = reply.read().decode()
    found = dict(re.findall(r'rayce_flags_cache_total\{outcome="(\w+)"\} (\d+)', text))
    return float(found.get("hit", 0)), float(found.get("miss", 0))


def kept_share(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Of the look-ups in between, those that were answered from memory."""
    hits, misses = (b - a for a, b in zip(before, after, strict=True))
    return round(hits / max(1, hits + misses), 3)


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="of each half of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=1_000)
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds, options.users = 2, 2, 200
    kept = 2 * options.users
    cold_users = [f"cold-{n}" for n in range(8 * kept)]
    cold_paths = [f"/v1/users/{user}/segments" for user in cold_users]
    users = [f"look-{n}" for n in range(options.users)]
    paths = [f"/v1/users/{user}/segments" for user in users]
    with cluster(overrides={"cache": {"flags_users": kept}}, adapt=add_empty_app) as running:
        url, key = running.url, running.api_key
        say(f"{len(users)} users get their segments")
        uvloop.run(fill(url, key, users))
        say(f"{len(cold_users)} more users, in both memories")
        now_ms = time.time_ns() // 1_000_000
        save_users(running.settings, cold_users, now_ms)  # a read of Redis that is late takes DynamoDB
        show_users(running.settings, cold_users, now_ms)
        load(url, key, [PREFIX], 2), load(url, key, paths, 2)
        rounds, shares, cold_shares = [], [], []
        for number in range(options.rounds):
            empty, at_first = load(url, key, [PREFIX], options.seconds), looked_up(url)
            looked, then = load(url, key, paths, options.seconds), looked_up(url)
            cold, at_last = load(url, key, cold_paths, options.seconds), looked_up(url)
            shares.append(kept_share(at_first, then))
            cold_shares.append(kept_share(then, at_last))
            rounds.append((empty, looked, cold))
            say(f"round {number + 1}: empty {empty[0]:.0f}/s, lookup {looked[0]:.0f}/s, uncached {cold[0]:.0f}/s")
        rate = statistics.median(looked[0] for _empty, looked, _cold in rounds)
        half = own_requests_per_s(url, key, paths, CONNECTIONS, options.seconds) / 2
        say(f"open loop at {half:.0f}/s")
        latencies = uvloop.run(open_loop(url, key, paths, half, options.seconds))
    metrics = {
        "ratio_to_empty_deployment": round(statistics.median(b[0] / a[0] for a, b, _c in rounds), 3),
        "ratio_uncached": round(statistics.median(c[0] / a[0] for a, _b, c in rounds), 3),
        "kept_share": statistics.median(shares),
        "kept_share_uncached": statistics.median(cold_shares),
        "requests_per_s": round(rate),
        "empty_requests_per_s": round(statistics.median(empty[0] for empty, _looked, _cold in rounds)),
        "cpu_us_per_request": round(statistics.median(looked[1] for _empty, looked, _cold in rounds), 1),
        "uncached_cpu_us_per_request": round(statistics.median(cold[1] for _empty, _looked, cold in rounds), 1),
        "empty_cpu_us_per_request": round(statistics.median(empty[1] for empty, _looked, _cold in rounds), 1),
        "half_load_per_s": round(half),
        **latencies,
    }
    settings = {
        "connections": CONNECTIONS,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "users": options.users,
        "users_uncached": len(cold_users),
        "users_kept": kept,
    }
    finish("segment_lookup", metrics, settings | {"generator": generator()})


if __name__ == "__main__":
    main()
