"""Says how far a job is: how many, of how many, and when that will be over."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

SAY_EVERY_S = 2.0
_LOOK_EVERY = 256
"""Values between two looks at the clock."""

T = TypeVar("T")


def counted(
    values: Iterable[T],
    what: str,
    total: int | None,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """The values, saying every two seconds how many have passed, and at the end. A `total` may be too large."""
    started_s = clock()
    next_s = started_s + SAY_EVERY_S
    count = 0
    for count, value in enumerate(values, 1):
        if count % _LOOK_EVERY == 0 and (now_s := clock()) >= next_s:
            say(progress(count, what, total, now_s - started_s))
            next_s = now_s + SAY_EVERY_S
        yield value
    say(f"{count:,} {what}")


def progress(count: int, what: str, total: int | None, since_s: float) -> str:
    """One line.

    >>> progress(250, "lists made", 1000, 10.0)
    '250 of 1,000 lists made (25 %, 30 s to go)'
    >>> progress(250, "lists made", None, 10.0)
    '250 lists made'
    """
    if not total or not count or count > total:
        return f"{count:,} {what}"
    left_s = since_s / count * (total - count)
    return f"{count:,} of {total:,} {what} ({count / total:.0%}, {_spoken(left_s)} to go)".replace("%,", " %,")


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
