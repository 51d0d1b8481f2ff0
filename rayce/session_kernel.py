"""The loop over neighbouring sessions, compiled: `rayce.session_neighbours` says what it computes, and why.

numba is imported only when sessions are loaded: the edge and the stream never pay for it. Compiled for one signature at the
first call of `compiled`, so that no request waits for a compiler.
"""

from functools import lru_cache
from typing import Any

_SIGNATURE = (
    "int64(int64[::1], int32[::1], int16[::1], int64[::1], int32[::1], int16[::1], int32[::1], float64[::1], int64, float64,"
    " float64[::1], float64[::1], float64[::1], float64, float64, float64[::1], int16[::1], int32[::1], float64[::1],"
    " int32[::1], float64[::1], int32[::1], int64)"
)


def spread(
    start: Any,
    items: Any,
    places: Any,
    first: Any,
    sessions: Any,
    matched: Any,
    asked: Any,
    weights: Any,
    most: Any,
    power: Any,
    worth: Any,
    after: Any,
    before: Any,
    itself: Any,
    share: Any,
    alike: Any,
    at: Any,
    touched: Any,
    part: Any,
    parts: Any,
    scores: Any,
    found: Any,
    count: Any,
) -> Any:
    """Adds `share` to `scores`, spread over what the neighbours of the items `asked` hold; returns how many items have a score.

    `start`, `items`, `places`: by session; `first`, `sessions`, `matched`: by item, the sessions that hold it, the newest
    first, and its last place in them. `alike`, `at`, `touched`, `part`, `parts` are room; `alike` and `part` are zeros before
    and after. `found` lists the items that have a score: `count` of them before.
    """
    near = 0
    for n in range(len(asked)):
        item, weight = asked[n], weights[n]
        for row in range(first[item], min(first[item + 1], first[item] + most)):
            session = sessions[row]
            if alike[session] == 0.0:
                touched[near] = session
                near += 1
                at[session] = matched[row]
            alike[session] += weight
    here, total = 0, 0.0
    for n in range(near):
        session = touched[n]
        strength = alike[session] ** power * worth[session]
        alike[session] = 0.0
        own = at[session]
        for row in range(start[session], start[session + 1]):
            distance = places[row] - own
            item = items[row]
            if distance > 0:
                gain = strength * after[min(distance, len(after)) - 1]
            elif distance < 0:
                gain = strength * before[min(-distance, len(before)) - 1]
            else:
                gain = strength * itself
            if part[item] == 0.0 and gain > 0.0:
                parts[here] = item
                here += 1
            part[item] += gain
            total += gain
    for n in range(here):
        item = parts[n]
        if scores[item] == 0.0:
            found[count] = item
            count += 1
        scores[item] += share * part[item] / total
        part[item] = 0.0
    return count


@lru_cache(maxsize=1)
def compiled() -> Any:
    """`spread`, in a third of a second at the first call of a process."""
    import numba

    return numba.njit(_SIGNATURE, nogil=True)(spread)
