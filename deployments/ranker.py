"""The ranker: candidates and their order, for many questions in one call, from the live shelf and models of each tenant."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from msgspec.structs import replace

from deployments.asks import RankAsk, Ranking, RankReply
from deployments.ranker_models import RankerModels
from rayce.baselines import BASELINES
from rayce.candidates import Candidates, Wish, find_candidates, forbidden
from rayce.decay import HOUR_MS
from rayce.decision import hex_bits
from rayce.documents import MODELS, RULES
from rayce.errors import InvalidArtifact
from rayce.factors import with_factors
from rayce.generations import LiveGenerations
from rayce.metrics import Metrics
from rayce.model_routing import DEFAULT, EVERYBODY_DEFAULT, Routing
from rayce.model_trial import Scores, correlation, top_overlap
from rayce.placing import Placement, arranged, explained, with_pins
from rayce.precomputed import decode_list
from rayce.profile import Bits, Profile, decode_profile
from rayce.ranking import Matrix, Ranked, Slate, as_ranked, scored
from rayce.rules.live_rules import LiveRules
from rayce.segments.catalogue import Catalogue
from rayce.segments.flags import mask_of
from rayce.shelf import Shelf

MAX_SHADOWS = 64
"""Questions that wait to be scored by a shadow; of more the oldest are dropped: nobody's reply is late for their sake."""
REMEMBER_ONE_IN = 16


class _Shadow(NamedTuple):
    tenant: str
    model: str
    features: Matrix
    scores: Scores


