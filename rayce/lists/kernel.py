"""The lists of a block of people, compiled: gather what each did, spread it over what goes with it, choose, and score.

For each person: their rows become the products they have (`own`); each speaks, by four tables, for others; the candidates are
what they have, the best of what their products speak for, the popular ones of their favourite kinds, and the most popular of
all. `parts` gives each candidate a column of `PARTS`; trees or fixed weights make a score of it.

Deterministic: sums go in the order of the history, ties by item number. All room is taken once a block. numba is imported only
when lists are made.
"""

from functools import lru_cache
from math import exp2, log1p
from typing import Any, NamedTuple

import numpy as np

from rayce.decay import DAY_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.lists.parts import NEVER_DAYS, PARTS
from rayce.lists.tables import OF_KIND
from rayce.shelf import Floats, Ints

MOST_OWN = 256
"""Of more products the ones with the most recent and frequent purchases count."""
BEST = 80
"""Candidates that each of the two tables of EASE^R names, and the neighbours."""
BEST_NEAR = 40
BEST_POPULAR = 100
"""Of the most popular of all; who has no history has a whole list of them."""
FAVOURITES = 8
"""Kinds of which the popular products come in."""
PRIOR_BASKETS = 3.0
"""Baskets without the product that are added to everybody's: a few baskets make no habit."""
ONCE = 0.5
"""A product bought once only counts so much as a habit: it may have been chance."""
LOOKED = 0.05
"""One look is worth so much of a habit."""
ROOM = MOST_OWN + 2 * BEST + 2 * BEST_NEAR + OF_KIND * FAVOURITES + BEST_POPULAR
N_PARTS = len(PARTS)
FIRST_COLUMN = PARTS.index("people")
FIRST_OF_PERSON = PARTS.index("baskets_28")


class Room(NamedTuple):
    """What one thread needs: by item, zeros before and after each person (`place`: -1); by kind, group and brand too."""

    place: Ints
    scores: Floats
    touched: Ints
    kinds: Floats
    kind_items: Ints
    groups: Floats
    group_habit: Floats
    brands: Floats


def room_for(tables: Any) -> Room:
    """Room for the tables of one shelf."""
    n = len(tables.available)

    def width(numbers: Any) -> int:
        return int(numbers.max()) + 1 if len(numbers) else 1

    return Room(
        place=np.full(n, -1, dtype=np.int32),
        scores=np.zeros((4, n), dtype=np.float32),
        touched=np.empty(n, dtype=np.int32),
        kinds=np.zeros(width(tables.kind), dtype=np.float32),
        kind_items=np.zeros(width(tables.kind), dtype=np.int32),
        groups=np.zeros(width(tables.group), dtype=np.float32),
        group_habit=np.zeros(width(tables.group), dtype=np.float32),
        brands=np.zeros(width(tables.brand), dtype=np.float32),
    )


