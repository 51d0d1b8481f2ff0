"""How fast events come, as of lately."""

WINDOW_S = 0.1


class Rate:
    """Events a second over the last full tenth of a second.

    >>> rate = Rate(0.0)
    >>> rate.add(30, 0.05), rate.add(30, 0.11), round(rate.per_s)
    (None, None, 545)
    """

    def __init__(self, now_s: float) -> None:
        self.per_s = 0.0
        self._since_s = now_s
        self._count = 0

    def add(self, count: int, now_s: float) -> None:
        """So many have come by now."""
        self._count += count
        passed_s = now_s - self._since_s
        if passed_s >= WINDOW_S:
            self.per_s = self._count / passed_s
            self._since_s, self._count = now_s, 0
