"""What is wanted right now: overall, by segment, and by country.

Counts people, not events: of one person's touches of one item the strongest counts, worth half after every `HALF_LIFE_MS`; so
nobody makes a trend alone. A group in which fewer than `MIN_PEOPLE` people touched anything lately has no list: it would show
one person's session to another. Keys: "" is everybody, `segment:<name>` and `country:<ISO code>` the groups.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rayce.decay import HOUR_MS
from rayce.interactions import Interactions

EVERYBODY = ""
HALF_LIFE_MS = 12 * HOUR_MS
LATELY_MS = 8 * HALF_LIFE_MS
"""Older touches are passed over: they count for less than one in two hundred."""
TOP = 100
MIN_PEOPLE = 20
MAX_KEYS = 8
"""Of a person in more segments only the first ones' lists are asked for."""

Trends = dict[str, list[tuple[int, float]]]
"""By key, item numbers with their scores, best first."""


def segment_key(name: str) -> str:
    """The key of a segment's list."""
    return f"segment:{name}"


def country_key(code: str) -> str:
    """The key of a country's list."""
    return f"country:{code}"


def trending_keys(country: str, segments: Sequence[str]) -> list[str]:
    """The lists that may speak for somebody, the country's first; not everybody's.

    >>> trending_keys("DE", ["repeat_buyer"])
    ['country:DE', 'segment:repeat_buyer']
    """
    keys = [country_key(country)] if country else []
    return keys + [segment_key(name) for name in segments[:MAX_KEYS]]


def build_trends(
    interactions: Interactions, available: NDArray[np.bool_], names: Mapping[int, str], until_ms: int
) -> Trends:
    """The lists as of `until_ms`, of available items; `names` are the segments by bit number."""
    recent = (interactions.at_ms > until_ms - LATELY_MS) & available[interactions.item]
    rows = interactions.where(recent)
    age_ms = np.maximum(until_ms - rows.at_ms, 0)
    strength = rows.weight * 2.0 ** (-age_ms / HALF_LIFE_MS)
    found: Trends = {}
    for key, chosen in _groups(rows, names):
        if len(np.unique(rows.person[chosen])) >= MIN_PEOPLE:
            found[key] = _top(rows.person[chosen], rows.item[chosen], strength[chosen])
    return found


def _groups(rows: Interactions, names: Mapping[int, str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    yield EVERYBODY, np.ones(len(rows.item), dtype=np.bool_)
    for bit, name in names.items():
        kinds = [kind for kind, bits in enumerate(rows.member_bits) if bit in bits]
        yield segment_key(name), np.isin(rows.kind, kinds)
    for number, code in enumerate(rows.countries):
        if code:
            yield country_key(code), rows.country == number


def _top(person: NDArray[np.int32], item: NDArray[np.int32], strength: NDArray[np.float64]) -> list[tuple[int, float]]:
    order = np.lexsort((item, person))
    begins = np.flatnonzero(np.r_[True, (np.diff(person[order]) != 0) | (np.diff(item[order]) != 0)])
    strongest = np.maximum.reduceat(strength[order], begins)
    score = np.bincount(item[order][begins], strongest)
    best = np.argsort(-score, kind="stable")[:TOP]
    return [(n, round(float(score[n]), 3)) for n in best.tolist() if score[n] > 0]