@lru_cache(maxsize=1)
def compiled() -> Any:
    """`candidates(item, at_ms, bought, weight, tables, now_ms, room, found, rows)`: one person's candidates and their parts.

    Fills `found` (numbers of available items, what they have first) and `rows` (`PARTS` × candidates); returns how many there
    are, and how many of them the person has bought.
    """
    import numba

    jit = numba.njit(nogil=True)
    half_day_ms, touched_ms, never = float(DAY_MS), float(TOUCHED_HALF_LIFE_MS), NEVER_DAYS

    @jit
    def spread(
        near: Any, strength: Any, of: Any, weights: Any, count: int, scores: Any, room: Any, reached: int
    ) -> int:
        """Adds to `scores` what the first `count` items speak for, and lists what is reached for the first time."""
        for n in range(count):
            weight = weights[n]
            if weight == 0.0:
                continue
            item = of[n]
            for column in range(near.shape[1]):
                other = near[item, column]
                if other < 0:
                    break
                if room.place[other] == -1:
                    room.place[other] = -2
                    room.touched[reached] = other
                    reached += 1
                scores[other] += strength[item, column] * np.float32(weight)
        return reached

    @jit
    def sink(values: Any, place: int, size: int) -> None:
        """Restores the heap (the least on top) below `place`."""
        while True:
            child = 2 * place + 1
            if child >= size:
                return
            if child + 1 < size and values[child + 1] < values[child]:
                child += 1
            if values[place] <= values[child]:
                return
            values[place], values[child] = values[child], values[place]
            place = child

    @jit
    def nth(values: Any, count: int, size: int) -> Any:
        """The `size`-th largest of the first `count` values, which it shuffles. A heap: NumPy's own takes 5 s to compile."""
        for place in range(size // 2 - 1, -1, -1):
            sink(values, place, size)
        for at in range(size, count):
            if values[at] > values[0]:
                values[0] = values[at]
                sink(values, 0, size)
        return values[0]

    @jit
    def best(scores: Any, tables: Any, room: Any, reached: int, most: int, found: Any, count: int, values: Any) -> int:
        """Appends the best of what was reached, is available and not there yet."""
        n = 0
        for at in range(reached):
            item = room.touched[at]
            if room.place[item] == -2 and scores[item] > 0.0 and tables.available[item]:
                values[n] = scores[item]
                n += 1
        if n == 0:
            return count
        limit = nth(values, n, most) if n > most else np.float32(0.0)
        taken = 0
        for strict in range(2):
            for at in range(reached):
                item = room.touched[at]
                if taken == most or room.place[item] != -2 or scores[item] <= 0.0 or not tables.available[item]:
                    continue
                if scores[item] > limit or (strict == 1 and scores[item] == limit):
                    found[count] = item
                    room.place[item] = count
                    count += 1
                    taken += 1
        return count

    @jit
    def candidates(
        item: Any, at_ms: Any, bought: Any, weight: Any, tables: Any, now_ms: int, room: Any, found: Any, rows: Any
    ) -> Any:
        # what they have: one slot for each product bought or looked at
        length = len(item)
        own = np.empty(length, dtype=np.int32)
        sums = np.zeros((9, length))  # count, w14, w28, w56, w112, first, last, looked, (free)
        owned, baskets, b14, b28, b56, b112 = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        total, decayed, last_basket = 0.0, 0.0, -1
        for row in range(length):
            if at_ms[row] > now_ms:
                continue
            one = item[row]
            slot = room.place[one]
            if slot == -1:
                slot = owned
                room.place[one] = slot
                own[slot] = one
                owned += 1
            age = (now_ms - at_ms[row]) / half_day_ms
            if bought[row]:
                w112 = exp2(-age / 112.0)
                w56 = w112 * w112
                w28 = w56 * w56
                w14 = w28 * w28
                if at_ms[row] != last_basket:
                    last_basket = at_ms[row]
                    baskets += 1.0
                    b14 += w14
                    b28 += w28
                    b56 += w56
                    b112 += w112
                if sums[0, slot] == 0.0:
                    sums[5, slot] = age
                sums[0, slot] += 1.0
                sums[1, slot] += w14
                sums[2, slot] += w28
                sums[3, slot] += w56
                sums[4, slot] += w112
                sums[6, slot] = age
                total += 1.0
                decayed += w28
            else:
                sums[7, slot] += weight[row] * exp2(-age * half_day_ms / touched_ms)
        for slot in range(owned):
            room.place[own[slot]] = -1
        distinct = 0.0
        for slot in range(owned):
            if sums[0, slot] > 0.0:
                distinct += 1.0
        order = np.argsort(-(sums[4, :owned] + LOOKED * sums[7, :owned]), kind="mergesort")
        kept = min(owned, MOST_OWN)
        order = order[:kept]
        # what it amounts to in each kind, group and brand
        items = np.empty(kept, dtype=np.int32)
        often, lately, habit, follows = np.empty(kept), np.empty(kept), np.empty(kept), np.empty(kept)
        for n in range(kept):
            slot = order[n]
            one = own[slot]
            items[n] = one
            count = sums[0, slot]
            often[n] = log1p(sums[4, slot])
            lately[n] = exp2(-sums[6, slot] / 112.0) if count > 0.0 else 0.0
            follows[n] = exp2(-sums[6, slot] / 28.0) if count > 0.0 else LOOKED * sums[7, slot]
            once = 1.0 if count > 1.0 else ONCE
            habit[n] = once * 0.5 * (sums[2, slot] / (b28 + PRIOR_BASKETS) + count / (baskets + PRIOR_BASKETS))
            if count > 0.0:
                room.kinds[tables.kind[one]] += sums[3, slot]
                room.kind_items[tables.kind[one]] += 1
                room.groups[tables.group[one]] += sums[3, slot]
                room.group_habit[tables.group[one]] += habit[n]
                room.brands[tables.brand[one]] += sums[3, slot]
        # what it speaks for
        reached = spread(tables.habits, tables.habits_scores, items, often, kept, room.scores[0], room, 0)
        reached = spread(tables.tastes, tables.tastes_scores, items, lately, kept, room.scores[1], room, reached)
        reached = spread(tables.following, tables.following_scores, items, follows, kept, room.scores[2], room, reached)
        for n in range(kept):
            often[n] = habit[n] + LOOKED * sums[7, order[n]]
        reached = spread(tables.near, tables.near_scores, items, often, kept, room.scores[3], room, reached)
        # candidates: what they have, what that speaks for, the popular ones of their favourite kinds, and of all
        slots = np.empty(ROOM, dtype=np.int32)
        count = 0
        for n in range(kept):
            if tables.available[items[n]]:
                found[count] = items[n]
                slots[count] = n
                room.place[items[n]] = count
                count += 1
        for slot in range(owned):  # the weak ones of a long history: not candidates, and not new to them either
            if room.place[own[slot]] < 0:
                room.place[own[slot]] = -3
        had = count
        values = np.empty(reached, dtype=np.float32)
        count = best(room.scores[0], tables, room, reached, BEST, found, count, values)
        count = best(room.scores[1], tables, room, reached, BEST, found, count, values)
        count = best(room.scores[2], tables, room, reached, BEST_NEAR, found, count, values)
        count = best(room.scores[3], tables, room, reached, BEST_NEAR, found, count, values)
        for _turn in range(FAVOURITES):
            favourite, most = -1, np.float32(0.0)
            for n in range(kept):
                kind = tables.kind[items[n]]
                if room.kinds[kind] > most:
                    favourite, most = kind, room.kinds[kind]
            if favourite == -1:
                break
            room.kinds[favourite] = -room.kinds[favourite]
            for column in range(tables.of_kind.shape[1]):
                other = tables.of_kind[favourite, column]
                if other < 0:
                    break
                if room.place[other] == -1 or room.place[other] == -2:
                    found[count] = other
                    room.place[other] = count
                    count += 1
        taken = 0
        for at in range(len(tables.popular)):
            other = tables.popular[at]
            if taken == BEST_POPULAR:
                break
            if room.place[other] == -1 or room.place[other] == -2:
                found[count] = other
                room.place[other] = count
                count += 1
                taken += 1
        # the parts of each candidate
        since = (now_ms - last_basket) / half_day_ms if last_basket >= 0 else never
        for c in range(count):
            one = found[c]
            kind, group = tables.kind[one], tables.group[one]
            for part in range(4, 15):
                rows[part, c] = 0.0
            rows[0, c] = 0.0
            rows[11, c] = rows[12, c] = never
            rows[13, c] = -1.0
            if c < had:
                slot = order[slots[c]]
                times = sums[0, slot]
                rows[14, c] = sums[7, slot]
                if times > 0.0:
                    rows[0, c] = habit[slots[c]]
                    rows[4, c] = times
                    rows[5, c] = times / (baskets + PRIOR_BASKETS)
                    rows[6, c] = sums[2, slot]
                    rows[7, c] = sums[1, slot] / (b14 + 1.0)
                    rows[8, c] = sums[2, slot] / (b28 + 1.0)
                    rows[9, c] = sums[3, slot] / (b56 + 1.0)
                    rows[10, c] = sums[4, slot] / (b112 + 1.0)
                    rows[11, c] = sums[6, slot]
                    if times > 1.0:
                        interval = (sums[5, slot] - sums[6, slot]) / (times - 1.0)
                        rows[12, c] = interval
                        rows[13, c] = sums[6, slot] / max(interval, 1.0)
            rows[1, c] = room.group_habit[group] * tables.share[one]
            rows[2, c] = room.scores[3, one]
            rows[3, c] = tables.share_of_all[one]
            rows[15, c] = room.scores[0, one]
            rows[16, c] = room.scores[1, one]
            rows[17, c] = room.scores[2, one]
            rate = abs(room.kinds[kind]) / (b56 + 1.0)
            rows[18, c] = rate
            rows[19, c] = rate * tables.share_of_kind[one]
            rows[20, c] = room.kind_items[kind]
            rows[21, c] = room.groups[group] / (b56 + 1.0)
            rows[22, c] = room.brands[tables.brand[one]] / (b56 + 1.0)
            for column in range(tables.columns.shape[1]):
                rows[FIRST_COLUMN + column, c] = tables.columns[one, column]
            rows[FIRST_OF_PERSON, c] = b28
            rows[FIRST_OF_PERSON + 1, c] = baskets
            rows[FIRST_OF_PERSON + 2, c] = decayed
            rows[FIRST_OF_PERSON + 3, c] = distinct / max(total, 1.0)
            rows[FIRST_OF_PERSON + 4, c] = since
        # leave the room as it was
        for at in range(reached):
            other = room.touched[at]
            room.place[other] = -1
            for table in range(4):
                room.scores[table, other] = 0.0
        for c in range(count):
            room.place[found[c]] = -1
        for slot in range(owned):
            room.place[own[slot]] = -1
        for n in range(kept):
            one = items[n]
            room.kinds[tables.kind[one]] = 0.0
            room.kind_items[tables.kind[one]] = 0
            room.groups[tables.group[one]] = 0.0
            room.group_habit[tables.group[one]] = 0.0
            room.brands[tables.brand[one]] = 0.0
        return count, had

    return candidates
