"""Three times what the system can take: does it go on doing as much as it can, for those who matter most, and say no at once?

Recommendations for known people of a synthetic shop (the reply cache off), from a generator in a process of its own
(`benchmarks.flood`): a fifth `interactive`, so that this part alone stays below the capacity at every rate, the rest `prefetch`
and `bulk`.

1. Capacity: an open loop at rising rates; the most good replies a second that were seen at any of them.
2. Three times that for a minute. `goodput_ratio`: good replies a second over the capacity; `interactive_success`: those of
   `interactive` that were good; `shed_p99_ms`: how long a refusal took, from sending to reply, as the client sees it.
3. Half of it again. `recovery_s`: until the last quarter of a second in which a request was refused, or took over 100 ms.

`server_errors` are 5xx that are no refusals (503 with Retry-After is one), and broken connections, in all phases. The
generator runs on the same cores: `generator_cpu_share` says how much of one it took in the minute.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.flood import Flood, Phase, PhaseSeen
from benchmarks.program import arguments, cluster, cpu_s, descendants, finish, say
from benchmarks.synthetic_shop import publish_synthetic_shop, show_people
from benchmarks.wire import Wire

MIX = {"interactive": 0.2, "prefetch": 0.35, "bulk": 0.45}
STEPS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35)
"""Rates of the ramp, as parts of what a first, too high rate got done."""
OVER, UNDER = 3.0, 0.5


async def wait_until_live(url: str, key: str, paths: Sequence[str]) -> None:
    """The ranker takes up what was published within a second or so."""
    wire = Wire(url, key)
    for _try in range(100):
        replies = [await wire.get(path) for path in paths[:8]]
        if all(reply.status == 200 and reply.json()["served"] == "live" for reply in replies):
            break
        await asyncio.sleep(0.2)
    else:
        raise RuntimeError(f"recommendations do not become live: {replies[0]}")
    wire.close()


def flood(url: str, key: str, paths: list[str], phases: list[Phase]) -> list[PhaseSeen]:
    """What came of the phases."""
    parts = urlsplit(url)
    asked = msgspec.json.encode(Flood(parts.hostname or "", parts.port or 80, key, paths, phases))
    command = [sys.executable, "-m", "benchmarks.flood"]
    said = subprocess.run(command, input=asked, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=list[PhaseSeen])


def good_per_s(seen: PhaseSeen) -> float:
    """Good replies a second of a phase."""
    return sum(each.good for each in seen.by_priority.values()) / seen.seconds


def find_capacity(url: str, key: str, paths: list[str], first: float, seconds: float) -> tuple[float, list[PhaseSeen]]:
    """The most good replies a second at any rate of a ramp, and what was seen on it."""
    (guess,) = flood(url, key, paths, [Phase("guess", first, seconds, MIX)])
    around = good_per_s(guess)
    say(f"offered {first:.0f}/s, {around:.0f}/s were good")
    ramp = flood(url, key, paths, [Phase(f"{step:g}", step * around, seconds, MIX) for step in STEPS])
    for seen in ramp:
        say(f"offered {float(seen.name) * around:.0f}/s: {good_per_s(seen):.0f}/s good, {_told(seen)}")
    return max(good_per_s(seen) for seen in ramp), ramp


def _told(seen: PhaseSeen) -> str:
    parts = [
        f"{name} {each.good}/{each.sent} p50 {each.p50_ms} p99 {each.p99_ms} shed {each.shed}"
        f" (p50 {each.shed_p50_ms} p99 {each.shed_p99_ms}) errors {each.server_errors}"
        for name, each in seen.by_priority.items()
    ]
    return "; ".join(parts)


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of the overload")
    parser.add_argument("--step-seconds", type=float, default=6, help="of each rate of the ramp")
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--first", type=float, default=1_500, help="a rate above capacity, to begin with")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.step_seconds, options.users, options.items = 8, 2, 200, 1_000
    users = [f"flood-{n}" for n in range(options.users)]
    paths = [f"/v1/users/{user}/recommendations?limit=10" for user in users]
    with cluster({"cache": {"replies_mib": 0}}) as running:
        url, key = running.url, running.api_key
        tenant = next(iter(running.settings.edge.api_keys.values())).tenant
        say(f"{options.items} items, {len(users)} users")
        lists = publish_synthetic_shop(running.settings, tenant, options.items)
        show_people(running.settings, users, options.items, lists)
        uvloop.run(wait_until_live(url, key, paths))
        flood(url, key, paths, [Phase("warm", 200, 3, MIX)])
        capacity, ramp = find_capacity(url, key, paths, options.first, options.step_seconds)
        say(f"capacity {capacity:.0f}/s; now {OVER:g} times that for {options.seconds:g} s")
        pids = descendants(os.getpid())
        before_s = cpu_s(pids)
        over, after = flood(
            url,
            key,
            paths,
            [
                Phase("over", OVER * capacity, options.seconds, MIX),
                Phase("after", UNDER * capacity, max(6.0, options.seconds / 3), MIX),
            ],
        )
        used_s = cpu_s(pids) - before_s
    for seen in (over, after):
        say(f"{seen.name}: {_told(seen)}")
    interactive = over.by_priority["interactive"]
    sheds = [each for each in over.by_priority.values() if each.shed]
    good = sum(each.good for each in over.by_priority.values())
    metrics = {
        "goodput_ratio": round(good_per_s(over) / capacity, 3),
        "interactive_success": round(interactive.good / interactive.sent, 4),
        "shed_p99_ms": max((each.shed_p99_ms for each in sheds), default=0.0),
        "recovery_s": after.last_trouble_s,
        "server_errors": sum(e.server_errors for seen in (*ramp, over, after) for e in seen.by_priority.values()),
        "capacity_per_s": round(capacity),
        "offered_per_s": round(OVER * capacity),
        "live_share": round(sum(each.live for each in over.by_priority.values()) / max(1, good), 3),
        "interactive_p50_ms": interactive.p50_ms,
        "interactive_p99_ms": interactive.p99_ms,
        "prefetch_success": round(over.by_priority["prefetch"].good / over.by_priority["prefetch"].sent, 4),
        "bulk_success": round(over.by_priority["bulk"].good / over.by_priority["bulk"].sent, 4),
        "shed_p50_ms": max((each.shed_p50_ms for each in sheds), default=0.0),
        "shed_p99_ms_from_intended": max((each.shed_p99_ms_from_intended for each in sheds), default=0.0),
        "worst_second_ratio": round(min(over.good_by_second[1:]) / capacity, 3),
        "generator_cpu_share": round(over.cpu_s / over.seconds, 3),
        "generator_late_p99_ms": over.late_p99_ms,
        "system_cpu_s": round(used_s, 1),
    }
    settings = {"users": options.users, "items": options.items, "seconds": options.seconds, "mix": MIX}
    finish("overload", metrics, settings)


if __name__ == "__main__":
    main()
