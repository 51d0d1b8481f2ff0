"""The door: sends away what is too much before it is read, in order of priority; lets operators in; and is passed once."""

import asyncio
from hashlib import sha256
from random import Random
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from deployments.edge.callers import Callers
from deployments.edge.door import RETRY_S, Door, open_door
from deployments.edge.priorities import BULK, INTERACTIVE, PREFETCH, Ticket, ticket_of
from rayce.metrics import Metrics
from rayce.settings import ApiKey, EdgeSettings
from tests.deployments.asgi import Reply, call

pytestmark = pytest.mark.anyio


def api_key(word: str, **more: Any) -> ApiKey:
    return ApiKey(sha256(word.encode()).hexdigest(), "shop", **more)


KEYS = {
    "page": api_key("page-key"),
    "nightly": api_key("nightly-key", priority="bulk"),
    "slow": api_key("slow-key", rate_per_s=1.0, burst=2.0),
}


class Guarded:
    """An application behind a door; requests stay inside until `open`."""

    def __init__(self, limit: int = 10, hold: bool = False) -> None:
        self.now_s, self.metrics, self.tickets = 100.0, Metrics(), list[Ticket]()
        self.settings = EdgeSettings(max_in_flight=limit, queue_ms=5.0)
        self.door = self.make()
        self.open = asyncio.Event()
        if not hold:
            self.open.set()
        self.app = self.door.before(self.inside)

    def make(self) -> Door:
        return open_door(self.settings, Callers(KEYS), self.metrics, lambda: self.now_s, Random(1))

    async def inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.tickets.append(ticket_of(scope))
        await self.open.wait()
        await PlainTextResponse("ok")(scope, receive, send)

    async def call(
        self, target: str = "/v1/trending", method: str = "GET", key: str = "page-key", **more: str
    ) -> Reply:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        return await call(self.app, method, target, b"", {"authorization": f"Bearer {key}", **headers})

    async def fill(self, count: int) -> list["asyncio.Future[Reply]"]:
        """So many requests inside."""
        calls = [asyncio.ensure_future(self.call()) for _ in range(count)]
        await asyncio.sleep(0.01)
        assert self.door.admission.in_flight == count
        return calls

    def shed(self) -> dict[tuple[str, ...], float]:
        return dict(self.metrics.values("rayce_shed_total"))


@pytest.mark.parametrize(
    "method, target, header, key, priority",
    [
        ("GET", "/v1/users/a/segments", "", "page-key", INTERACTIVE),
        ("GET", "/v1/users/a/segments", "prefetch", "page-key", PREFETCH),
        ("POST", "/v1/segments/lookup", "", "page-key", BULK),
        ("POST", "/v1/segments/lookup", "interactive", "page-key", BULK),
        ("PUT", "/v1/items", "", "page-key", BULK),
        ("GET", "/v1/items", "", "page-key", INTERACTIVE),
        ("GET", "/v1/trending", "interactive", "nightly-key", BULK),
        ("GET", "/v1/trending", "", "unknown", BULK),
        ("POST", "/v1/beacon", "", "unknown", PREFETCH),
        ("POST", "/v1/events", "", "page-key", INTERACTIVE),
    ],
)
async def test_the_lowest_of_route_header_and_key_counts(
    method: str, target: str, header: str, key: str, priority: int
) -> None:
    guarded = Guarded()
    await guarded.call(target, method, key, **({"rayce_priority": header} if header else {}))
    assert [ticket.priority for ticket in guarded.tickets] == [priority]


async def test_bulk_is_refused_first_then_prefetch_then_interactive() -> None:
    guarded = Guarded(hold=True)
    calls = await guarded.fill(6)
    assert (await guarded.call(rayce_priority="bulk")).status == 503
    for _ in range(2):
        calls.append(asyncio.ensure_future(guarded.call(rayce_priority="prefetch")))
    await asyncio.sleep(0.01)
    assert (await guarded.call(rayce_priority="prefetch")).status == 503
    calls += [asyncio.ensure_future(guarded.call()) for _ in range(2)]
    await asyncio.sleep(0.01)
    assert (await guarded.call()).status == 503
    assert guarded.shed() == {("bulk", "full"): 1, ("prefetch", "full"): 1, ("interactive", "full"): 1}
    guarded.open.set()
    assert {reply.status for reply in await asyncio.gather(*calls)} == {200}
    assert guarded.door.admission.in_flight == 0


