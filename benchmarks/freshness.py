"""Freshness: from the intended moment of an event's POST until the flag it flips is visible through HTTP, model included.

Open loop. Every event puts something into a cart or takes it out, which flips `cart_engaged` and runs the segment model;
after the 202 the user's segments are asked for until the flag has flipped. At the end every profile must have counted
exactly the acknowledged events.
"""

import asyncio
import time
from collections import Counter
from pathlib import Path

import uvloop

from benchmarks.open_loop import histogram, percentile_ms, run_open_loop
from benchmarks.program import arguments, cluster, finish, say
from benchmarks.shoppers import admit, count_events
from benchmarks.stand_in_model import publish_stand_in_model
from benchmarks.wire import Wire

FLAG, MODEL_FLAG = "cart_engaged", "buys_within_7_days"
GIVE_UP_S = 5.0
FIRST_POLL_S, LONGEST_POLL_S = 0.002, 0.016
"""The time between two looks doubles: looking must not become the load that it waits for."""


class Freshness:
    """One run against a server."""

    def __init__(self, wire: Wire, users: list[str]) -> None:
        self._wire = wire
        self._users = users
        self._engaged = dict.fromkeys(users, False)
        self.sent: Counter[str] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.visible, self.acknowledged = histogram(), histogram()
        self.failed = self.unseen = self._before = 0

    def forget_times(self) -> None:
        """What follows is measured anew; event ids and carts go on."""
        self._before = self.sent.total()
        self.visible, self.acknowledged = histogram(), histogram()

    async def operate(self, i: int, intended_s: float) -> None:
        """One event, until its flag is visible."""
        i += self._before
        user = self._users[i % len(self._users)]
        wanted = not self._engaged[user]
        self._engaged[user] = wanted
        event = {
            "event_id": f"fresh-{id(self)}-{i}",
            "type": "add_to_cart" if wanted else "remove_from_cart",
            "user_id": user,
            "items": [{"item_id": f"p{i % 997}" if wanted else f"p{self._last(i)}", "price": 2.5}],
        }
        reply = await self._wire.send("POST", "/v1/events", event)
        if reply.status != 202:
            self.failed += 1
            self.unanswered[user] += 1
            return
        self.sent[user] += 1
        self.acknowledged.record_value(int((time.perf_counter() - intended_s) * 1e6))
        pause_s = FIRST_POLL_S
        while time.perf_counter() - intended_s < GIVE_UP_S:
            seen = await self._wire.get(f"/v1/users/{user}/segments")
            if seen.status == 200:
                if (FLAG.encode() in seen.body) == wanted:
                    self.visible.record_value(int((time.perf_counter() - intended_s) * 1e6))
                    return
            elif seen.status != 404:
                self.failed += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_POLL_S)
        self.unseen += 1

    def _last(self, i: int) -> int:
        """The product that the user's former event put into the cart."""
        return (i - len(self._users)) % 997


async def measure(url: str, key: str, rate: float, seconds: float, users: int) -> dict[str, float]:
    """Warm up, run, count."""
    wire = Wire(url, key)
    names = [f"fresh-{n}" for n in range(users)]
    say(f"{users} shoppers consent")
    await admit(wire, names)
    run = Freshness(wire, names)
    say("warming up")
    await run_open_loop(min(rate, 100), users / min(rate, 100), run.operate)
    warmed = run.sent.copy()
    run.forget_times()
    say(f"{rate:g} events/s for {seconds:g} s")
    took_s = await run_open_loop(rate, seconds, run.operate)
    lost, doubled = await count_events(wire, run.sent, run.unanswered)
    profile = (await wire.get(f"/v1/users/{names[0]}/profile")).json()
    wire.close()
    return {
        "p50_ms": percentile_ms(run.visible, 50),
        "p90_ms": percentile_ms(run.visible, 90),
        "p99_ms": percentile_ms(run.visible, 99),
        "max_ms": percentile_ms(run.visible, 100),
        "acknowledged_p50_ms": percentile_ms(run.acknowledged, 50),
        "acknowledged_p99_ms": percentile_ms(run.acknowledged, 99),
        "events_per_s": round((run.sent.total() - warmed.total()) / took_s, 1),
        "failed": run.failed,
        "unseen": run.unseen,
        "lost": lost,
        "doubled": doubled,
        "model_in_path": int(MODEL_FLAG in str(profile["scores"])),
    }


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--rate", type=float, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--users", type=int, default=1_000)
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.users = min(options.seconds, 5), 200
    catalogue = str(Path(__file__).parent / "catalogue.yaml")
    with cluster({"segments": {"catalogue": catalogue}}) as running:
        publish_stand_in_model(running.settings, "demo")
        found = uvloop.run(measure(running.url, running.api_key, options.rate, options.seconds, options.users))
    finish("freshness", found, {"rate": options.rate, "seconds": options.seconds, "users": options.users})


if __name__ == "__main__":
    main()
