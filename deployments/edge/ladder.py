"""The ladder of one reply: live → stale → precomputed → segment → global. Each step down has a deadline of its own.

Without consent the person is nobody: the reply is contextual. Where no store can tell, it is contextual too, and says so by
its rung, `global`; what is kept of the person is left alone. Whatever the rung, what was bought a moment ago, what is in the
cart and what the caller excludes is not in it (as far as the profile can be read), and the rules hold.

The ranker is passed by where it could not answer in the time that is left, and on a busy replica for what matters less: the
light model orders lists that are at hand.
"""

import time
from typing import NamedTuple

from msgspec.structs import replace

from deployments.asks import RankAsk, Ranking, ReadReply
from deployments.dependency import Dependency
from deployments.edge.edge import Edge
from deployments.edge.kept_rankings import KeptRankings
from deployments.edge.lower_rungs import LowerRungs
from deployments.edge.person_reader import PersonReader
from deployments.edge.priorities import INTERACTIVE
from deployments.edge.question import Answer, Question
from rayce.consent import PERSONALIZATION
from rayce.errors import Unavailable
from rayce.item_words import SHELF

NOBODY = ReadReply(0, None, None)
SPARE = 3
"""A kept ranking is this many times as long as asked for, so that something is left when items drop out."""
LEAST_RANK_S = 0.003
"""Who has less time than this left is not sent to the ranker."""


class _Read(NamedTuple):
    found: ReadReply | None
    took_s: float


class Ladder:
    """Climbs down until a rung holds. Belongs to one event loop."""

    def __init__(self, edge: Edge) -> None:
        limits = edge.settings.edge
        self._edge = edge
        self._kept = KeptRankings(limits.stale_users, limits.stale_max_age_s, time.monotonic)
        self._lower = LowerRungs(edge)
        self._reader = PersonReader(edge)
        self._ranker = Dependency("ranker", edge.rank, limits.rank_deadline_ms / 1000, edge.metrics, time.monotonic)

    async def climb(self, question: Question) -> Answer:
        """The best reply that can be had in time; never raises for the sake of a store or a replica."""
        person = question.person
        read = await self._read(question, person) if person is not None else _Read(NOBODY, 0.0)
        known = read.found or NOBODY
        personal = bool(known.purposes & PERSONALIZATION)
        if person is not None and read.found is not None and not personal:
            self._kept.forget(person)
        started_s = time.perf_counter()
        ranking = await self._live(question, known, question.person if personal else None)
        read_ms, rank_ms = read.took_s * 1000, (time.perf_counter() - started_s) * 1000
        if ranking is not None:
            ranking = self._to_be_had(question.tenant, ranking)
        if ranking is None:
            kept = self._kept.get(person, question.circumstances.slot) if personal and person is not None else None
            return self._lower.answer(question, known, kept)._replace(read_ms=read_ms, rank_ms=rank_ms)
        wish = question.wish
        if personal and person is not None and not wish.categories and not wish.candidates:
            self._kept.keep(person, question.circumstances.slot, ranking)
        return Answer(
            rung="live" if read.found is not None else "global",
            items=ranking.items[: wish.limit],
            personal=personal,
            purposes=known.purposes,
            bits=ranking.bits,
            model=ranking.model,
            model_generation=ranking.generation,
            rules=ranking.rules,
            pool=ranking.pool,
            read_ms=read_ms,
            rank_ms=rank_ms,
        )

    def _to_be_had(self, tenant: str, ranking: Ranking) -> Ranking:
        """Without what this replica knows to be gone: the ranker may hear of it a moment later."""
        loaded = self._edge.live.get(tenant, SHELF)
        if loaded is None:
            return ranking
        number, available = loaded.value.number, loaded.value.available
        items = [one for one in ranking.items if (n := number.get(one.item_id)) is None or available[n]]
        return ranking if len(items) == len(ranking.items) else ranking._replace(items=items)

    async def _read(self, question: Question, person: str) -> _Read:
        """None where no store can tell."""
        edge, started_s = self._edge, time.perf_counter()
        loaded = edge.live.get(question.tenant, "lists")
        deadline_s = question.ticket.within_s(edge.settings.edge.read_deadline_ms / 1000, time.monotonic())
        found = await self._reader.read(person, loaded.number if loaded else 0, deadline_s)
        return _Read(found, time.perf_counter() - started_s)

    async def _live(self, question: Question, known: ReadReply, person: str | None) -> Ranking | None:
        edge, ticket = self._edge, question.ticket
        deadline_s = ticket.within_s(edge.settings.edge.rank_deadline_ms / 1000, time.monotonic())
        if deadline_s < LEAST_RANK_S or (ticket.busy and ticket.priority > INTERACTIVE):
            return None
        ask = RankAsk(
            tenant=question.tenant,
            state=known.state,
            precomputed=known.precomputed,
            wish=replace(question.wish, limit=question.wish.limit * SPARE),
            now_ms=question.now_ms,
            who=person or question.circumstances.slot,
            within_ms=int(deadline_s * 1000),
            circumstances=question.circumstances,
            explain=question.explain,
            pool=question.pool,
        )
        try:
            return await self._ranker.ask(ask, deadline_s)
        except Unavailable:
            return None
