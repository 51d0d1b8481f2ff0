"""The ladder of one reply: live → stale → precomputed → segment → global. Each step down has a deadline of its own.

Without consent the person is nobody: the reply is contextual. Where no store can tell, it is contextual too, and says so by
its rung, `global`; what is kept of the person is left alone. Whatever the rung, what was bought a moment ago, what is in the
cart and what the caller excludes is not in it (as far as the profile can be read).
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from deployments.edge.edge import Edge, RankAsk, ReadAsk, ReadReply
from deployments.edge.replicas import Replicas
from deployments.edge.schemas import Rung
from rayce.candidates import Wish, forbidden
from rayce.consent import PERSONALIZATION
from rayce.errors import InvalidArtifact, RayceError, Unavailable
from rayce.precomputed import List, decode_list
from rayce.profile import Profile, decode_profile
from rayce.ranking import Ranked
from rayce.shelf import Popular

NOBODY = ReadReply(0, None, None)
MAX_SLOTS = 8
SPARE = 3
"""A kept reply is this many times as long as asked for, so that something is left when items drop out."""


class Rungs(NamedTuple):
    """A reply and where it stands."""

    rung: Rung
    items: list[Ranked]
    personal: bool


class Ladder:
    """Climbs down until a rung holds. Keeps the last live replies of people, bounded in number and age."""

    def __init__(self, kept: int, max_age_s: float) -> None:
        self._kept: OrderedDict[str, dict[str, tuple[float, list[Ranked]]]] = OrderedDict()
        self._max_kept = kept
        self._max_age_s = max_age_s
        self._reader = Replicas("feature_reader", time.monotonic)
        self._ranker = Replicas("ranker", time.monotonic)

    async def climb(self, edge: Edge, tenant: str, person: str | None, slot: str, wish: Wish, now_ms: int) -> Rungs:
        """The best reply that can be had in time; never raises for the sake of a store or a replica."""
        found = await self._read(edge, tenant, person) if person is not None else NOBODY
        known = found or NOBODY
        personal = bool(known.purposes & PERSONALIZATION)
        if person is not None and found is not None and not personal:
            self._kept.pop(person, None)
        ample = replace(wish, limit=wish.limit * SPARE)
        ranked = await self._live(edge, RankAsk(tenant, known.state, known.precomputed, ample, now_ms))
        if ranked is not None:
            if personal and person is not None and not wish.categories and not wish.candidates:
                self._keep(person, slot, ranked)
            return Rungs("live" if found is not None else "global", ranked[: wish.limit], personal)
        if wish.categories:  # only the ranker knows what is in a category
            return Rungs("global", [], personal)
        profile = _profile(known.state)
        banned = forbidden(profile, wish, now_ms)
        for rung, items in self._lower(edge, tenant, person if personal else None, slot, known, profile):
            kept = [item for item in items if item.item_id not in banned]
            if wish.candidates:
                kept = [item for item in kept if item.item_id in wish.candidates]
            if kept:
                return Rungs(rung, kept[: wish.limit], personal)
        return Rungs("global", [], personal)

    async def _read(self, edge: Edge, tenant: str, person: str) -> ReadReply | None:
        """Through the feature reader; directly where it is away or could not tell; None where no store can tell."""
        loaded = edge.live.get(tenant, "lists")
        ask = ReadAsk(person, loaded.number if loaded else 0)
        deadline_s = edge.settings.edge.read_deadline_ms / 1000
        try:
            found = await self._reader.ask(edge.read, ask, deadline_s, edge.metrics)
        except Unavailable:
            found = None
        if found is not None:
            return found
        try:
            direct = await edge.people.state(person, deadline_s)
        except RayceError:
            edge.metrics.add("rayce_failures_total", 1, "stores")
            return None
        return ReadReply(direct.consent.purposes, direct.value, None)

    async def _live(self, edge: Edge, ask: RankAsk) -> list[Ranked] | None:
        try:
            return await self._ranker.ask(edge.rank, ask, edge.settings.edge.rank_deadline_ms / 1000, edge.metrics)
        except Unavailable:
            return None

    def _lower(
        self,
        edge: Edge,
        tenant: str,
        person: str | None,
        slot: str,
        known: ReadReply,
        profile: Profile | None,
    ) -> Iterable[tuple[Rung, list[Ranked]]]:
        if person is not None:
            at_s, kept = self._kept.get(person, {}).get(slot, (0.0, []))
            if kept and time.monotonic() - at_s <= self._max_age_s:
                yield "stale", kept
            yield "precomputed", _from_list(_list(known.precomputed), "precomputed")
        loaded = edge.live.get(tenant, "popular")
        if loaded is None:
            return
        popular: Popular = loaded.value
        if profile is not None:
            for segment in edge.catalogue.segments:
                if profile.flags >> segment.bit & 1 and segment.name in popular.segments:
                    yield "segment", _from_list(popular.segments[segment.name], "popular")
        yield "global", _from_list(popular.everybody, "popular")

    def _keep(self, person: str, slot: str, ranked: list[Ranked]) -> None:
        slots = self._kept.setdefault(person, {})
        self._kept.move_to_end(person)
        if slot in slots or len(slots) < MAX_SLOTS:
            slots[slot] = (time.monotonic(), ranked)
        if len(self._kept) > self._max_kept:
            self._kept.popitem(last=False)


def _profile(state: bytes | None) -> Profile | None:
    """What cannot be read is not there: the next rung answers."""
    try:
        return decode_profile(state) if state is not None else None
    except InvalidArtifact:
        return None


def _list(data: bytes | None) -> List:
    try:
        return decode_list(data)
    except InvalidArtifact:
        return []


def _from_list(entries: Iterable[tuple[str, float]], source: str) -> list[Ranked]:
    return [Ranked(item_id, score, source, None) for item_id, score in entries]
