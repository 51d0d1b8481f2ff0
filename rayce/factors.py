"""Why a model scored an item as it did: the features that moved the score most, by what each added to it."""

from collections.abc import Sequence

from rayce.ranking import Matrix, Ranked

EXPLAINED, FACTORS = 10, 3
"""So many items of a reply get so many factors: each item costs the ranker up to a millisecond."""


def with_factors(items: Sequence[Ranked], places: Sequence[int], features: Matrix, model: object) -> list[Ranked]:
    """The items of those places of the matrix, the first ones with `factors`; without, where the model cannot tell."""
    contributions = getattr(model, "contributions", None)  # baselines have none
    found = list(items)
    if contributions is None:
        return found
    for n, place in enumerate(places[:EXPLAINED]):
        if place < len(features):  # pins that were no candidates were not scored
            parts = contributions(features[place].tolist())
            most = sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0]))[:FACTORS]
            found[n] = found[n]._replace(factors={name: round(value, 4) for name, value in most if value})
    return found
