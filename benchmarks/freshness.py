"""Freshness: from the intended moment of an event's POST until the flag it flips is visible through HTTP, model included.

Open loop, one event a POST. Every event puts something into a cart or takes it out, which flips `cart_engaged` and runs the
segment model. One event in `--look-every` is watched: after the 202 its user's segments are asked for until the flag has
flipped; watching all would double the load that is measured. At the end every profile must have counted exactly the
acknowledged events, watched or not.
"""

import asyncio
import random
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
"""From the acknowledgement to the first look; from look to look it grows by half: looking must not become the load."""
RAMP = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the rate while warming up, three seconds each: the servers' JIT compilers need traffic to start from."""
RAMP_STEP_S = 3.0


class Freshness:
    """One run against a server."""

    def __init__(self, wire: Wire, users: list[str], look_every: int) -> None:
        watched = max(1, len(users) // look_every)
        self._wire = wire
        self._watched, self._others = users[:watched], users[watched:] or users
        self._look_every = look_every
        self._chance = random.Random(7)
        self._cart: dict[str, str] = {}
        self.sent: Counter[str] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.visible, self.acknowledged = histogram(), histogram()
        self.failed = self.unseen = self._before = 0

    def forget_times(self) -> None:
        """What follows is measured anew; event ids and carts go on."""
        self._before = self.sent.total() + self.unanswered.total()
        self.visible, self.acknowledged = histogram(), histogram()

    async def operate(self, i: int, intended_s: float) -> None:
        """One event; if it is watched, until its flag is visible. The watched take turns, the others act at random."""
        turn, not_watched = divmod(i + self._before, self._look_every)
        user = self._chance.choice(self._others) if not_watched else self._watched[turn % len(self._watched)]
        item = self._cart.pop(user, None)
        wanted = item is None
        if item is None:
            item = self._cart[user] = f"p{i % 997}"
        event = {
            "event_id": f"fresh-{id(self)}-{i + self._before}",
            "type": "add_to_cart" if wanted else "remove_from_cart",
            "user_id": user,
            "items": [{"item_id": item, "price": 2.5}],
        }
        reply = await self._wire.send("POST", "/v1/events", event)
        if reply.status != 202:
            self.failed += 1
            self.unanswered[user] += 1
            return
        self.sent[user] += 1
        self.acknowledged.record_value(int((time.perf_counter() - intended_s) * 1e6))
        if not_watched:
            return
        pause_s = FIRST_POLL_S
        while time.perf_counter() - intended_s < GIVE_UP_S:
            await asyncio.sleep(pause_s)
            pause_s = min(1.5 * pause_s, LONGEST_POLL_S)
            seen = await self._wire.get(f"/v1/users/{user}/segments")
            if seen.status == 200:
                if (FLAG.encode() in seen.body) == wanted:
                    self.visible.record_value(int((time.perf_counter() - intended_s) * 1e6))
                    return
            elif seen.status != 404:
                self.failed += 1
        self.unseen += 1


async def measure(url: str, key: str, rate: float, seconds: float, users: int, look_every: int) -> dict[str, float]:
    """Warm up, run, count."""
    wire = Wire(url, key)
    names = [f"fresh-{n}" for n in range(users)]
    say(f"{users} shoppers consent")
    await admit(wire, names)
    run = Freshness(wire, names, look_every)
    say("warming up")
    for share in RAMP:
        await run_open_loop(rate * share, RAMP_STEP_S, run.operate)
        run.forget_times()
    warmed = run.sent.copy()
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
    parser.add_argument("--look-every", type=int, default=5, help="one event in so many is watched")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.users = min(options.seconds, 5), 200
    catalogue = str(Path(__file__).parent / "catalogue.yaml")
    with cluster({"segments": {"catalogue": catalogue}}) as running:
        publish_stand_in_model(running.settings, "demo")
        shape = {name: vars(options)[name] for name in ("rate", "seconds", "users", "look_every")}
        found = uvloop.run(measure(running.url, running.api_key, **shape))
    finish("freshness", found, shape)


if __name__ == "__main__":
    main()
