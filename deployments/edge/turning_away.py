"""What a replica tells the proxy before it: of how many in a thousand of each priority it wants to see nothing for now.

To refuse costs a replica a sixth of what an answer does, and HAProxy a tenth of that (docs/decisions/0012). The part is steered
so that a replica still sheds about one in twenty of those it sees: it must go on seeing whether there is room. No reply says
anything while nothing has to be turned away.
"""

from collections.abc import Sequence
from typing import Final

from deployments.edge.priorities import NAMES

HEADER: Final = b"rayce-turned-away"
SURPLUS: Final = 1.05
"""How many of those it can serve a replica wants to see."""
LEAST: Final = 0.005
"""Of each priority so many are always let through: there may be room again."""
QUICKEST: Final = 0.5
"""At most so much of what came in an interval is turned away from the next on."""
ENOUGH: Final = 20
"""Nobody is turned away before a replica has to refuse so many in one interval: a few cost nothing, and may be chance."""
AGAIN: Final = 1.5
"""What comes back after an interval in which nobody was shed."""

Header = tuple[bytes, bytes]


class TurningAway:
    """One replica's wish. `header` is what its replies say; None while all are welcome."""

    def __init__(self) -> None:
        self._let = [1.0] * len(NAMES)
        self.header: Header | None = None

    def end_interval(self, offered: Sequence[int], shed: Sequence[int]) -> None:
        """How many of each priority came to the door, and how many of them found no room."""
        for priority, let in enumerate(self._let):
            if let < 1.0 or shed[priority] >= ENOUGH:
                self._let[priority] = min(1.0, max(LEAST, let * _factor(offered[priority], shed[priority])))
        away = [round((1.0 - let) * 1000) for let in self._let]
        self.header = (HEADER, b":".join(b"%d" % part for part in away)) if any(away) else None

    def parts(self) -> list[float]:
        """The part of each priority that is turned away, by number."""
        return [1.0 - let for let in self._let]


def _factor(offered: int, shed: int) -> float:
    """`shed` may be of those that came in the interval before."""
    return max(QUICKEST, SURPLUS * (1.0 - shed / max(offered, shed))) if shed else AGAIN
