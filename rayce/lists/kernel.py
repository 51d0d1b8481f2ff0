"""One person's candidates and what speaks for each, compiled.

Their rows become the products they have; each speaks, by four tables, for others; the candidates are what they have, the best
of what that speaks for, what the order of their purchases leads one to expect, the popular ones of their favourite kinds, and
the most popular of all. Each gets a column of `PARTS`.

Deterministic: sums go in the order of the history. Imported only where lists are made, as it imports numba. Compiled code is
kept beside this file, which therefore takes nothing from others of ours but its arguments: it would not notice their changes.
`tests/rayce/lists/by_hand.py` says the same in plain words.
"""

from collections.abc import Callable
from math import exp2, log1p
from typing import Any, TypeVar, cast

import numba
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

DAY_MS, TOUCHED_HALF_LIFE_DAYS = 86_400_000.0, 3.0
NEVER_DAYS = 999.0
PRIOR_BASKETS = 3.0
"""Baskets without the product that are added to everybody's: a few baskets make no habit."""
ONCE = 0.5
"""A product bought once only counts so much as a habit: it may have been chance."""
LOOKED = 0.05
"""One look is worth so much of a habit."""
FIRST_COLUMN = 27
"""Where the columns of the products begin among the parts; those of the person come after them."""

UNSAID = -99.0
"""Instead of the logarithm of a chance, where nothing is said: `rayce.lists.expected` has the same."""
NO_PLACE = 999.0
"""Instead of the place among what is expected."""
COUNT, W14, W28, W56, W112, FIRST, LAST, LOOKS = range(8)
"""What is summed up of a product that the person has; `FIRST` and `LAST` are ages in days."""
BASKETS, B14, B28, B56, B112, TOTAL, DECAYED, DISTINCT, SINCE = range(9)
"""What is summed up of the person."""
NOWHERE, REACHED, KNOWN = -1, -2, -3
"""By item instead of a place among the candidates: not met, spoken for, the person's own but no candidate."""


def jit(function: F) -> F:
    """Compiled at the first call; kept for the next process where the folder may be written to."""
    try:
        compiled: Any = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba has no place to keep it
        compiled = numba.njit(nogil=True, error_model="numpy")(function)
    return cast("F", compiled)


@jit
def candidates(
    item: Any, at_ms: Any, bought: Any, weight: Any, tables: Any, expected: Any, now_ms: int, room: Any
) -> Any:
    """Fills `room.found` and `room.rows`; returns how many candidates there are.

    `expected`, by item, is what the order of the purchases says; empty: nothing.
    """
    own = np.empty(len(item), dtype=np.int32)
    sums, person = np.zeros((8, len(item))), np.zeros(9)
    owned = gather(item, at_ms, bought, weight, now_ms, room.place, own, sums, person)
    kept = strongest(own, sums, owned, room)
    strength = np.zeros((4, kept))
    habit = np.zeros(kept)
    weigh(own, sums, person, kept, tables, room, strength, habit)
    reached = 0
    reached = spread(tables.habits, tables.habits_scores, own, strength[0], room, room.scores[0], reached)
    reached = spread(tables.tastes, tables.tastes_scores, own, strength[1], room, room.scores[1], reached)
    reached = spread(tables.following, tables.following_scores, own, strength[2], room, room.scores[2], reached)
    reached = spread(tables.near, tables.near_scores, own, strength[3], room, room.scores[3], reached)
    count, had = choose(own, owned, kept, tables, expected, room, reached)
    describe(count, had, sums, person, habit, tables, room)
    tell_expected(count, expected, room, len(room.rows) - 2)
    clear(own, owned, kept, tables, room, count, reached)
    return count


