"""How long it takes until an event that was sent can be seen in the profile."""

import asyncio
from time import perf_counter

from msgspec import Struct

from rayce.client import Profile, RayceClient

PAUSE_S = 0.002
TIMEOUT_S = 5.0


class Seen(Struct, frozen=True):
    """The profile at the last look, whether it shows the events, and how many looks that took."""

    profile: Profile | None
    visible: bool
    looks: int


async def until_visible(rayce: RayceClient, user_id: str, events: int, *, at_ms: int) -> Seen:
    """Looks at the profile until it shows at least `events` events, or `TIMEOUT_S` have passed."""
    until, looks = perf_counter() + TIMEOUT_S, 0
    while True:
        profile = await rayce.profile(user_id, at_ms=at_ms)
        looks += 1
        if profile is not None and profile.events >= events:
            return Seen(profile, True, looks)
        if perf_counter() > until:
            return Seen(profile, False, looks)
        await asyncio.sleep(PAUSE_S)
