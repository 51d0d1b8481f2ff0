"""Redis lost: wiped, then killed and back empty, while requests go on; every user reads the same before and after.

Profiles are folded and made durable through the library, and the hot view is filled by `jobs.rebuild_hot_view`. Then segments
and recommendations are asked for in an open loop, half and half, of users by chance, while Redis is lost in one of two ways,
and rebuilt by the same job while requests still go on. A sample of users is compared before and after, and with what durable
memory has. `live_share`: recommendations that are live and personal; the rest came from a lower rung.
"""

import asyncio
import json
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import redis
import uvloop

from benchmarks.bulk_users import persons_of, save_users
from benchmarks.open_loop import histogram, percentile_ms
from benchmarks.program import arguments, cluster, finish, say
from benchmarks.stand_in_model import publish_stand_in_model
from benchmarks.wire import Wire
from cluster.local_cluster import LocalCluster
from rayce.profile import decode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.segments.flags import pack_flags, unpack_flags
from rayce.stores.dynamo import DynamoStore
from tests.end_to_end.small_shop import publish_small_shop

AWAY_S, AROUND_S = 3.0, 3.0
TOLD_S = 1.5
"""Edges tell their metrics once a second."""
AT_ONCE = 16
Way = Callable[[LocalCluster], Awaitable[None]]
Flags = dict[str, list[int]]


class Requests:
    """Segments and recommendations of users by chance at a constant rate, until told to end."""

    def __init__(self, wire: Wire, users: Sequence[str], rate: float, seed: int) -> None:
        self._wire = wire
        self._users = users
        self._rate = rate
        self._chance = random.Random(seed)
        self._end = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())
        self.took = histogram()
        self.statuses: Counter[int] = Counter()
        self.served: Counter[str] = Counter()

    async def end(self) -> None:
        """No more; wait for those under way."""
        self._end.set()
        await self._task

    def metrics(self, phase: str) -> dict[str, float]:
        """What has been seen. A broken connection (status 0) is a server error too."""
        asked = self.served.total()
        return {
            f"{phase}_requests": self.statuses.total(),
            f"{phase}_server_errors": sum(n for status, n in self.statuses.items() if status == 0 or status >= 500),
            f"{phase}_other_refusals": sum(n for status, n in self.statuses.items() if 400 <= status < 500),
            f"{phase}_live_share": round(self.served["live"] / asked, 4) if asked else 0.0,
            f"{phase}_p50_ms": percentile_ms(self.took, 50),
            f"{phase}_p99_ms": percentile_ms(self.took, 99),
        }

    async def _run(self) -> None:
        started_s, n, running = time.perf_counter(), 0, set[asyncio.Future[None]]()
        while not self._end.is_set():
            intended_s = started_s + n / self._rate
            await asyncio.sleep(max(0.0, intended_s - time.perf_counter()))
            task = asyncio.ensure_future(self._ask(n, intended_s))
            running.add(task)
            task.add_done_callback(running.discard)
            n += 1
        while running:
            await asyncio.gather(*running)

    async def _ask(self, n: int, intended_s: float) -> None:
        user = self._chance.choice(self._users)
        reply = await self._wire.get(f"/v1/users/{user}/{'segments' if n % 2 else 'recommendations?limit=5'}")
        self.took.record_value(max(1, int((time.perf_counter() - intended_s) * 1e6)))
        self.statuses[reply.status] += 1
        if n % 2 == 0:
            body = reply.json() if reply.status == 200 else {}
            live = body.get("served") == "live" and body.get("personal") is True
            self.served["live" if live else str(body.get("served"))] += 1


async def wipe(running: LocalCluster) -> None:
    """FLUSHALL."""
    await asyncio.to_thread(lambda: redis.Redis.from_url(running.settings.redis.url).flushall())


async def kill_and_start_empty(running: LocalCluster) -> None:
    """SIGKILL, and back after a while without what it had kept on disk."""
    await asyncio.to_thread(running.stack.kill_server, "redis")
    shutil.rmtree(running.root / "data" / "valkey")
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(running.stack.start_server, "redis")


class Rebuilt(NamedTuple):
    """What the job told of itself."""

    people: float
    s_per_100k: float


async def rebuild(running: LocalCluster) -> Rebuilt:
    """Run the job as an operator would."""
    command = [sys.executable, "-m", "jobs.rebuild_hot_view", "--settings", str(running.settings_path)]
    job = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    out, _none = await job.communicate()
    if job.returncode:
        raise RuntimeError(f"the rebuild ended with {job.returncode}")
    told = json.loads(out.decode().splitlines()[-1])["metrics"]
    return Rebuilt(told["people"], told["seconds_per_100k"])


