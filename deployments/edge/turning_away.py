"""What a replica tells the proxy before it: of how many in a thousand of each priority it wants to see nothing for now.

To refuse costs a replica a sixth of what an answer does, and HAProxy a tenth of that (docs/decisions/0012). The part is steered
so that a replica still sheds about one in fifty of those it sees: it must go on seeing whether there is room. Where nobody was
shed more are let through, a little more at first and then more and more. No reply says anything while all are welcome.
"""

from collections.abc import Sequence
from typing import Final

from deployments.edge.priorities import NAMES

HEADER: Final = b"rayce-turned-away"
SURPLUS: Final = 1.02
"""How many of those it can serve a replica wants to see."""
LEAST: Final = 0.002
"""Of each priority so many are always let through: there may be room again."""
QUICKEST: Final = 0.5
"""At most so much of what came in an interval is turned away from the next on."""
ENOUGH: Final = 20
PATIENCE: Final = 3
"""Nobody is turned away before a replica had to refuse so many in each of so many intervals: a burst is no flood."""
FASTEST: Final = 2.0
"""Nobody was shed: 2 % more after the first such interval, and each time twice that growth, to twice as many at the most."""

Header = tuple[bytes, bytes]


class TurningAway:
    """One replica's wish. `header` is what its replies say; None while all are welcome."""

    def __init__(self) -> None:
        self._let = [1.0] * len(NAMES)
        self._calm = [0] * len(NAMES)
        self._full = [0] * len(NAMES)
        self.header: Header | None = None

    def end_interval(self, offered: Sequence[int], shed: Sequence[int]) -> None:
        """How many of each priority came to the door, and how many of them found no room."""
        for priority, let in enumerate(self._let):
            self._full[priority] = self._full[priority] + 1 if shed[priority] >= ENOUGH else 0
            if let < 1.0 or self._full[priority] >= PATIENCE:
                self._calm[priority] = 0 if shed[priority] else self._calm[priority] + 1
                factor = _factor(offered[priority], shed[priority], self._calm[priority])
                self._let[priority] = min(1.0, max(LEAST, let * factor))
        away = [round((1.0 - let) * 1000) for let in self._let]
        self.header = (HEADER, b":".join(b"%d" % part for part in away)) if any(away) else None

    def parts(self) -> list[float]:
        """The part of each priority that is turned away, by number."""
        return [1.0 - let for let in self._let]


def _factor(offered: int, shed: int, calm: int) -> float:
    """`shed` may be of those that came in the interval before; `calm` intervals have passed in which nobody was."""
    if calm:
        return min(FASTEST, 1.0 + (SURPLUS - 1.0) * 2.0 ** (calm - 1))
    return max(QUICKEST, SURPLUS * (1.0 - shed / max(offered, shed)))
