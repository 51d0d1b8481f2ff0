"""The herd: everybody asks for one thing that nobody has asked for yet; then a flash sale, in which nobody comes twice.

Cold cache, `callers` at once, one key: how often the reply was made, for each edge replica (`loads_per_key`). The control is
the same with `explain=true`, which is never kept: there it is made again and again. Then every request is by another user, half
of whom hot memory knows, at half of what this machine can do (a million in 60 s, scaled to it). Who is sent away at the door
(`Retry-After`) comes back after a second; any other 5xx, a broken connection, or being sent away three times is an error.
"""

import asyncio
import itertools
import re
import time
import urllib.request
from collections.abc import Sequence
from typing import NamedTuple

import uvloop

from benchmarks.hot_users import show_users
from benchmarks.open_loop import histogram, percentile_ms, run_open_loop
from benchmarks.program import arguments, cluster, finish, say
from benchmarks.shop_events import TENANT
from benchmarks.synthetic_shop import publish_synthetic_shop
from benchmarks.wire import Wire
from rayce.settings import Settings
from rayce.stores.redis_view import RedisReader

ITEMS, CONTROL_CALLERS, CAPACITY_S = 2_000, 500, 5.0
SHARE = 0.5
TRIES, RETRY_S = 3, 1.0
CONNECTIONS, PAUSE_S = 32, 0.05
TOLD_WITHIN_S = 1.5
AT_THE_DOOR = b"rayce-priority"
"""Named in the problem that the door sends, in no other."""


class Herd(NamedTuple):
    """How often a reply was made, who was sent away for a moment, and who got an error in the end."""

    loads: int
    sent_away: int
    errors: int


class Counted:
    """Asks again when sent away, as the reply says."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.sent_away = self.errors = 0

    async def get(self, path: str) -> None:
        """Once, as a caller sees it."""
        for _try in range(TRIES):
            reply = await self._wire.get(path)
            if reply.status != 503 or AT_THE_DOOR not in reply.body:
                self.errors += reply.status == 0 or reply.status >= 500
                return
            self.sent_away += 1
            await asyncio.sleep(RETRY_S)
        self.errors += 1


def ranked(url: str) -> int:
    """Replies ranked so far, by all replicas: they tell once a second."""
    time.sleep(TOLD_WITHIN_S)
    with urllib.request.urlopen(f"{url}/metrics") as reply:
        text = reply.read().decode()
    return sum(int(float(value)) for value in re.findall(r"^rayce_ranked_total\S* (\S+)$", text, re.MULTILINE))


async def _edges(settings: Settings) -> int:
    hot = RedisReader(settings.redis)
    found = sum(name.startswith("edge:") for name in await hot.read_status())
    await hot.close()
    return found


async def _at_once(url: str, key: str, path: str, callers: int) -> Counted:
    wire = Wire(url, key, timeout_s=30.0)
    counted = Counted(wire)
    await asyncio.gather(*(counted.get(path) for _ in range(callers)))
    wire.close()
    return counted


def herd(url: str, key: str, path: str, callers: int) -> Herd:
    """So many ask for one thing at once."""
    before = ranked(url)
    counted = uvloop.run(_at_once(url, key, path, callers))
    return Herd(ranked(url) - before, counted.sent_away, counted.errors)


async def _capacity(url: str, key: str, paths: Sequence[str], seconds: float) -> float:
    """Good replies a second in a closed loop; who is sent away waits for a moment."""
    wire, turn, good = Wire(url, key), itertools.cycle(paths), 0
    until_s = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal good
        while time.perf_counter() < until_s:
            status = (await wire.get(next(turn))).status
            good += status == 200
            if status != 200:
                await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    wire.close()
    return good / seconds


async def _sale(url: str, key: str, paths: Sequence[str], rate: float, seconds: float) -> dict[str, float]:
    wire, found = Wire(url, key), histogram()
    counted = Counted(wire)

    async def one(i: int, intended_s: float) -> None:
        await counted.get(paths[i])
        found.record_value(int((time.perf_counter() - intended_s) * 1e6))

    took_s = await run_open_loop(rate, seconds, one)
    wire.close()
    return {
        "sale_users": len(paths),
        "sale_per_s": round(len(paths) / took_s, 1),
        "sale_p50_ms": percentile_ms(found, 50),
        "sale_p99_ms": percentile_ms(found, 99),
        "sale_sent_away": counted.sent_away,
        "sale_errors": counted.errors,
    }


def recommendations(user: str, more: str = "") -> str:
    """The path of the call."""
    return f"/v1/users/{user}/recommendations?slot=sale{more}"


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--callers", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60, help="of the flash sale")
    options = parser.parse_args()
    if options.quick:
        options.callers, options.seconds = 1_000, 5
    with cluster() as running:
        url, key, settings = running.url, running.api_key, running.settings
        publish_synthetic_shop(settings, TENANT, ITEMS)
        show_users(settings, ["herd", "control"], time.time_ns() // 1_000_000)
        time.sleep(2 * settings.serving.generation_poll_s + TOLD_WITHIN_S)
        edges = uvloop.run(_edges(settings))
        one = herd(url, key, recommendations("herd"), options.callers)
        say(f"{options.callers} callers, {edges} edges: {one}")
        control = herd(url, key, recommendations("control", "&explain=true"), CONTROL_CALLERS)
        say(f"{CONTROL_CALLERS} callers whose replies are not kept: {control}")
        users = [f"probe-{n}" for n in range(20_000)]
        show_users(settings, users[::2], time.time_ns() // 1_000_000)
        capacity = uvloop.run(_capacity(url, key, [recommendations(user) for user in users], CAPACITY_S))
        rate = SHARE * capacity
        users = [f"sale-{n}" for n in range(int(rate * options.seconds))]
        show_users(settings, users[::2], time.time_ns() // 1_000_000)
        say(f"flash sale: {len(users)} users in {options.seconds:g} s, capacity {capacity:.0f}/s")
        sale = uvloop.run(_sale(url, key, [recommendations(user) for user in users], rate, options.seconds))
    metrics = {
        "loads_per_key": round(one.loads / max(1, edges), 2),
        "server_errors": one.errors + int(sale["sale_errors"]),
        "loads": one.loads,
        "edges": edges,
        "herd_sent_away": one.sent_away,
        "control_loads": control.loads,
        "control_sent_away": control.sent_away,
        "capacity_per_s": round(capacity),
        **sale,
    }
    finish(
        "herd", metrics, {"callers": options.callers, "seconds": options.seconds, "control_callers": CONTROL_CALLERS}
    )


if __name__ == "__main__":
    main()
