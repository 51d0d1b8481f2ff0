"""How many requests a replica may work on at once: learnt from how late its event loop is, and how much slower replies got.

A standing queue is what CoDel calls one (Nichols and Jacobson, *Controlling Queue Delay*, 2012, section 4): not one that a
burst leaves for a moment, but one that is there throughout an interval; so the *least* delay of the interval counts. Two
delays are looked at: how late the event loop's own timer comes, and by how much the quickest reply of a kind was slower than
the quickest of the last minute. Two such intervals in a row cut the limit by a quarter of what was in flight; one without, in
which the limit was used up, raises it by a twentieth, by four at the least (additive increase would take minutes, and the loop
is short).

A late loop means that this replica has too much to do, and cuts down to the least. Slow replies alone may mean that something
behind it is overloaded, or is broken and waited for until the deadline: there refusing saves nothing, so they cut less deep.
"""

from collections.abc import Iterable
from math import inf

from deployments.edge.priorities import BULK

TICK_S = 0.02
"""How often the loop's lateness is measured."""
INTERVAL_S = 0.2
EPOCH_S = 30.0
"""The quickest reply of a kind is the quickest of this epoch and the one before."""
ENOUGH = 5
"""Replies of a kind in an interval below which they say nothing."""
DOWN, UP, STEP = 0.75, 1.05, 4
PATIENCE = 2
"""Bad intervals in a row before the limit is cut."""
SLOW_LEAST = 64
"""Slow replies of a loop that is in time cut no deeper: 200 requests a second that all wait 300 ms for something broken."""


class Lane:
    """Replies of one kind: how many in this interval, the quickest, and the quickest lately. One writer: the event loop."""

    __slots__ = ("_before_s", "_epoch_s", "count", "keyless", "least_s", "priority")

    def __init__(self, priority: int, keyless: int = BULK) -> None:
        """`keyless`: the priority without a key that the door can see."""
        self.priority, self.keyless = priority, keyless
        self.count = 0
        self.least_s = inf
        self._epoch_s = self._before_s = inf

    def done(self, took_s: float) -> None:
        """A reply went out."""
        self.count += 1
        if took_s < self.least_s:
            self.least_s = took_s

    def end_interval(self) -> float:
        """By how much the quickest reply of the interval was slower than it can be (s); 0 where there were too few."""
        excess_s = 0.0
        if self.count:
            self._epoch_s = min(self._epoch_s, self.least_s)
            if self.count >= ENOUGH:
                excess_s = self.least_s - min(self._epoch_s, self._before_s)
        self.count, self.least_s = 0, inf
        return excess_s

    def end_epoch(self) -> None:
        """What was quick a minute ago may not be possible any more."""
        self._before_s, self._epoch_s = self._epoch_s, inf


class Capacity:
    """The limit: between `least` and `most`, at `most` until there is a reason."""

    def __init__(self, least: int, most: int, target_s: float) -> None:
        """`target_s`: the delay that is no queue yet."""
        self._least, self._most = min(least, most), most
        self._target_s = target_s
        self._limit = float(most)
        self._lag_s = inf
        self._bad = 0
        self._epoch_left_s = EPOCH_S

    @property
    def limit(self) -> int:
        """Requests at once."""
        return int(self._limit)

    @property
    def high(self) -> bool:
        """Whether a queue stood in the last interval."""
        return self._bad > 0

    def tick(self, lag_s: float) -> None:
        """The loop's timer came late by so much."""
        self._lag_s = min(self._lag_s, lag_s)

    def end_interval(self, peak: int, lanes: Iterable[Lane]) -> None:
        """Look back on `INTERVAL_S`, in which at most `peak` requests were in flight, and set the limit."""
        is_late = self._target_s < self._lag_s < inf
        is_slow = max([lane.end_interval() for lane in lanes], default=0.0) > self._target_s
        self._lag_s = inf
        if is_late or is_slow:
            self._bad += 1
            if self._bad >= PATIENCE:
                least = self._least if is_late else max(self._least, SLOW_LEAST)
                self._limit = min(self._limit, max(float(least), min(self._limit, peak) * DOWN))
        else:
            self._bad = 0
            if peak >= self._limit * 0.9:
                self._limit = min(float(self._most), max(self._limit * UP, self._limit + STEP))
        self._epoch_left_s -= INTERVAL_S
        if self._epoch_left_s <= 0:
            self._epoch_left_s = EPOCH_S
            for lane in lanes:
                lane.end_epoch()
