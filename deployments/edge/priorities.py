"""How much a request matters, and how long its caller waits: read from two headers, carried along as a `Ticket`.

`rayce-priority: interactive | prefetch | bulk` (or `Sec-Purpose: prefetch`, which browsers send by themselves) and
`rayce-deadline-ms`: how many milliseconds from its arrival the reply is of use. Where there is no room for all, the lowest
priority goes first. A route may be below `interactive` by itself, and so may a key: nobody is lifted by a header.
"""

from collections.abc import Iterable
from math import inf
from typing import Final, NamedTuple

from starlette.types import Scope

from deployments.edge.problems import Problem

INTERACTIVE, PREFETCH, BULK = 0, 1, 2
NAMES: Final = ("interactive", "prefetch", "bulk")
"""By number; the higher the number, the sooner it is shed."""
MAX_DEADLINE_MS = 600_000
"""Longer is as good as none."""

_KEY = "rayce.ticket"
_WORDS = {name.encode(): number for number, name in enumerate(NAMES)}
_WANTED = frozenset((b"authorization", b"rayce-priority", b"rayce-deadline-ms", b"sec-purpose"))


class Ticket(NamedTuple):
    """What a request was let in with: its priority, until when its reply is of use (s on `time.monotonic`'s clock), and
    whether the replica is at its limits: then the cheaper way to an answer is the better one.
    """

    priority: int = INTERACTIVE
    until_s: float = inf
    busy: bool = False

    def within_s(self, most_s: float, now_s: float) -> float:
        """How long one step may take: `most_s`, or what is left of the caller's patience; never below 0.

        >>> round(Ticket(until_s=10.0).within_s(0.15, now_s=9.9), 3)
        0.1
        >>> Ticket().within_s(0.15, now_s=9.9)
        0.15
        """
        return max(0.0, min(most_s, self.until_s - now_s))


PLAIN: Final = tuple(Ticket(priority) for priority in range(len(NAMES)))
"""Tickets without a deadline, by priority."""
BUSY: Final = tuple(Ticket(priority, busy=True) for priority in range(len(NAMES)))
"""The same of a busy replica."""


Asked = tuple[str | None, int | None, int | None]
"""`Authorization`, priority and deadline (ms) as the headers say; None where they do not. No struct: it is made so often."""


def read_asked(headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    """Key, priority and deadline of a request. A `Problem` 422 names a value that means nothing.

    >>> read_asked([(b"rayce-priority", b"bulk"), (b"rayce-deadline-ms", b"80")])
    (None, 2, 80)
    """
    authorization: str | None = None
    priority: int | None = None
    deadline_ms: int | None = None
    for name, value in headers:
        if name not in _WANTED:
            continue
        if name == b"authorization":
            if authorization is None:
                authorization = value.decode("latin-1")
        elif name == b"rayce-priority":
            priority = _priority(value)
        elif name == b"rayce-deadline-ms":
            deadline_ms = _deadline_ms(value)
        elif priority is None and value.partition(b";")[0].strip().lower() == b"prefetch":
            priority = PREFETCH
    return authorization, priority, deadline_ms


def hand_over(scope: Scope, ticket: Ticket) -> None:
    """Put the ticket where `ticket_of` finds it."""
    scope[_KEY] = ticket


def ticket_of(scope: Scope) -> Ticket:
    """The ticket that a request was let in with (`request.scope`); a plain one where nobody stood at the door."""
    found: Ticket = scope.get(_KEY, PLAIN[INTERACTIVE])
    return found


def _priority(value: bytes) -> int:
    found = _WORDS.get(value.strip().lower())
    if found is None:
        said = value.decode("latin-1")[:64]
        raise Problem(422, f"rayce-priority: one of {', '.join(NAMES)}", "rayce-priority", said)
    return found


def _deadline_ms(value: bytes) -> int:
    text = value.strip()
    if not text.isdigit() or len(text) > 12:
        said = value.decode("latin-1")[:64]
        raise Problem(422, "rayce-deadline-ms: milliseconds from now, a whole number", "rayce-deadline-ms", said)
    return min(int(text), MAX_DEADLINE_MS)