class Ranker:
    """Answers None where the tenant has no live shelf or fit model, where the profile or the list cannot be read, and where the
    caller cannot be waiting any more.
    """

    def __init__(
        self,
        live: LiveGenerations,
        candidates: int,
        catalogue: Callable[[], Catalogue],
        metrics: Metrics | None = None,
        models: RankerModels | None = None,
        clock: Callable[[], float] = time.monotonic,
        explore: bool = True,
    ) -> None:
        """`catalogue` gives the live segment catalogue; `explore`: whether new items are tried out."""
        self._live = live
        self._candidates = candidates
        self._catalogue = catalogue
        self._rules = LiveRules(live, catalogue)
        self._explore = explore
        self._metrics = metrics or Metrics()
        self._models = models or RankerModels(live, self._metrics, BASELINES)
        self._clock = clock
        self._shadows: deque[_Shadow] = deque(maxlen=MAX_SHADOWS)
        self._ranked = 0

    @property
    def has_shadows(self) -> bool:
        """Whether questions wait for a shadow."""
        return bool(self._shadows)

    def rank_many(self, asks: Sequence[RankAsk]) -> list[RankReply]:
        """One reply an ask, in order; many are answered as one is."""
        began_s = self._clock()
        return [None if self._is_late(ask, n, began_s) else self._rank(ask) for n, ask in enumerate(asks)]

    def shadow_one(self) -> bool:
        """Score one waiting question with the shadow's model and count how far it differs; whether there was one.

        For when replies are out. The counters are sums, to be divided by `rayce_shadows_total`.
        """
        if not self._shadows:
            return False
        tenant, name, features, shown = self._shadows.popleft()
        loaded = self._models.get(tenant, name)
        if loaded is None:
            return True
        try:
            scores = loaded.value.score_many(features)
        except Exception as error:  # whatever a model does, it is its own failure: counted
            self._models.failed(tenant, name, error)
            return True
        if self._models.scored(tenant, name, scores):
            self._metrics.add("rayce_shadows_total", 1, name)
            self._metrics.add("rayce_shadow_overlap_total", top_overlap(shown, scores), name)
            self._metrics.add("rayce_shadow_correlation_total", correlation(shown, scores), name)
        return True

    def _is_late(self, ask: RankAsk, place: int, began_s: float) -> bool:
        """Whether those before it in the call have taken all the time that its caller had."""
        return bool(ask.within_ms and place and (self._clock() - began_s) * 1000 > ask.within_ms)

    def _rank(self, ask: RankAsk) -> RankReply:
        shelf = self._live.get(ask.tenant, "shelf")
        if shelf is None:
            return None
        try:
            profile = decode_profile(ask.state) if ask.state is not None else None
            listed = decode_list(ask.precomputed)
        except InvalidArtifact:  # of this one person: the others of the call get their replies
            return None
        bits = mask_of(profile, ask.now_ms)
        wish = self._wish(ask, bits)
        most = max(self._candidates, len(wish.candidates))  # the caller's own items are all ranked
        found = find_candidates(shelf.value, profile, listed, wish, ask.now_ms, most)
        routing = self._routing(ask.tenant)
        name, shadow = routing.model_of(ask.who), routing.shadow_of(ask.who)
        # Twice: one that just failed may have been left for its former generation. Then the default: that a model is not there,
        # or not fit, is no fault of who was dealt to it.
        for model in (name, name, DEFAULT):
            reply = self._ranked_by(model, shadow, ask, shelf.value, profile, found, bits)
            if reply is not None:
                return reply
        return None

    def _ranked_by(
        self, name: str, shadow: str, ask: RankAsk, shelf: Shelf, profile: Profile | None, found: Candidates, bits: Bits
    ) -> RankReply:
        """By this model as it is now; None: it is not there, or has just failed."""
        loaded = self._models.get(ask.tenant, name)
        if loaded is None:
            return None
        try:
            slate = scored(shelf, loaded.value, profile, found, ask.now_ms)
        except Exception as error:  # whatever a model does, it is its own failure: counted
            self._models.failed(ask.tenant, name, error)
            return None
        if not self._models.scored(ask.tenant, name, slate.scores):
            return None
        self._metrics.add("rayce_ranked_total", 1, name)
        if shadow and shadow != name:
            self._shadows.append(_Shadow(ask.tenant, shadow, slate.features, slate.scores))
        self._ranked += 1
        if self._ranked % REMEMBER_ONE_IN == 1:
            features = slate.features
            self._models.remember(ask.tenant, lambda model: model.score_many(features))
        items, pool = self._placed(ask, shelf, slate, profile, bits, loaded.value)
        return Ranking(items, name, loaded.number, self._live_number(ask.tenant, RULES), hex_bits(bits), pool)

    def _placed(
        self, ask: RankAsk, shelf: Shelf, slate: Slate, profile: Profile | None, bits: Bits, model: Any
    ) -> tuple[list[Ranked], Sequence[tuple[str, float]]]:
        """The reply's items as the rules in force want them, and where asked for all candidates."""
        bound, wanted = (
            self._rules.of(ask.tenant),
            Placement(ask.circumstances, bits, ask.now_ms, ask.wish.limit, ask.explain),
        )
        features = slate.features
        if bound is not None:
            slate = with_pins(shelf, slate, bound, wanted, ask.wish, forbidden(profile, ask.wish, ask.now_ms))
        chosen = arranged(slate, bound, wanted)
        items = as_ranked(shelf, slate, chosen.places, profile)
        if ask.explain:
            items = with_factors(explained(items, chosen), chosen.places, features, model)
        return items, _pool(shelf, slate) if ask.pool else ()

    def _wish(self, ask: RankAsk, bits: Bits) -> Wish:
        """With what chooses among trending and new items; chance is the same for an hour, so that pages do not flicker."""
        names = self._catalogue().names
        seed = crc32(f"{ask.who}/{ask.now_ms // HOUR_MS}".encode()) or 1
        return replace(
            ask.wish,
            country=ask.circumstances.word("country"),
            segments=tuple(name for bit, name in names.items() if bits >> bit & 1),
            seed=seed if self._explore else 0,
        )

    def _live_number(self, tenant: str, kind: str) -> int:
        loaded = self._live.get(tenant, kind)
        return 0 if loaded is None else loaded.number

    def _routing(self, tenant: str) -> Routing:
        loaded = self._live.get(tenant, MODELS)
        return EVERYBODY_DEFAULT if loaded is None else loaded.value


def _pool(shelf: Shelf, slate: Slate) -> list[tuple[str, float]]:
    """All candidates with their scores, best first."""
    numbers, scores = slate.found.items[slate.order].tolist(), slate.scores[slate.order].tolist()
    return [(shelf.ids[n], round(score, 4)) for n, score in zip(numbers, scores, strict=True)]
