"""What lists are like beside being right: how much of the shelf they show, how varied, how unexpected, how like the person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import log, log2

from rayce.evaluation.measures import LIMIT
from rayce.profile import Profile
from rayce.shelf import Shelf

LEAK = 0.01
"""So much of a person's own departments is mixed into those of the list, so that a missing one is not infinitely bad."""

Shown = Sequence[tuple[Profile, Sequence[str]]]
"""People and their lists, best first."""


def breadth(shelf: Shelf, shown: Shown) -> dict[str, float]:
    """By name, of the first ten of each list:

    - `coverage`: the share of what is available that anybody is shown;
    - `diversity`: how far two products of a list differ in their categories (1 - Jaccard), on average;
    - `novelty`: how unexpected a product is, in bits: -log2 of its share of all purchases;
    - `miscalibration`: how far the departments of a list are from those of the person's purchases (Kullback-Leibler divergence,
      in nats; Steck, "Calibrated recommendations", RecSys 2018); of those who have bought something.
    """
    lists = [[shelf.number[item] for item in listed[:LIMIT] if item in shelf.number] for _profile, listed in shown]
    seen = {number for numbers in lists for number in numbers}
    total = float(shelf.popularity.sum()) + len(shelf.ids)
    bits = [log2(total / (float(shelf.popularity[number]) + 1.0)) for numbers in lists for number in numbers]
    varied = [_variety(shelf, numbers) for numbers in lists if len(numbers) > 1]
    unlike = [
        _divergence(bought, Counter(int(shelf.group[number]) for number in numbers))
        for (profile, _listed), numbers in zip(shown, lists, strict=True)
        if numbers and (bought := _departments(shelf, profile))
    ]
    return {
        "coverage": round(len(seen) / max(int(shelf.available.sum()), 1), 4),
        "diversity": round(_mean(varied), 4),
        "novelty": round(_mean(bits), 4),
        "miscalibration": round(_mean(unlike), 4),
    }


def _variety(shelf: Shelf, numbers: Sequence[int]) -> float:
    sets = [shelf.category_sets[number] for number in numbers]
    return _mean([1 - len(one & other) / max(len(one | other), 1) for one, other in combinations(sets, 2)])


def _departments(shelf: Shelf, profile: Profile) -> Counter[int]:
    counts: Counter[int] = Counter()
    for item, had in profile.bought.items():
        if item in shelf.number:
            counts[int(shelf.group[shelf.number[item]])] += had.count
    return counts


def _divergence(own: Mapping[int, int], listed: Mapping[int, int]) -> float:
    """KL(own || listed), the list's shares mixed with `LEAK` of the own ones.

    >>> round(_divergence({0: 3, 1: 1}, {0: 6, 1: 2}), 6), round(_divergence({0: 1}, {1: 1}), 2)
    (0.0, 4.61)
    """
    of_own, of_list = sum(own.values()), sum(listed.values())
    shares = [(count / of_own, listed.get(group, 0) / of_list) for group, count in sorted(own.items())]
    return sum(p * log(p / ((1 - LEAK) * q + LEAK * p)) for p, q in shares)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