async def test_a_refusal_is_a_problem_that_says_when_to_come_again_and_not_always_at_once() -> None:
    guarded = Guarded(1, hold=True)
    calls = await guarded.fill(1)
    replies = [await guarded.call() for _ in range(40)]
    for reply in replies:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["status"] == 503 and reply.headers["cache-control"] == "no-store"
        assert len(reply.body) == int(reply.headers["content-length"])
    assert {int(reply.headers["retry-after"]) for reply in replies} == set(RETRY_S)
    guarded.open.set()
    await asyncio.gather(*calls)


async def test_a_refused_body_is_never_read() -> None:
    guarded = Guarded(1, hold=True)
    calls = await guarded.fill(1)

    async def receive() -> Any:
        raise AssertionError("read")

    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"authorization", b"Bearer page-key")]
    await guarded.app({"type": "http", "method": "POST", "path": "/v1/events", "headers": headers}, receive, send)
    assert told[0]["status"] == 503
    guarded.open.set()
    await asyncio.gather(*calls)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/-/healthz", "/rayce.js"])
async def test_operators_are_let_in_however_full_it_is(path: str) -> None:
    guarded = Guarded(1, hold=True)
    calls = await guarded.fill(1)
    operator = asyncio.ensure_future(guarded.call(path, key="none"))
    guarded.open.set()
    assert (await operator).status == 200
    await asyncio.gather(*calls)


async def test_what_is_too_late_on_arrival_is_refused_and_what_is_not_carries_its_deadline() -> None:
    guarded = Guarded()
    reply = await guarded.call(rayce_deadline_ms="0")
    assert (reply.status, reply.json["key"]) == (503, "rayce-deadline-ms")
    assert (await guarded.call(rayce_deadline_ms="80")).status == 200
    assert [ticket.until_s for ticket in guarded.tickets] == [guarded.now_s + 0.08]
    assert guarded.shed() == {("interactive", "deadline"): 1}


async def test_headers_that_mean_nothing_are_refused() -> None:
    guarded = Guarded()
    for headers in ({"rayce_priority": "urgent"}, {"rayce_deadline_ms": "soon"}):
        assert (await guarded.call(**headers)).status == 422
    assert guarded.tickets == [] and guarded.door.admission.in_flight == 0


async def test_a_key_over_its_rate_is_told_so_and_others_are_not_touched() -> None:
    guarded = Guarded()
    replies = [await guarded.call(key="slow-key") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[2].headers["retry-after"] == "1" and b"slow-key" not in replies[2].body
    for reply in replies:
        assert reply.headers["ratelimit-policy"] == '"key";q=1;w=1'
    assert replies[0].headers["ratelimit"] == '"key";r=1;t=0'
    other = await guarded.call()
    assert other.status == 200 and "ratelimit" not in other.headers
    guarded.now_s += 1.0
    assert (await guarded.call(key="slow-key")).status == 200
    assert guarded.shed() == {("interactive", "rate"): 1}


async def test_a_place_is_given_back_when_the_work_fails_or_its_caller_hangs_up() -> None:
    guarded = Guarded(hold=True)

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await call(guarded.door.before(broken), "GET", "/v1/trending")
    (waiting,) = await guarded.fill(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert guarded.door.admission.in_flight == 0


async def test_a_browser_may_always_ask_what_it_may_send() -> None:
    guarded = Guarded(1, hold=True)
    calls = await guarded.fill(1)
    asking = asyncio.ensure_future(guarded.call("/v1/events", "OPTIONS", key="none"))
    guarded.open.set()
    assert (await asking).status == 200
    await asyncio.gather(*calls)
