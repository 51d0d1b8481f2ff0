"""The ranker: candidates and their order, for many questions in one call, from the live shelf and model of each tenant."""

from collections.abc import Sequence

from rayce.candidates import Wish
from rayce.errors import InvalidArtifact
from rayce.generations import LiveGenerations
from rayce.precomputed import decode_list
from rayce.profile import decode_profile
from rayce.ranking import Ranked, rank

Ask = tuple[str, bytes | None, bytes | None, Wish, int]
"""Tenant, encoded profile, precomputed list, wish, moment in ms."""


class Ranker:
    """Answers None where the tenant has no live shelf or model, or where the profile or the list cannot be read."""

    def __init__(self, live: LiveGenerations, candidates: int) -> None:
        self._live = live
        self._candidates = candidates

    def rank_many(self, asks: Sequence[Ask]) -> list[list[Ranked] | None]:
        """One reply an ask, in order; many are answered as one is."""
        return [self._rank(*ask) for ask in asks]

    def _rank(
        self, tenant: str, state: bytes | None, precomputed: bytes | None, wish: Wish, now_ms: int
    ) -> list[Ranked] | None:
        shelf, model = self._live.get(tenant, "shelf"), self._live.get(tenant, "ranker")
        if shelf is None or model is None:
            return None
        try:
            profile = decode_profile(state) if state is not None else None
            listed = decode_list(precomputed)
        except InvalidArtifact:  # of this one person: the others of the call get their replies
            return None
        return rank(shelf.value, model.value, profile, listed, wish, now_ms, self._candidates)