@jit
def gather(
    item: Any, at_ms: Any, bought: Any, weight: Any, now_ms: int, place: Any, own: Any, sums: Any, person: Any
) -> int:
    """Sums up the rows until now by product and over all; returns how many products there are, in order of the first row."""
    owned, last_basket_ms = 0, -1
    person[SINCE] = NEVER_DAYS
    for row in range(len(item)):
        if at_ms[row] > now_ms:
            continue
        slot = place[item[row]]
        if slot == NOWHERE:
            slot = owned
            place[item[row]] = slot
            own[slot] = item[row]
            owned += 1
        age = (now_ms - at_ms[row]) / DAY_MS
        if not bought[row]:
            sums[LOOKS, slot] += weight[row] * exp2(-age / TOUCHED_HALF_LIFE_DAYS)
            continue
        w112 = exp2(-age / 112.0)
        w56 = w112 * w112
        w28 = w56 * w56
        w14 = w28 * w28
        if at_ms[row] != last_basket_ms:
            last_basket_ms = at_ms[row]
            person[BASKETS] += 1.0
            person[B14] += w14
            person[B28] += w28
            person[B56] += w56
            person[B112] += w112
            person[SINCE] = age
        if sums[COUNT, slot] == 0.0:
            sums[FIRST, slot] = age
            person[DISTINCT] += 1.0
        sums[COUNT, slot] += 1.0
        sums[W14, slot] += w14
        sums[W28, slot] += w28
        sums[W56, slot] += w56
        sums[W112, slot] += w112
        sums[LAST, slot] = age
        person[TOTAL] += 1.0
        person[DECAYED] += w28
    for slot in range(owned):
        place[own[slot]] = NOWHERE
    return owned


@jit
def strongest(own: Any, sums: Any, owned: int, room: Any) -> Any:
    """Moves the products that count to the front, in their order; returns how many."""
    most = room.limits[0]
    if owned <= most:
        return owned
    worth = sums[W112, :owned] + LOOKED * sums[LOOKS, :owned]
    limit = nth(worth.copy(), owned, most)
    above = 0
    for slot in range(owned):
        above += worth[slot] > limit
    kept, equal = 0, most - above
    for slot in range(owned):
        if worth[slot] > limit or (worth[slot] == limit and equal > 0):
            equal -= worth[slot] == limit
            own[kept], own[slot] = own[slot], own[kept]
            for row in range(len(sums)):
                sums[row, kept], sums[row, slot] = sums[row, slot], sums[row, kept]
            worth[kept], worth[slot] = worth[slot], worth[kept]
            kept += 1
    return kept


@jit
def weigh(own: Any, sums: Any, person: Any, kept: int, tables: Any, room: Any, strength: Any, habit: Any) -> None:
    """How much each product is a habit and speaks for others, and what that amounts to by kind, group and brand."""
    for slot in range(kept):
        count, one = sums[COUNT, slot], own[slot]
        strength[0, slot] = log1p(sums[W112, slot])
        strength[2, slot] = strength[3, slot] = LOOKED * sums[LOOKS, slot]
        if count == 0.0:
            continue
        once = 1.0 if count > 1.0 else ONCE
        recently = sums[W28, slot] / (person[B28] + PRIOR_BASKETS)
        habit[slot] = once * 0.5 * (recently + count / (person[BASKETS] + PRIOR_BASKETS))
        strength[1, slot] = exp2(-sums[LAST, slot] / 112.0)
        strength[2, slot] = exp2(-sums[LAST, slot] / 28.0)
        strength[3, slot] += habit[slot]
        room.kinds[tables.kind[one]] += sums[W56, slot]
        room.kind_items[tables.kind[one]] += 1
        room.groups[tables.group[one]] += sums[W56, slot]
        room.group_habit[tables.group[one]] += habit[slot]
        room.brands[tables.brand[one]] += sums[W56, slot]
        room.kind_counts[tables.kind[one]] += count
        room.kind_new[tables.kind[one]] += exp2(-sums[FIRST, slot] / 28.0)
        room.lines[tables.line[one]] += sums[W56, slot]


@jit
def spread(near: Any, near_scores: Any, own: Any, strength: Any, room: Any, scores: Any, reached: int) -> int:
    """Adds to `scores` what the products speak for, and lists what is reached for the first time."""
    for slot in range(len(strength)):
        weight, item = np.float32(strength[slot]), own[slot]
        if weight == 0.0:
            continue
        for column in range(near.shape[1]):
            other = near[item, column]
            if other < 0:
                break
            if room.place[other] == NOWHERE:
                room.place[other] = REACHED
                room.touched[reached] = other
                reached += 1
            scores[other] += near_scores[item, column] * weight
    return reached


