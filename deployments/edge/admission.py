"""Who is let in: as many requests at once as the replica can bear, a short queue before it, the lowest priority shed first.

Each priority has its own part of the limit: `bulk` may fill 60 % of it, `prefetch` 80 %, `interactive` all, so that what
matters most finds room while the rest fills what is left. Where a priority is sent away all the same, the parts of those below
it are halved at every interval, down to nothing, and come back slowly once it is not any more.

Who finds no room waits in a short queue, what matters most up to a tenth of a second, the rest a few milliseconds. Where that
is full, the last of a lower priority makes room. Who waits too long is shed: it costs microseconds, and says when to come
again. One event loop, no locks; time and the loop's timer are arguments, so that a test is the clock.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from math import inf
from typing import Final, Protocol

from deployments.edge.capacity import INTERVAL_S, TICK_S, Capacity, Lane
from deployments.edge.priorities import BUSY, NAMES, PLAIN, Ticket
from deployments.edge.turning_away import TurningAway
from rayce.metrics import Metrics

SHARES: Final = (1.0, 0.8, 0.6)
"""Part of the limit that each priority and those below it may fill."""
SQUEEZE, RELAX = 0.5, 0.05
"""What is left of the parts of lower priorities after an interval in which a higher one was sent away, and what comes back."""
WAIT_SHARES: Final = (1.0, 0.05, 0.02)
"""Part of the longest time in the queue that each priority waits: who is likely to be sent away is told soon."""
QUEUE_SHARE = 0.5
"""Places of the queue, as part of the limit."""
LEAST_QUEUE, MAX_QUEUE = 256, 1_024
SWEEP_S = 0.001
"""How exactly the time in the queue is kept."""
NO_ROOM_WOULD_HELP: Final = ("rate", "deadline")
SHOWN_S = 5.0
"""How long after the last request was shed a replica says that it sheds."""


class Timer(Protocol):
    """What of an event loop is needed."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call once, after `delay` seconds."""
        ...


class Waiting:
    """A place in the queue; `turn` becomes True when it is let in, False when it is shed."""

    __slots__ = ("priority", "reason", "turn", "until_s")

    def __init__(self, priority: int, until_s: float, reason: str, turn: "asyncio.Future[bool]") -> None:
        self.priority, self.until_s, self.reason, self.turn = priority, until_s, reason, turn


