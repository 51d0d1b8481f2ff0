"""How good a ranker's replies would have been for baskets it was not trained on, next to what costs nothing."""

from collections.abc import Sequence

import numpy as np

from rayce.candidates import Wish, forbidden
from rayce.profile import Profile
from rayce.ranking import Ranker
from rayce.ranking_examples import Example
from rayce.relevance import LIMIT, Relevance
from rayce.shelf import Shelf


def evaluate_ranker(
    model: Ranker, light: Ranker, shelf: Shelf, held_out: Sequence[Example], wish: Wish
) -> dict[str, float]:
    """Hit rate and NDCG at ten, for baskets without a session before them: of the ranker; with a prefix of the

    - `light_`: light model that the edge re-orders with, so that one sees what is lost by it;
    - `list_`: precomputed list alone, `popular_`: shelf's most popular, `own_frequency_`: person's most frequent products;
    - `session_`: ranker again, on the baskets of which a part had been revealed.
    """
    told = {prefix: Relevance() for prefix in ("", "light_", "list_", "popular_", "own_frequency_", "session_")}
    popular = [shelf.ids[n] for n in shelf.popular[:LIMIT].tolist()]
    for example in held_out:
        ranked = _best(model, shelf, example)
        if example.rehearsed:
            told["session_"].add(ranked, example.basket)
            continue
        gone = forbidden(example.profile, wish, example.at_ms)
        told[""].add(ranked, example.basket)
        told["light_"].add(_best(light, shelf, example), example.basket)
        told["list_"].add([item for item, _score in example.listed if item not in gone], example.basket)
        told["popular_"].add(popular, example.basket)
        told["own_frequency_"].add(_own_frequency(example.profile), example.basket)
    return {name: value for prefix, each in told.items() for name, value in each.metrics(prefix).items()}


def per_basket(model: Ranker, shelf: Shelf, held_out: Sequence[Example]) -> dict[str, list[float]]:
    """By metric, what the ranker's reply was worth for each basket in turn; for `rayce.verdict`."""
    told: dict[str, list[float]] = {}
    for example in held_out:
        one = Relevance()
        one.add(_best(model, shelf, example), example.basket)
        for name, value in ((f"hit_rate_at_{LIMIT}", one.hit_rate), (f"ndcg_at_{LIMIT}", one.ndcg)):
            told.setdefault(name, []).append(value)
    return told


def _best(model: Ranker, shelf: Shelf, example: Example) -> list[str]:
    best = np.argsort(-model.score_many(example.features), kind="stable")[:LIMIT]
    return [shelf.ids[n] for n in example.items[best].tolist()]


def _own_frequency(profile: Profile) -> list[str]:
    bought = profile.bought
    return sorted(bought, key=lambda item: (-bought[item].count, -bought[item].last_ms))[:LIMIT]
