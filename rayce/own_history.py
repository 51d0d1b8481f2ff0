"""What a person's own history says of each candidate: taste, habits, and what was just touched.

At every request, for up to 160 products bought, so in whole columns wherever that gives the bits that a loop would give:
powers are Python's own and sums go in the profile's order, so that the same person has the same numbers on every machine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.features import NEVER_DAYS
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.profile import Profile
from rayce.shelf import Floats, Ints, Shelf

Column = NDArray[np.float64]


class OwnHistory:
    """Columns by candidate, as of `now_ms`; and of the person: `mean_price` (0 where nothing is known), `baskets` and
    `days_since_purchase`. Items must not repeat.
    """

    def __init__(self, shelf: Shelf, profile: Profile, items: Ints, now_ms: int) -> None:
        self._place = dict(zip(items.tolist(), range(len(items)), strict=True))
        self._read_bought(shelf, profile, items, now_ms)
        self._read_touched(shelf, profile, items, now_ms)
        self.baskets = float(profile.baskets)
        last = profile.last_purchase_ms
        self.days_since_purchase = max(0.0, (now_ms - last) / DAY_MS) if last else NEVER_DAYS

    def _read_bought(self, shelf: Shelf, profile: Profile, items: Ints, now_ms: int) -> None:
        of, bought = shelf.number, profile.bought
        numbers, history = list(map(of.get, bought)), list(bought.values())
        if None in numbers:
            numbers, history = [of[i] for i in bought if i in of], [had for i, had in bought.items() if i in of]
        weights = [
            had.weight * 2.0 ** ((age if (age := had.last_ms - now_ms) < 0 else 0) / BOUGHT_HALF_LIFE_MS)
            for had in history
        ]
        number = np.array(numbers, dtype=np.intp)
        self.group_taste = _shares(shelf.group, number, weights, len(shelf.groups), items)
        self.brand_taste = _shares(shelf.brand, number, weights, len(shelf.brands), items)
        self.mean_price = _mean(shelf.price[number])
        among = [
            (place, had.count, weight, had.first_ms, had.last_ms)
            for place, had, weight in zip(map(self._place.get, numbers), history, weights, strict=True)
            if place is not None
        ]
        place, count, weight, first_ms, last_ms = _transposed(among, 5)
        size, at = len(items), place.astype(np.intp)
        self.count, self.weight = _spread(0.0, size, at, count), _spread(0.0, size, at, weight)
        self.days_since = _spread(NEVER_DAYS, size, at, np.maximum(0.0, (now_ms - last_ms) / DAY_MS))
        again = count > 1
        interval_days = (last_ms - first_ms)[again] / DAY_MS / (count[again] - 1)
        self.interval_days = _spread(NEVER_DAYS, size, at[again], interval_days)

    def _read_touched(self, shelf: Shelf, profile: Profile, items: Ints, now_ms: int) -> None:
        of = shelf.number
        touched = [
            (of[item_id], at_ms, strength) for item_id, (at_ms, strength) in profile.touched.items() if item_id in of
        ]
        weights = [
            strength * 2.0 ** (min(0, at_ms - now_ms) / TOUCHED_HALF_LIFE_MS) for _number, at_ms, strength in touched
        ]
        number = np.array([each[0] for each in touched], dtype=np.intp)
        self.group_session = _shares(shelf.group, number, weights, len(shelf.groups), items)
        self.touched = np.zeros(len(items))
        for (item, _at_ms, _strength), weight in zip(touched, weights, strict=True):
            if item in self._place:
                self.touched[self._place[item]] = weight


def _transposed(rows: Sequence[tuple[float, ...]], columns: int) -> Column:
    return np.array(rows, dtype=np.float64).T if rows else np.zeros((columns, 0))


def _spread(otherwise: float, size: int, at: NDArray[np.intp], values: Column) -> Column:
    column = np.full(size, otherwise)
    column[at] = values
    return column


def _shares(kind: Ints, number: NDArray[np.intp], weights: list[float], kinds: int, items: Ints) -> Column:
    """By candidate, the share of its kind (group, brand) in the weights of the items `number`."""
    by_kind = np.bincount(kind[number], weights, kinds)
    total = float(by_kind.sum())
    found: Column = np.asarray(by_kind[kind[items]], dtype=np.float64)
    return found / total if total else found


def _mean(price: Floats) -> float:
    """Of those that have a price; 0 where none has. Summed one after another: NumPy's own sum goes another way."""
    known = price[price == price]
    return float(np.cumsum(known, dtype=np.float64)[-1]) / len(known) if len(known) else 0.0
