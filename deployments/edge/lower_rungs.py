"""The rungs below the ranker: lists that are at hand, put into order at the edge without a hop.

stale (the person's last live ranking) → precomputed (the person's list) → segment (the top list of a segment the person is in)
→ global. Each is filtered as a live reply is, re-ordered by the light model (not the stale one: the ranker itself has ordered
it), and arranged by the rules. Without a live shelf the lists are taken as they are.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from deployments.asks import Ranking, ReadReply
from deployments.edge.edge import Edge
from deployments.edge.question import Answer, Question
from deployments.edge.schemas import Rung
from rayce.candidates import GIVEN, POPULAR, PRECOMPUTED, SOURCES, forbidden
from rayce.consent import PERSONALIZATION
from rayce.decision import hex_bits
from rayce.documents import RULES
from rayce.errors import InvalidArtifact
from rayce.item_words import SHELF
from rayce.light_model import list_slate
from rayce.model_routing import KIND as RANKER
from rayce.placing import Placement, arranged, explained, with_pins
from rayce.precomputed import List, decode_list
from rayce.profile import Profile, decode_profile
from rayce.ranking import Ranked, as_ranked
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
                light = self._edge.live.get(question.tenant, RANKER)
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
            yield _Pool("stale", SOURCES[PRECOMPUTED], kept.items, is_ranked=True)
        yield _Pool("precomputed", SOURCES[PRECOMPUTED], _entries(listed, SOURCES[PRECOMPUTED]))
        loaded = self._edge.live.get(question.tenant, "popular")
        if loaded is None:
            return
        popular: Popular = loaded.value
        names = [segment.name for segment in self._edge.catalogue.segments if bits >> segment.bit & 1]
        for of_segment, ranked in popular.widening(names, question.wish.country):
            rung: Rung = "segment" if of_segment else "global"
            yield _Pool(rung, SOURCES[POPULAR], _entries(ranked, SOURCES[POPULAR]))

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
        if not entries or loaded is None:
            return [] if wish.categories else entries[: wish.limit]  # only a shelf knows what is in a category
        shelf: Shelf = loaded.value
        light = self._edge.live.get(question.tenant, RANKER)
        slate = list_slate(
            shelf,
            None if light is None or pool.is_ranked else light.value,
            profile,
            [(entry.item_id, entry.score) for entry in entries[: max(MOST, wish.limit)]],
            pool.source,
            question.now_ms,
            listed,
            wish,
        )
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

    def _number(self, tenant: str, kind: str) -> int:
        loaded = self._edge.live.get(tenant, kind)
        return 0 if loaded is None else loaded.number


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