@jit
def choose(own: Any, owned: int, kept: int, tables: Any, expected: Any, room: Any, reached: int) -> Any:
    """The candidates into `room.found`, what the person has first; returns how many there are, and how many of those."""
    count = 0
    for slot in range(owned):
        if slot < kept and tables.available[own[slot]]:
            room.slot[count] = slot
            count = take(own[slot], count, room)
        else:
            room.place[own[slot]] = KNOWN
    had = count
    wide, narrow, favourites, popular = room.limits[1], room.limits[2], room.limits[3], room.limits[4]
    values = np.empty(reached, dtype=np.float32)
    for table in range(4):
        most = wide if table < 2 else narrow
        count = best(room.scores[table], tables.available, room, reached, most, count, values)
    count = most_expected(expected, tables.available, room, room.limits[5], count)
    for _turn in range(favourites):
        kind = favourite(own, kept, tables.kind, room.kinds)
        if kind < 0:
            break
        for column in range(tables.of_kind.shape[1]):
            other = tables.of_kind[kind, column]
            if other < 0:
                break
            if room.place[other] == NOWHERE or room.place[other] == REACHED:
                count = take(other, count, room)
    taken = 0
    for at in range(len(tables.popular)):
        other = tables.popular[at]
        if taken == popular:
            break
        if room.place[other] == NOWHERE or room.place[other] == REACHED:
            count = take(other, count, room)
            taken += 1
    return count, had


@jit
def take(item: int, count: int, room: Any) -> int:
    """One candidate more."""
    room.found[count] = item
    room.place[item] = count
    return count + 1


@jit
def best(scores: Any, available: Any, room: Any, reached: int, most: int, count: int, values: Any) -> int:
    """Takes the best of what was reached, is available and no candidate yet; of equal ones what was reached first."""
    size = 0
    for at in range(reached):
        item = room.touched[at]
        if room.place[item] == REACHED and scores[item] > 0.0 and available[item]:
            values[size] = scores[item]
            size += 1
    if size == 0:
        return count
    limit = nth(values, size, most) if size > most else np.float32(0.0)
    above = 0
    for at in range(reached):
        item = room.touched[at]
        above += room.place[item] == REACHED and scores[item] > limit and available[item]
    equal = most - above
    for at in range(reached):
        item = room.touched[at]
        if room.place[item] != REACHED or scores[item] <= 0.0 or not available[item]:
            continue
        if scores[item] > limit or (scores[item] == limit and equal > 0):
            equal -= scores[item] == limit
            count = take(item, count, room)
    return count


@jit
def most_expected(expected: Any, available: Any, room: Any, most: int, count: int) -> int:
    """Takes, of the most expected ones of all that is available, those that are no candidates yet; of equal ones the first."""
    values, size = np.empty(len(expected), dtype=np.float32), 0
    for item in range(len(expected)):
        if expected[item] > UNSAID and available[item]:
            values[size] = expected[item]
            size += 1
    if size == 0:
        return count
    limit = nth(values, size, most) if size > most else np.float32(UNSAID)
    equal = most
    for item in range(len(expected)):
        equal -= expected[item] > limit and available[item]
    for item in range(len(expected)):
        if expected[item] <= UNSAID or expected[item] < limit or not available[item]:
            continue
        if expected[item] == limit:
            equal -= 1
            if equal < 0:
                continue
        if room.place[item] == NOWHERE or room.place[item] == REACHED:
            count = take(item, count, room)
    return count


@jit
def favourite(own: Any, kept: int, kind_of: Any, kinds: Any) -> int:
    """The kind that most was bought of, and marks it (by the sign) as told; -1: there is no other."""
    found, most = -1, np.float32(0.0)
    for slot in range(kept):
        kind = kind_of[own[slot]]
        if kinds[kind] > most:
            found, most = kind, kinds[kind]
    if found >= 0:
        kinds[found] = -kinds[found]
    return found


