"""The loop over neighbouring sessions, compiled: `rayce.session_neighbours` says what it computes, and why.

numba is imported only when sessions are loaded: the edge and the stream never pay for it. Compiled for one signature at the
first call of `compiled`, so that no request waits for a compiler.
"""

from functools import lru_cache
from typing import Any

_INDEX = "int64[::1], int32[::1], int16[::1], int64[::1], int32[::1], int16[::1]"
_SIGNATURE = (
    f"int64({_INDEX}, {_INDEX}, int32[::1], boolean[::1], int32[::1], float64[::1], int64, float64,"
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
    new_start: Any,
    new_items: Any,
    new_places: Any,
    new_first: Any,
    new_sessions: Any,
    new_matched: Any,
    new_at: Any,
    gone: Any,
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
    first, and its last place in them. `new_…` are the same of sessions that came later, whose numbers go on from there;
    `new_at` is, for each, the number of the oldest of the former that is newer. `gone` sessions, of both, count as not there.
    `alike`, `at`, `touched`, `part`, `parts` are room; `alike` and `part` are zeros before and after. `found` lists the items
    that have a score: `count` of them before.
    """
    near, old = 0, len(start) - 1
    for n in range(len(asked)):
        item, weight = asked[n], weights[n]
        row, end = first[item], first[item + 1]
        new, new_end = new_first[item], new_first[item + 1]
        heard = 0
        while heard < most and (row < end or new < new_end):
            if new < new_end and (row == end or sessions[row] < new_at[new_sessions[new]]):
                session, place = old + new_sessions[new], new_matched[new]
                new += 1
            else:
                session, place = sessions[row], matched[row]
                row += 1
            if gone[session]:
                continue
            heard += 1
            if alike[session] == 0.0:
                touched[near] = session
                near += 1
                at[session] = place
            alike[session] += weight
    here, total = 0, 0.0
    for n in range(near):
        session = touched[n]
        strength = alike[session] ** power * worth[session]
        alike[session] = 0.0
        own = at[session]
        late = session >= old
        begin = new_start[session - old] if late else start[session]
        end = new_start[session - old + 1] if late else start[session + 1]
        for row in range(begin, end):
            distance = (new_places[row] if late else places[row]) - own
            item = new_items[row] if late else items[row]
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
    """`spread`, in half a second at the first call of a process."""
    import numba

    return numba.njit(_SIGNATURE, nogil=True)(spread)
