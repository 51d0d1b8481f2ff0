"""The parts of every product of the shop for one person, a formula at a time: what the kernel has to say of its candidates."""

from math import log1p

import numpy as np

from rayce.decay import DAY_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.lists.columns import ITEM_COLUMNS
from rayce.lists.expected import UNSAID
from rayce.lists.histories import Histories
from rayce.lists.kernel import LOOKED, NEVER_DAYS, NO_PLACE, ONCE, PRIOR_BASKETS
from rayce.lists.tables import Tables


def parts_of(
    own: Histories, tables: Tables, now_ms: int, expected: np.ndarray | None = None, items: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """By part, a number for each product; `own` is one person, `items` are the candidates, `expected` is by item."""
    n = len(tables.available)
    bought: dict[int, list[float]] = {}
    looked = np.zeros(n)
    for item, at_ms, purchase, weight in zip(*(column.tolist() for column in own[1:]), strict=True):
        if at_ms > now_ms:
            continue
        if purchase:
            bought.setdefault(item, []).append((now_ms - at_ms) / DAY_MS)
        else:
            looked[item] += weight * 2.0 ** (-(now_ms - at_ms) / TOUCHED_HALF_LIFE_MS)
    baskets = {(now_ms - at_ms) / DAY_MS for at_ms in own.at_ms[own.bought & (own.at_ms <= now_ms)].tolist()}

    def halved(ages: set[float] | list[float], days: float) -> float:
        return sum(2.0 ** (-age / days) for age in ages)

    def of_item(value: "dict[int, float]") -> np.ndarray:
        column = np.zeros(n)
        column[list(value)] = list(value.values())
        return column

    count = of_item({item: len(ages) for item, ages in bought.items()})
    weight = {days: of_item({item: halved(ages, days) for item, ages in bought.items()}) for days in (14, 28, 56, 112)}
    decayed = {days: halved(baskets, days) for days in weight}
    habit = np.where(count > 1, 1.0, ONCE) * 0.5 * weight[28] / (decayed[28] + PRIOR_BASKETS)
    habit += np.where(count > 1, 1.0, ONCE) * 0.5 * count / (len(baskets) + PRIOR_BASKETS)
    since, first = np.full(n, NEVER_DAYS), np.zeros(n)
    interval, overdue = np.full(n, NEVER_DAYS), np.full(n, -1.0)
    for item, ages in bought.items():
        since[item], first[item] = min(ages), max(ages)
        if len(ages) > 1:
            interval[item] = (max(ages) - min(ages)) / (len(ages) - 1)
            overdue[item] = since[item] / max(interval[item], 1.0)

    def spread(near: np.ndarray, scores: np.ndarray, strength: np.ndarray) -> np.ndarray:
        found = np.zeros(n)
        for item in range(n):
            for other, score in zip(near[item].tolist(), scores[item].tolist(), strict=True):
                if other >= 0:
                    found[other] += strength[item] * score
        return found

    def by(kind: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.bincount(kind, values)[kind]

    lately = np.where(count > 0, 2.0 ** (-since / 112), 0.0)
    follows = np.where(count > 0, 2.0 ** (-since / 28), LOOKED * looked)
    kind_rate = by(tables.kind, weight[56]) / (decayed[56] + 1)
    total = count.sum()
    return {
        "habit": habit,
        "taste": by(tables.group, habit) * tables.share,
        "affinity": spread(tables.near, tables.near_scores, habit + LOOKED * looked),
        "popularity": tables.share_of_all,
        "count": count,
        "share": count / (len(baskets) + PRIOR_BASKETS),
        "weight_28": weight[28],
        **{f"rate_{days}": weight[days] / (decayed[days] + 1) for days in weight},
        "days_since": since,
        "interval_days": interval,
        "overdue": overdue,
        "looked": looked,
        "habits": spread(tables.habits, tables.habits_scores, np.array([log1p(w) for w in weight[112]])),
        "tastes": spread(tables.tastes, tables.tastes_scores, lately),
        "following": spread(tables.following, tables.following_scores, follows),
        "kind_rate": kind_rate,
        "kind_share": kind_rate * tables.share_of_kind,
        "kind_items": by(tables.kind, (count > 0).astype(float)),
        "group_rate": by(tables.group, weight[56]) / (decayed[56] + 1),
        "brand_rate": by(tables.brand, weight[56]) / (decayed[56] + 1),
        "kind_new": by(tables.kind, np.where(count > 0, 2.0 ** (-first / 28), 0.0)),
        "kind_novelty": (by(tables.kind, (count > 0).astype(float)) + 0.5) / (by(tables.kind, count) + 1),
        "line_rate": by(tables.line, weight[56]) / (decayed[56] + 1),
        "line_share": by(tables.line, weight[56]) / (decayed[56] + 1) * tables.share_of_line,
        **{name: tables.columns[:, n] for n, name in enumerate(ITEM_COLUMNS)},
        "baskets_28": np.full(n, decayed[28]),
        "baskets": np.full(n, float(len(baskets))),
        "items_28": np.full(n, weight[28].sum()),
        "novelty": np.full(n, (count > 0).sum() / max(total, 1.0)),
        "days_since_purchase": np.full(n, min(baskets) if baskets else NEVER_DAYS),
        "expected": expected if expected is not None else np.full(n, UNSAID),
        "expected_place": places(expected, items)
        if expected is not None and items is not None
        else np.full(n, NO_PLACE),
    }


def places(expected: np.ndarray, items: np.ndarray) -> np.ndarray:
    """By item, how many of the candidates are expected more; of equal ones those that come before it."""
    found = np.full(len(expected), NO_PLACE)
    said = [item for item in items.tolist() if expected[item] > UNSAID]
    for place, item in enumerate(sorted(said, key=lambda item: -expected[item])):
        found[item] = place
    return found
