"""Who is compared: what costs nothing, the precomputed lists, and rankers; each gives everybody a list as of one moment."""

from collections.abc import Callable, Mapping

from rayce.candidates import Wish
from rayce.evaluation.cases import Case
from rayce.evaluation.measures import LIMIT
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.past import Past
from rayce.precomputed import decode_list
from rayce.ranking import Ranker, rank
from rayce.shelf import Shelf

POPULARITY, PERSONAL_FREQUENCY, LISTS = "popularity", "personal_frequency", "lists"

Contender = Callable[[Case], list[str]]
"""From a case to at most ten item ids, best first."""


def baselines(past: Past) -> dict[str, Contender]:
    """What costs nothing: the most popular, and the person's own products by decayed frequency, filled up with those."""
    popular = [past.shelf.ids[number] for number in past.shelf.popular[: 2 * LIMIT].tolist()]

    def own(case: Case) -> list[str]:
        bought = case.profile.bought
        weights = {
            item: had.weight * 2.0 ** (min(0, had.last_ms - past.at_ms) / BOUGHT_HALF_LIFE_MS)
            for item, had in bought.items()
            if _available(past.shelf, item)
        }
        best = sorted(weights, key=lambda item: (-weights[item], item))
        return [*best, *(item for item in popular if item not in weights)][:LIMIT]

    return {POPULARITY: lambda _case: popular[:LIMIT], PERSONAL_FREQUENCY: own}


def lists(past: Past, popular: Contender) -> Contender:
    """The lists as a job would have made them then; who has none is shown what is popular."""
    return lambda case: [item for item, _score in past.lists.of(case.person)[:LIMIT]] or popular(case)


def stored_lists(stored: Mapping[str, bytes], popular: Contender) -> Contender:
    """The lists of a generation, by person; who has none is shown what is popular."""
    return lambda case: [item for item, _score in decode_list(stored.get(case.person))[:LIMIT]] or popular(case)


def ranker(past: Past, model: Ranker, candidates: int) -> Contender:
    """What the model would have replied at that moment, to somebody who has not looked at anything yet."""
    wish = Wish(limit=LIMIT, suppress_s=0)

    def replied(case: Case) -> list[str]:
        listed = past.lists.of(case.person)
        return [each.item_id for each in rank(past.shelf, model, case.profile, listed, wish, past.at_ms, candidates)]

    return replied


def _available(shelf: Shelf, item: str) -> bool:
    number = shelf.number.get(item)
    return number is not None and bool(shelf.available[number])
