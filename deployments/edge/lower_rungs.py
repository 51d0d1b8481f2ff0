"""The rungs below the ranker: lists that are at hand, put into order at the edge without a hop.

stale (the person's last live ranking) → precomputed (the person's list) → segment (the top list of a segment the person is in)
→ global. Each is filtered as a live reply is, re-ordered by the light model (not the stale one: the ranker itself has ordered
it), and arranged by the rules. Without a live shelf the lists are taken as they are.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from deployments.asks import Ranking, ReadReply
from deployments.edge.edge import Edge
from deployments.edge.question import Answer, Question
from deployments.edge.schemas import Rung
from rayce.candidates import GIVEN, SOURCES, Candidates, Wish, find_candidates, forbidden
from rayce.consent import PERSONALIZATION
from rayce.decision import hex_bits
from rayce.documents import RULES
from rayce.errors import InvalidArtifact
from rayce.item_words import SHELF
from rayce.placing import Placement, arranged, explained, with_pins
from rayce.precomputed import List, decode_list
from rayce.profile import Profile, decode_profile
from rayce.ranking import Ranked, Slate, as_ranked, scored
from rayce.rules.live_rules import LiveRules
from rayce.segments.flags import mask_of
from rayce.shelf import Popular, Shelf

MOST = 60
"""Entries of a list that are looked at: a reply has at most 100 items, most have ten."""
LIGHT = "light"


class _Pool(NamedTuple):
    rung: Rung
    source: str
    entries: Sequence[Ranked]
    is_ranked: bool = False


class LowerRungs:
    """Answers from what the edge has."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._rules = LiveRules(edge.live, lambda: edge.catalogue)

    def answer(self, question: Question, known: ReadReply, kept: Ranking | None) -> Answer:
        """From the first rung that has something to show; nothing at all is an answer too, on the last one."""
        personal = bool(known.purposes & PERSONALIZATION)
        profile = _profile(known.state)
        bits = mask_of(profile, question.now_ms)
        banned = forbidden(profile, question.wish, question.now_ms)
        listed = _list(known.precomputed)
        answer = Answer(
            "global",
            [],
            personal,
            known.purposes,
            hex_bits(bits),
            rules=self._number(question.tenant, RULES),
        )
        for pool in self._pools(question, listed if personal else [], bits, kept if personal else None):
            items = self._items(question, pool, profile, listed, bits, banned)
            if items:
                light = self._edge.live.get(question.tenant, "ranker")
                model = "" if light is None or light.value is None or pool.is_ranked else LIGHT
                return answer._replace(
                    rung=pool.rung, items=items, model=model, model_generation=light.number if light and model else 0
                )
        return answer

    def _pools(self, question: Question, listed: List, bits: int, kept: Ranking | None) -> Iterator[_Pool]:
        if question.wish.candidates:
            given = [Ranked(item, 0.0, SOURCES[GIVEN], None) for item in question.wish.candidates]
            yield _Pool("precomputed" if listed else "global", SOURCES[GIVEN], given)
            return
        if kept is not None:
            yield _Pool("stale", "", kept.items, is_ranked=True)
        yield _Pool("precomputed", "precomputed", _entries(listed, "precomputed"))
        loaded = self._edge.live.get(question.tenant, "popular")
        if loaded is None:
            return
        popular: Popular = loaded.value
        for segment in self._edge.catalogue.segments:
            if bits >> segment.bit & 1 and segment.name in popular.segments:
                yield _Pool("segment", "popular", _entries(popular.segments[segment.name], "popular"))
        yield _Pool("global", "popular", _entries(popular.everybody, "popular"))

    def _items(
        self,
        question: Question,
        pool: _Pool,
        profile: Profile | None,
        listed: List,
        bits: int,
        banned: Collection[str],
    ) -> Sequence[Ranked]:
        wish, loaded = question.wish, self._edge.live.get(question.tenant, SHELF)
        entries = [entry for entry in pool.entries if entry.item_id not in banned]
        if not entries:
            return []
        if loaded is None:
            return [] if wish.categories else entries[: wish.limit]  # only a shelf knows what is in a category
        shelf: Shelf = loaded.value
        slate = self._slate(question, shelf, pool, entries, profile, listed)
        bound = self._rules.of(question.tenant)
        wanted = Placement(question.circumstances, bits, question.now_ms, wish.limit, question.explain)
        if bound is not None:
            slate = with_pins(shelf, slate, bound, wanted, wish, banned)
        chosen = arranged(slate, bound, wanted)
        items = as_ranked(shelf, slate, chosen.places, profile)
        if pool.is_ranked:  # they keep their reasons
            reasons = {entry.item_id: entry for entry in entries}
            items = [reasons.get(item.item_id, item)._replace(score=item.score) for item in items]
        return explained(items, chosen) if question.explain else items

    def _slate(
        self,
        question: Question,
        shelf: Shelf,
        pool: _Pool,
        entries: Sequence[Ranked],
        profile: Profile | None,
        listed: List,
    ) -> Slate:
        """The entries that may be shown, scored: by the ranker when it did, else by the light model, else by their list."""
        score_of = {entry.item_id: entry.score for entry in entries}
        wish = Wish(
            limit=question.wish.limit,
            categories=question.wish.categories,
            candidates=tuple(score_of),
            suppress_s=question.wish.suppress_s,
            exclude=question.wish.exclude,
        )
        found = find_candidates(shelf, profile, listed, wish, question.now_ms, MOST)
        light = self._edge.live.get(question.tenant, "ranker")
        if pool.source in SOURCES:
            found = found._replace(source=np.full(len(found.items), SOURCES.index(pool.source), dtype=np.int8))
        if light is not None and light.value is not None and not pool.is_ranked:
            return scored(shelf, light.value, profile, found, question.now_ms)
        return _by(np.array([score_of[shelf.ids[n]] for n in found.items.tolist()], dtype=np.float64), found)

    def _number(self, tenant: str, kind: str) -> int:
        loaded = self._edge.live.get(tenant, kind)
        return 0 if loaded is None else loaded.number


def _by(scores: "np.ndarray[tuple[int], np.dtype[np.float64]]", found: Candidates) -> Slate:
    return Slate(found, scores, np.argsort(-scores, kind="stable"), np.zeros((0, 0)))


def _entries(entries: List, source: str) -> list[Ranked]:
    return [Ranked(item_id, score, source, None) for item_id, score in entries]


def _profile(state: bytes | None) -> Profile | None:
    """What cannot be read is not there: the lists answer."""
    try:
        return decode_profile(state) if state is not None else None
    except InvalidArtifact:
        return None


def _list(data: bytes | None) -> List:
    try:
        return decode_list(data)
    except InvalidArtifact:
        return []
