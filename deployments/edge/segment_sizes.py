"""How many people are in a segment, as a replica remembers it: for cohorts, which must not be so small that they tell somebody.

The tallies are looked at now and then, in the background; who asks does not wait. As long as nothing is known nobody is told
apart: every segment counts as too small.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from deployments.edge.segments import Told
from rayce.errors import RayceError
from rayce.segments.segment import Segment
from rayce.segments.tally import OVERLAP_BITS

LOOK_EVERY_S = 10.0


class SegmentSizes:
    """`look` reads the tallies (`told_sizes`). Belongs to one event loop."""

    def __init__(self, look: Callable[[], Awaitable[Told]], clock: Callable[[], float]) -> None:
        self._look = look
        self._clock = clock
        self._told: Told | None = None
        self._due_s = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def refresh(self) -> "asyncio.Task[None] | None":
        """Look again if it is time to; the task that does."""
        if self._looking is None and self._clock() >= self._due_s:
            self._due_s = self._clock() + LOOK_EVERY_S
            self._looking = asyncio.ensure_future(self._refresh())
        return self._looking

    async def known(self) -> None:
        """Returns when something is known, or could not be found out; at once where it was before."""
        looking = self.refresh()
        if self._told is None and looking is not None:
            await asyncio.shield(looking)

    def has_enough(self, tenant: str, segment: Segment, others: Sequence[Segment], least: int) -> bool:
        """Whether at least `least` people of the tenant are in the segment, and in it and each of the others.

        Overlaps are counted among permanent segments with low bits only; of others the size alone counts.
        """
        if self._told is None:
            return False
        tally, now_s = self._told.tally, self._told.now_s
        if tally.size(segment.bit, now_s, tenant) < least:
            return False
        if not _has_overlaps(segment):
            return True
        return all(tally.overlap(segment.bit, o.bit, tenant) >= least for o in others if _has_overlaps(o))

    async def _refresh(self) -> None:
        try:
            self._told = await self._look()
        except RayceError:  # what was known counts on
            pass
        finally:
            self._looking = None


def _has_overlaps(segment: Segment) -> bool:
    return segment.ttl_s is None and segment.bit < OVERLAP_BITS
