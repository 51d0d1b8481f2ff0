"""Recommendations that were really shown, as examples to learn from: what was shown, where it stood, and what it was worth.

A click far down says more than one at the top, and what chance has put there speaks for all that it has not: each click weighs
its worth by the inverse of how likely its place is looked at (`rayce.position_bias`) and of how likely the product was shown.
One group a click, it against all that was shown beside it (Joachims, Swaminathan & Schnabel, "Unbiased learning-to-rank
with biased feedback", WSDM 2017).
"""

from collections.abc import Sequence
from math import log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.candidates import Wish, find_candidates
from rayce.decision import Decision
from rayce.model_routing import NOOP, SHUFFLE
from rayce.outcomes import Outcomes
from rayce.position_bias import MAX_PLACES, Shown, examined, kinds
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES, Matrix, Ranker, ranking_matrix
from rayce.ranking_examples import chance_of
from rayce.relevance import LIMIT
from rayce.shelf import Shelf
from rayce.training import Rows

MAX_WEIGHT = 10.0
"""Clipped above: the worth of one click over that of another at the top."""


class Logged(NamedTuple):
    """One decision: by shown product its features, its place from 0, its worth (0: nothing followed) and its propensity."""

    at_ms: int
    decision_id: str
    features: Matrix
    places: NDArray[np.int64]
    worth: NDArray[np.float64]
    propensity: NDArray[np.float64]


def logged(
    shelf: Shelf, profile: Profile, listed: List, decision: Decision, worth: dict[str, float], suppress_s: int
) -> Logged:
    """The example of a decision and the profile before it; what is no longer on the shelf is left out."""
    place: dict[str, int] = {}
    for n, item in enumerate(decision.shown):
        place.setdefault(item.item_id, n)
    wish = Wish(candidates=tuple(place), suppress_s=suppress_s)
    found = find_candidates(shelf, profile, listed, wish, decision.at_ms, len(place))
    ids = [shelf.ids[n] for n in found.items.tolist()]
    chance: dict[str, float] = {}
    for item in decision.shown:
        chance.setdefault(item.item_id, item.propensity)
    return Logged(
        at_ms=decision.at_ms,
        decision_id=decision.decision_id,
        features=ranking_matrix(shelf, profile, found, decision.at_ms),
        places=np.array([place[item] for item in ids], dtype=np.int64),
        worth=np.array([worth.get(item, 0.0) for item in ids], dtype=np.float64),
        propensity=np.array([chance[item] for item in ids], dtype=np.float64),
    )


def looked_at(decisions: Sequence[Decision], outcomes: Outcomes) -> NDArray[np.float64]:
    """By place, how likely it is looked at, from all these decisions; those of `noop` say nothing (place is all they know)."""
    rows = [
        (place, item.score, policy, item.item_id in outcomes.get(decision.decision_id, {}))
        for decision in decisions
        if (policy := _policy(decision)) != NOOP
        for place, item in enumerate(decision.shown)
    ]
    place, scores, policies, clicked = zip(*rows, strict=True) if rows else ((), (), (), ())
    kind = kinds(scores, policies, [policy == SHUFFLE for policy in policies])
    return examined(Shown(np.array(place, dtype=np.int64), kind, np.array(clicked, dtype=np.bool_)))


def weights(each: Logged, curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """By shown product, what a click on it weighs; 0 where there was none."""
    seen = curve[np.minimum(each.places, MAX_PLACES - 1)]
    raised = 1.0 / np.maximum(seen * each.propensity, 1.0 / MAX_WEIGHT)
    return np.asarray(each.worth * raised, dtype=np.float64)


def logged_rows(examples: Sequence[Logged], curve: NDArray[np.float64]) -> Rows:
    """One group a click, weighted, the mean click weighing 1; its rows shuffled, as LambdaMART minds the order of equals."""
    features, labels, at_ms, sizes, weigh = [np.zeros((0, len(RANKING_FEATURES)))], [], [], [], []
    for each in examples:
        weight = weights(each, curve)
        taken = np.flatnonzero(each.worth > 0).tolist()
        for hit in taken if len(taken) < len(each.worth) else ():
            rows = chance_of(f"{each.decision_id}/{hit}").permutation(len(each.worth))
            features.append(each.features[rows])
            labels.append(rows == hit)
            sizes.append(len(rows))
            at_ms.append(each.at_ms)
            weigh.append(float(weight[hit]))
    size, weighed = np.array(sizes, dtype=np.int32), np.array(weigh)
    return Rows(
        features=np.concatenate(features),
        labels=np.concatenate([np.zeros(0), *labels]).astype(np.int8),
        at_ms=np.repeat(np.array(at_ms, dtype=np.int64), size),
        groups=size,
        weights=np.repeat(weighed / weighed.mean() if len(weighed) else weighed, size),
    )


def evaluate_logged(model: Ranker, examples: Sequence[Logged], curve: NDArray[np.float64]) -> dict[str, float]:
    """NDCG at ten of what was shown, clicks weighed as above: in the model's order, and with `shown_` in that of the page."""
    ours, theirs = [], []
    for each in examples:
        gains = weights(each, curve)
        if 0 < np.count_nonzero(gains) < len(gains):
            ours.append(_ndcg(gains, np.argsort(-model.score_many(each.features), kind="stable")))
            theirs.append(_ndcg(gains, np.argsort(each.places, kind="stable")))
    if not ours:
        return {}
    name = f"ndcg_at_{LIMIT}"
    return {f"logged_{name}": round(float(np.mean(ours)), 4), f"logged_shown_{name}": round(float(np.mean(theirs)), 4)}


def _ndcg(gains: NDArray[np.float64], order: NDArray[np.intp]) -> float:
    discount = np.array([1 / log2(place + 2) for place in range(LIMIT)])
    best = np.sort(gains)[::-1][:LIMIT]
    return float(gains[order][:LIMIT] @ discount[: len(gains)]) / float(best @ discount[: len(best)])


def _policy(decision: Decision) -> str:
    return decision.policy_id.partition("@")[0]
