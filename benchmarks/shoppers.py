"""Shoppers for benchmarks: they have consented, and how many of their events have been acknowledged is known."""

import asyncio
from collections import Counter

from benchmarks.wire import Wire

AT_ONCE = 32


async def admit(wire: Wire, users: list[str]) -> None:
    """Give every user's consent."""

    async def one(user: str) -> None:
        for _try in range(50):
            reply = await wire.send("PUT", f"/v1/users/{user}/consent", {"personalization": True, "training": True})
            if reply.status == 200:
                return
            await asyncio.sleep(0.2)
        raise RuntimeError(f"consent of {user}: {reply.status} {reply.body[:200]!r}")

    for at in range(0, len(users), AT_ONCE):
        await asyncio.gather(*map(one, users[at : at + AT_ONCE]))


async def count_events(
    wire: Wire, sent: Counter[str], uncertain: Counter[str] | None = None, patience_s: float = 20.0
) -> tuple[int, int]:
    """(lost, doubled): what the profiles have counted against what was acknowledged. Waits while something is missing.

    `uncertain` are events that were sent and not acknowledged: each of them may have been counted, once.
    """
    uncertain = uncertain or Counter()

    async def counted(user: str) -> int:
        reply = await wire.get(f"/v1/users/{user}/profile")
        return int(str(reply.json()["events"])) if reply.status == 200 else 0

    users = list(sent)
    until_s = asyncio.get_running_loop().time() + patience_s
    while True:
        found: dict[str, int] = {}
        for at in range(0, len(users), AT_ONCE):
            batch = users[at : at + AT_ONCE]
            found |= dict(zip(batch, await asyncio.gather(*map(counted, batch)), strict=True))
        lost = sum(max(0, sent[user] - found[user]) for user in users)
        doubled = sum(max(0, found[user] - sent[user] - uncertain[user]) for user in users)
        if not lost or asyncio.get_running_loop().time() > until_s:
            return lost, doubled
        await asyncio.sleep(0.5)