async def by_http(wire: Wire, users: Sequence[str], at_ms: int) -> Flags:
    """The users' segments, all at one moment; an empty list where nothing is known."""
    found: Flags = {}
    for at in range(0, len(users), AT_ONCE):
        batch = users[at : at + AT_ONCE]
        replies = await asyncio.gather(*(wire.get(f"/v1/users/{user}/segments?at={at_ms}") for user in batch))
        found |= {u: r.json()["bits"] if r.status == 200 else [] for u, r in zip(batch, replies, strict=True)}  # type: ignore[misc]
    return found


def by_durable(running: LocalCluster, users: Sequence[str], at_ms: int) -> Flags:
    """The same, from durable memory alone."""
    names = load_catalogue(running.settings.segments.catalogue).names
    persons = persons_of(running.settings, users)
    profiles = DynamoStore(running.settings.dynamodb).load_profiles(persons)
    found: Flags = {}
    for user, person in zip(users, persons, strict=True):
        flags = unpack_flags(pack_flags(decode_profile(profiles[person].state)), at_ms // 1000)
        found[user] = [bit for bit in flags.bits(at_ms) if bit in names]
    return found


async def lose(
    running: LocalCluster, wire: Wire, users: Sequence[str], rate: float, phase: str, way: Way
) -> dict[str, float]:
    """One way of losing Redis under load: lose it, go on for a while, rebuild it, go on for a while."""
    say(f"{phase}: requests at {rate:g}/s")
    requests = Requests(wire, users, rate, seed=len(phase))
    await asyncio.sleep(AROUND_S)
    await way(running)
    await asyncio.sleep(AROUND_S)
    lost = requests.metrics(phase)
    say(f"{phase}: {lost}; rebuilding")
    rebuilt = await rebuild(running)
    await asyncio.sleep(AROUND_S)
    await requests.end()
    found = requests.metrics(phase) | {f"{phase}_rebuild_s_per_100k": rebuilt.s_per_100k}
    say(f"{phase}: {found}, served {dict(requests.served)}, rebuilt {rebuilt.people:,.0f} people")
    say(f"{phase}: failures so far: {await failures(wire)}")
    return found


async def failures(wire: Wire) -> dict[str, float]:
    """By dependency, what the edges have counted: why replies were not live."""
    await asyncio.sleep(TOLD_S)
    lines = (await wire.get("/metrics")).body.decode().splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith("rayce_failures_total{")]
    return {name.partition('"')[2].rstrip('"}'): float(value) for name, _space, value in found}


async def measure(running: LocalCluster, users: Sequence[str], rate: float, sample: int) -> dict[str, float]:
    """Fill, then lose Redis in both ways."""
    wire = Wire(running.url, running.api_key)
    filled = await rebuild(running)
    say(f"{filled.people:,.0f} people in Redis, {filled.s_per_100k} s per 100,000")
    usual = Requests(wire, users, rate, seed=1)
    await asyncio.sleep(2 * AROUND_S)
    await usual.end()
    metrics = usual.metrics("usual")
    sampled, at_ms = random.Random(5).sample(users, min(sample, len(users))), time.time_ns() // 1_000_000
    durable = by_durable(running, sampled, at_ms)
    before = await by_http(wire, sampled, at_ms)
    mismatches = sum(before[user] != durable[user] for user in sampled)
    for phase, way in (("wiped", wipe), ("killed", kill_and_start_empty)):
        metrics |= await lose(running, wire, users, rate, phase, way)
        after = await by_http(wire, sampled, at_ms)
        mismatches += sum(not before[user] == after[user] == durable[user] for user in sampled)
    wire.close()
    phases = ("usual", "wiped", "killed")
    whole = {
        "server_errors": sum(metrics[f"{phase}_server_errors"] for phase in phases),
        "rebuild_s_per_100k": max(metrics["wiped_rebuild_s_per_100k"], metrics["killed_rebuild_s_per_100k"]),
        "mismatches": mismatches,
        "sampled_in_a_segment": sum(bool(bits) for bits in durable.values()),
    }
    return whole | metrics


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--sample", type=int, default=1_000, help="users that are compared")
    options = parser.parse_args()
    if options.quick:
        options.users = min(options.users, 2_000)
    users = [f"lost-{n}" for n in range(options.users)]
    with cluster() as running:
        publish_stand_in_model(running.settings, "demo")
        publish_small_shop(running.settings, "demo")
        say(f"{options.users} users become durable")
        save_users(running.settings, users, time.time_ns() // 1_000_000)
        found = uvloop.run(measure(running, users, options.rate, options.sample))
    finish("redis_lost", found, {"users": options.users, "rate": options.rate, "sample": options.sample})


if __name__ == "__main__":
    main()
