"""The door of the edge: before anything is read or routed a request is let in, waits a moment, or is sent away.

It stands before the application (`deployments.edge.server`), on a cluster before Ray's own part of a replica
(`deployments.before_ray`), where sending away costs half. While it sheds, its replies tell the proxy before it whom to turn
away by itself (`deployments.edge.turning_away`).

It looks at headers only: the key for its rate and its priority, and what the request asks for. Whether the key is good is
decided behind it: who brings none that is known has the lowest priority.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.edge.admission import Admission
from deployments.edge.callers import Callers
from deployments.edge.capacity import Capacity, Lane
from deployments.edge.lanes import ALWAYS, Lanes
from deployments.edge.priorities import INTERACTIVE, NAMES, hand_over, read_asked
from deployments.edge.problems import Problem, problem_response
from deployments.edge.rate_limits import RateLimits, Verdict
from rayce.metrics import Metrics
from rayce.settings import EdgeSettings

Headers = tuple[tuple[bytes, bytes], ...]

RETRY_S: Final = (1, 2, 3)
"""One of these, by chance: who is sent away together must not come back together."""
FULL = "too many requests at once; try again"
LATE = "its deadline is over; nothing was done"
SLOW_DOWN = "this API key makes more requests a second than it may"


class Door:
    """Wraps ASGI applications; one per replica, with its admission, limits and lanes."""

    def __init__(
        self,
        admission: Admission,
        lanes: Lanes,
        callers: Callers,
        limits: RateLimits,
        clock: Callable[[], float],
        chance: Random,
    ) -> None:
        self.admission = admission
        self.limits = limits
        self._lanes = lanes
        self._callers = callers
        self._clock = clock
        self._chance = chance
        self._full = {priority: _body(503, FULL, "rayce-priority", name) for priority, name in enumerate(NAMES)}
        self._late = _body(503, LATE, "rayce-deadline-ms", 0)
        self._slow_down = _body(429, SLOW_DOWN, "Authorization", "(hidden)")

    def before(self, behind: ASGIApp) -> ASGIApp:
        """The application with the door before it."""
        admission, clock = self.admission, self._clock

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or _always(scope):
                await behind(scope, receive, send)
                return
            started_s = clock()
            try:
                lane, priority, deadline_ms, verdict = self._look(scope, started_s)
            except Problem as problem:  # a header that means nothing
                await problem_response(problem)(scope, receive, send)
                return
            if verdict is not None:
                if not verdict.allowed:
                    admission.shed(priority, "rate")
                    await _refuse(send, 429, self._slow_down, verdict.retry_after_s, verdict.headers)
                    return
                send = _saying(send, verdict.headers)
            if (away := admission.turning_away.header) is not None:
                send = _saying(send, (away,))
            if deadline_ms is not None and deadline_ms <= 0:
                admission.shed(priority, "deadline")
                await _refuse(send, 503, self._late, self._chance.choice(RETRY_S))
                return
            ticket = admission.ticket(priority, deadline_ms)
            if not admission.enter(priority) and not await admission.wait(ticket):
                await _refuse(send, 503, self._full[priority], self._chance.choice(RETRY_S))
                return
            hand_over(scope, ticket)
            try:
                await behind(scope, receive, send)
            finally:
                admission.leave(lane, clock() - started_s)

        return guarded

    def _look(self, scope: Scope, now_s: float) -> tuple[Lane, int, int | None, Verdict | None]:
        """What route, headers and key make of a request: lane, priority, deadline, and how its key's rate stands."""
        lane = self._lanes.of(scope["method"], scope["path"])
        authorization, wanted, deadline_ms = read_asked(scope["headers"])
        caller = self._callers.known(authorization)
        lowest = lane.keyless if caller is None else caller.priority
        priority = max(lane.priority, lowest, wanted or INTERACTIVE)
        if caller is None or caller.limit is None:
            return lane, priority, deadline_ms, None
        return lane, priority, deadline_ms, self.limits.take(caller.name, caller.limit, now_s)


def _always(scope: Scope) -> bool:
    return scope["path"] in ALWAYS or scope["method"] == "OPTIONS"


def _saying(send: Send, more: Headers) -> Send:
    """Sends, and says in the head how the key's rate stands."""

    async def saying(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return saying


def _body(status: int, detail: str, key: str, value: object) -> bytes:
    return bytes(problem_response(Problem(status, detail, key, value)).body)


async def _refuse(send: Send, status: int, body: bytes, retry_after_s: int, more: Headers = ()) -> None:
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"retry-after", b"%d" % retry_after_s),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def open_door(
    settings: EdgeSettings, callers: Callers, metrics: Metrics, clock: Callable[[], float], chance: Random
) -> Door:
    """A replica's door by its settings; `admission.start` makes it learn."""
    lanes = Lanes()
    capacity = Capacity(settings.min_in_flight, settings.max_in_flight, settings.queue_delay_ms / 1000)
    admission = Admission(capacity, lanes.all, metrics, clock, settings.queue_ms / 1000)
    return Door(admission, lanes, callers, RateLimits(), clock, chance)