class Admission:
    """The door of one replica. `enter` or `wait`, then `leave`, for each request."""

    def __init__(
        self,
        capacity: Capacity,
        lanes: Iterable[Lane],
        metrics: Metrics,
        clock: Callable[[], float],
        wait_s: float,
        least_places: int = LEAST_QUEUE,
    ) -> None:
        """`wait_s`: the longest time in the queue, which has `least_places` or more. `clock`: monotonic seconds."""
        self._least_places = least_places
        self.in_flight = 0
        self._capacity = capacity
        self._lanes = tuple(lanes)
        self._metrics = metrics
        self._clock = clock
        self._wait_s = wait_s
        self._queues: tuple[deque[Waiting], ...] = tuple(deque() for _ in NAMES)
        self._waiting = 0
        self._peak = 0
        self._sweeping = False
        self._timer: Timer | None = None
        self._due_s = self._interval_end_s = 0.0
        self._shed_s = [-inf] * len(NAMES)
        self._highest_shed = len(NAMES)
        self._parts = list(SHARES)
        self._tickets = PLAIN
        self._offered, self._no_room = [0] * len(NAMES), [0] * len(NAMES)
        self.turning_away = TurningAway()
        self._set_rooms()

    def start(self, timer: Timer) -> None:
        """Measure from now on, and let the timer sweep the queue; once."""
        self._timer = timer
        now_s = self._clock()
        self._due_s, self._interval_end_s = now_s + TICK_S, now_s + INTERVAL_S
        timer.call_later(TICK_S, self._tick)

    @property
    def started(self) -> bool:
        """Whether it measures."""
        return self._timer is not None

    def ticket(self, priority: int, deadline_ms: int | None) -> Ticket:
        """What a request of now is let in with."""
        if deadline_ms is None:
            return self._tickets[priority]
        return Ticket(priority, self._clock() + deadline_ms / 1000, self._tickets is BUSY)

    def enter(self, priority: int) -> bool:
        """Take a place if there is one now: the way of nearly all. Once for each request."""
        self._offered[priority] += 1
        if self.in_flight >= self._rooms[priority]:
            return False
        self.in_flight += 1
        return True

    async def wait(self, ticket: Ticket) -> bool:
        """Wait for a place; False: shed it. Cancelled, it takes none."""
        now_s, priority = self._clock(), ticket.priority
        if self._timer is None or not self._rooms[priority] or not self._has_place(priority):
            self.shed(priority, "full")
            return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        wait_s = self._wait_s * WAIT_SHARES[priority]
        until_s, reason = min((now_s + wait_s, "waited"), (ticket.until_s, "deadline"))
        self._queues[priority].append(Waiting(priority, until_s, reason, turn))
        self._waiting += 1
        self._sweep_soon()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._leave()  # it was let in, and cancelled before it knew
            raise

    def leave(self, lane: Lane, took_s: float) -> None:
        """Give the place back; the next in the queue has it at once."""
        lane.done(took_s)
        self._leave()

    def shed(self, priority: int, reason: str) -> None:
        """Note that a request was sent away."""
        self._shed_s[priority] = self._clock()
        if reason not in NO_ROOM_WOULD_HELP:
            self._no_room[priority] += 1
            self._highest_shed = min(self._highest_shed, priority)
        self._metrics.add("rayce_shed_total", 1, NAMES[priority], reason)

    def shedding(self) -> list[str]:
        """Priorities of which some were sent away in the last seconds."""
        since_s = self._clock() - SHOWN_S
        return [name for name, at_s in zip(NAMES, self._shed_s, strict=True) if at_s >= since_s]

    def _leave(self) -> None:
        self._note_peak()
        self.in_flight -= 1
        if self._waiting:
            self._let_in()

    def _let_in(self) -> None:
        for priority, queue in enumerate(self._queues):
            while queue and self.in_flight < self._rooms[priority]:
                self._waiting -= 1
                place = queue.popleft()
                if not place.turn.done():
                    self.in_flight += 1
                    place.turn.set_result(True)

    def _has_place(self, priority: int) -> bool:
        """Whether the queue has one, or somebody of a lower priority gives theirs."""
        if self._waiting < self._places:
            return True
        for lower in range(len(NAMES) - 1, priority, -1):
            queue = self._queues[lower]
            if queue:
                self._waiting -= 1
                self._send_away(queue.pop(), "full")
                return True
        return False

    def _send_away(self, place: Waiting, reason: str) -> None:
        if not place.turn.done():
            self.shed(place.priority, reason)
            place.turn.set_result(False)

    def _sweep_soon(self) -> None:
        if not self._sweeping and self._timer is not None:
            self._sweeping = True
            self._timer.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Send away who has waited too long. A queue is short, and in order but for deadlines."""
        self._sweeping = False
        now_s = self._clock()
        for queue in self._queues:
            if queue and any(place.until_s <= now_s or place.turn.done() for place in queue):
                kept = [place for place in queue if place.until_s > now_s and not place.turn.done()]
                self._waiting -= len(queue) - len(kept)
                for place in queue:
                    if place.until_s <= now_s:
                        self._send_away(place, place.reason)
                queue.clear()
                queue.extend(kept)
        if self._waiting:
            self._sweep_soon()

    def _note_peak(self) -> None:
        if self.in_flight > self._peak:
            self._peak = self.in_flight

    def _tick(self) -> None:
        """Measure how late the loop is; at the end of an interval, set the limit anew."""
        now_s = self._clock()
        lag_s = max(0.0, now_s - self._due_s)
        self._capacity.tick(lag_s)
        self._metrics.observe("rayce_loop_lag_seconds", lag_s)
        if now_s >= self._interval_end_s:
            self._note_peak()
            self._capacity.end_interval(self._peak, self._lanes)
            self._peak = self.in_flight
            self._interval_end_s = now_s + INTERVAL_S
            self._share_out()
            self._set_rooms()
            self._tell_proxy()
            if self._waiting:
                self._let_in()
        self._due_s = now_s + TICK_S
        if self._timer is not None:
            self._timer.call_later(TICK_S, self._tick)

    def _share_out(self) -> None:
        """Less for those below who was sent away, more for all others."""
        for priority, share in enumerate(SHARES):
            if priority > self._highest_shed:
                part = self._parts[priority] * SQUEEZE
                self._parts[priority] = part if part * self._capacity.limit >= 0.5 else 0.0
            else:
                self._parts[priority] = min(share, self._parts[priority] + RELAX * share)
        self._highest_shed = len(NAMES)

    def _tell_proxy(self) -> None:
        """What of the next interval is to be turned away before it comes here."""
        self.turning_away.end_interval(self._offered, self._no_room)
        self._offered, self._no_room = [0] * len(NAMES), [0] * len(NAMES)
        for name, part in zip(NAMES, self.turning_away.parts(), strict=True):
            self._metrics.set("rayce_turned_away_part", part, name)

    def _set_rooms(self) -> None:
        limit = self._capacity.limit
        self._rooms = tuple(max(1, int(limit * part)) if part else 0 for part in self._parts)
        self._places = min(MAX_QUEUE, max(self._least_places, int(limit * QUEUE_SHARE)))
        self._tickets = BUSY if self._capacity.high else PLAIN
        self._metrics.set("rayce_in_flight", self.in_flight)
        self._metrics.set("rayce_in_flight_limit", limit)