@jit
def describe(count: int, had: int, sums: Any, person: Any, habit: Any, tables: Any, room: Any) -> None:
    """Fills the candidates' columns; the rows are those of `rayce.lists.parts.PARTS`.

    Row by row wherever that goes: down a column every value is in another line of the cache, which took ten times as long.
    """
    rows, found = room.rows, room.found
    for part in range(15):
        rows[part, :count] = NEVER_DAYS if part == 11 or part == 12 else -1.0 if part == 13 else 0.0
    for place in range(had):
        of_own(place, room.slot[place], sums, person, habit, rows)
    lately = person[B56] + 1.0
    for place in range(count):
        one = found[place]
        kind, group = tables.kind[one], tables.group[one]
        rows[1, place] = room.group_habit[group] * tables.share[one]
        rows[2, place] = room.scores[3, one]
        rows[3, place] = tables.share_of_all[one]
        rows[18, place] = abs(room.kinds[kind]) / lately
        rows[19, place] = rows[18, place] * tables.share_of_kind[one]
        rows[20, place] = room.kind_items[kind]
        rows[21, place] = room.groups[group] / lately
        rows[22, place] = room.brands[tables.brand[one]] / lately
        rows[23, place] = room.kind_new[kind]
        rows[24, place] = (room.kind_items[kind] + 0.5) / (room.kind_counts[kind] + 1.0)
        rows[25, place] = room.lines[tables.line[one]] / lately
        rows[26, place] = rows[25, place] * tables.share_of_line[one]
    for table in range(3):
        for place in range(count):
            rows[15 + table, place] = room.scores[table, found[place]]
    columns = tables.columns.shape[1]
    for column in range(columns):
        for place in range(count):
            rows[FIRST_COLUMN + column, place] = tables.columns[found[place], column]
    first = FIRST_COLUMN + columns
    rows[first, :count] = person[B28]
    rows[first + 1, :count] = person[BASKETS]
    rows[first + 2, :count] = person[DECAYED]
    rows[first + 3, :count] = person[DISTINCT] / max(person[TOTAL], 1.0)
    rows[first + 4, :count] = person[SINCE]


@jit
def tell_expected(count: int, expected: Any, room: Any, first: int) -> None:
    """Fills the two columns about what is expected: the logarithm of the chance, and the place among the candidates by it."""
    rows, found = room.rows, room.found
    rows[first, :count] = UNSAID
    rows[first + 1, :count] = NO_PLACE
    if len(expected) == 0:
        return
    for place in range(count):
        rows[first, place] = expected[found[place]]
    order = np.argsort(-rows[first, :count], kind="mergesort")
    for rank in range(count):
        if rows[first, order[rank]] > UNSAID:
            rows[first + 1, order[rank]] = rank


@jit
def of_own(place: int, slot: int, sums: Any, person: Any, habit: Any, rows: Any) -> None:
    """What the person did with the product themselves."""
    rows[14, place] = sums[LOOKS, slot]
    count = sums[COUNT, slot]
    if count == 0.0:
        return
    rows[0, place] = habit[slot]
    rows[4, place] = count
    rows[5, place] = count / (person[BASKETS] + PRIOR_BASKETS)
    rows[6, place] = sums[W28, slot]
    for n in range(4):
        rows[7 + n, place] = sums[W14 + n, slot] / (person[B14 + n] + 1.0)
    rows[11, place] = sums[LAST, slot]
    if count > 1.0:
        rows[12, place] = (sums[FIRST, slot] - sums[LAST, slot]) / (count - 1.0)
        rows[13, place] = sums[LAST, slot] / max(rows[12, place], 1.0)


@jit
def clear(own: Any, owned: int, kept: int, tables: Any, room: Any, count: int, reached: int) -> None:
    """Leaves the room as it was."""
    for at in range(reached):
        other = room.touched[at]
        room.place[other] = NOWHERE
        for table in range(4):
            room.scores[table, other] = 0.0
    for place in range(count):
        room.place[room.found[place]] = NOWHERE
    for slot in range(owned):
        room.place[own[slot]] = NOWHERE
    for slot in range(kept):
        one = own[slot]
        room.kinds[tables.kind[one]] = 0.0
        room.kind_items[tables.kind[one]] = 0
        room.groups[tables.group[one]] = 0.0
        room.group_habit[tables.group[one]] = 0.0
        room.brands[tables.brand[one]] = 0.0
        room.kind_counts[tables.kind[one]] = 0.0
        room.kind_new[tables.kind[one]] = 0.0
        room.lines[tables.line[one]] = 0.0


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
