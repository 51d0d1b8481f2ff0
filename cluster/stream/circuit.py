"""The limit of dead letters: a bad deploy must not send everything there."""

from collections import deque

WINDOW = 10_000
"""Records of a partition that the limit looks back on."""


class Circuit:
    """Counts a partition's records and dead letters. Once `limit` of the last `WINDOW` records have died, no more may.

    >>> circuit = Circuit(limit=1); circuit.admits(), circuit.admits()
    (True, False)
    >>> circuit.passed(WINDOW); circuit.admits()
    True
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._records = 0
        self._deaths: deque[int] = deque()

    def passed(self, records: int) -> None:
        """So many records have been worked off."""
        self._records += records

    def admits(self) -> bool:
        """Whether one more may go to the dead letters; if so it counts as gone."""
        deaths = self._deaths
        while deaths and deaths[0] <= self._records - WINDOW:
            deaths.popleft()
        if len(deaths) >= self._limit:
            return False
        deaths.append(self._records)
        return True

    def reset(self) -> None:
        """Forget what was: somebody has looked and wants it to go on."""
        self._deaths.clear()
