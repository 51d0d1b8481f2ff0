"""Limits of every call, the administration's too: whatever a body or header is, it is answered or refused, never a 5xx."""

import gzip
from collections.abc import Sequence
from itertools import product
from typing import Any, cast

import pytest

from deployments.edge.admin.desk import Desk
from deployments.edge.admin.routes import admin_routes
from deployments.edge.ladder import Ladder
from deployments.edge.routes import Route, routes
from deployments.edge.scopes import ADMIN
from tests.deployments.asgi import Reply, call
from tests.deployments.shop import Shop, shop_settings

pytestmark = pytest.mark.anyio

ROUTES = [*routes(cast(Ladder, None)), *admin_routes(Desk(), bytes)]
TAKE_BODIES = [route for route in ROUTES if route.body is not None]
MAX_BODY_BYTES = 2_000
PLACES = {"user_id": "ada", "item_id": "p1", "name": "buyer", "kind": "rules", "cohort": "v1"}


@pytest.fixture
def small(shop: Shop) -> Shop:
    """A shop that takes small bodies only."""
    made = Shop(shop.edge.executor, shop_settings(max_body_bytes=MAX_BODY_BYTES))  # type: ignore[arg-type]
    made.publish()
    return made


async def ask(shop: Shop, route: Route, body: bytes | Sequence[bytes], cut_short: bool = False, **more: str) -> Reply:
    headers = {
        "authorization": f"Bearer {key_of(route)}",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return await call(shop.app, route.method, route.path.format(**PLACES), body, headers, cut_short)


def key_of(route: Route) -> str:
    return "operator-key" if route.scope == ADMIN else "shop-key"


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", TAKE_BODIES, ids=named)
async def test_a_body_over_the_limit_is_refused_however_it_comes(small: Shop, route: Route) -> None:
    long = b" " * (MAX_BODY_BYTES + 1)
    pieces = [b" " * 100] * (MAX_BODY_BYTES // 100 + 1)
    assert (await ask(small, route, long)).status == 413
    assert (await ask(small, route, long, content_length=str(len(long)))).status == 413
    assert (await ask(small, route, pieces)).status == 413, "chunked"
    assert (await ask(small, route, pieces, content_length="1")).status == 413, "a length that lies"
    assert (await ask(small, route, b"", content_length="9" * 5_000)).status == 413, "refused before it comes"


@pytest.mark.parametrize("route", TAKE_BODIES, ids=named)
async def test_control_a_body_of_the_limit_is_read(small: Shop, route: Route) -> None:
    assert (await ask(small, route, b" " * MAX_BODY_BYTES)).status not in (413, 500)


@pytest.mark.parametrize("route", TAKE_BODIES, ids=named)
async def test_a_body_in_an_endless_stream_is_read_no_further_than_the_limit(small: Shop, route: Route) -> None:
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        assert asked < 50, "it reads on and on"
        return {"type": "http.request", "body": b"[" * 100, "more_body": True}

    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    path = route.path.format(**PLACES)
    scope = {
        "type": "http",
        "method": route.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "headers": [(b"authorization", f"Bearer {key_of(route)}".encode())],
    }
    await small.app(scope, receive, send)
    assert statuses[0] == 413


@pytest.mark.parametrize("route", TAKE_BODIES, ids=named)
async def test_a_body_that_ends_early_is_no_body(shop: Shop, route: Route) -> None:
    assert (await ask(shop, route, b'{"user_id": ', cut_short=True)).status == 400


BODIES = {
    "empty": b"",
    "NUL": b"\x00" * 100,
    "lone surrogate": b'{"user_id": "\\ud800", "name": "\\ud800", "items": ["\\udfff"], "slots": ["\\ud800"]}',
    "the bytes of one": b'{"user_id": "\xed\xa0\x80"}',
    "not UTF-8": b"\xff\xfe\xfd",
    "deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "deep lists": b"[" * 50_000,
    "the same key twice": b'{"user_id": "a", "user_id": "b", "name": "a", "name": "b", "number": 1, "number": 2}',
    "a huge number": b'{"number": 1' + b"0" * 10_000 + b', "limit": 1' + b"0" * 400 + b', "at": 1e308}',
    "out of range": b'{"number": 1e999, "rate_per_s": -1e999, "at": -9223372036854775809, "limit": 18446744073709551616}',
    "not a number": b'{"number": NaN, "rate_per_s": Infinity}',
    "gzip unsaid": gzip.compress(b"{}" * 1_000),
    "UTF-16": '{"user_id": "a"}'.encode("utf-16"),
    "a YAML bomb": b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c {<<: [*b, *b]}",
    "YAML of Python": b"!!python/object/apply:os.system ['true']",
    "a form": b"user_id=ada&number=1",
    "multipart": b"--x\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n--x--",
}
KINDS = (
    "application/json",
    "application/x-ndjson",
    "text/plain; charset=utf-16",
    "multipart/form-data; boundary=x",
    "\xff",
    "",
)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_no_body_is_a_reason_to_fail(shop: Shop, body: bytes) -> None:
    for route, kind in product(TAKE_BODIES, KINDS):
        reply = await ask(shop, route, body, content_type=kind)
        assert reply.status < 500, (route, kind, reply)
        assert reply.status < 300 or reply.headers["content-type"] == "application/problem+json"
        assert len(reply.body) < 10_000


@pytest.mark.parametrize("route", TAKE_BODIES, ids=named)
async def test_a_body_that_says_it_is_compressed_is_refused(shop: Shop, route: Route) -> None:
    for encoding in ("gzip", "br", "identity, gzip", "x" * 10_000):
        assert (await ask(shop, route, gzip.compress(b"{}"), content_encoding=encoding)).status == 415


HEADERS = {
    "authorization": ("Bearer " + "x" * 100_000, "Bearer \xff\xfe", "Basic Og==", "Bearer a, Bearer b"),
    "accept-language": ("*;q=9", "x" * 10_000, ",,,;;;==", "\xff"),
    "user-agent": ("(" * 5_000, "\xff" * 100, ""),
    "rayce-timezone": ("../../etc/passwd", "\xff", "A" * 10_000, "Europe/Berlin\x00"),
    "rayce-referrer": ("http://[", "javascript:" + "x" * 10_000, "\xff"),
    "referer": ("http://[::1", "x" * 10_000, "\x7f"),
    "x-forwarded-for": ("1.2.3", ",".join(["::1"] * 2_000), "\xff"),
    "if-none-match": ('"', "W/" * 5_000, "*", "\xff", "," * 10_000),
    "rayce-deadline-ms": ("9" * 12, "1", "1e9", "\xff"),
    "rayce-priority": ("\xff", "bulk", "interactive"),
    "sec-purpose": ("\xff", "prefetch" * 1_000),
    "sec-gpc": ("\xff", "2"),
    "sec-ch-ua-mobile": ("?9", "\xff"),
    "origin": ("null", "\xff", "x" * 10_000),
    "content-length": ("-1", "\xb2", "1e3", ""),
    "range": ("bytes=0-", "bytes=" + "9" * 1_000),
    "expect": ("100-continue",),
    "host": ("\xff", "a" * 10_000, ""),
}


@pytest.mark.parametrize("name", HEADERS)
async def test_no_header_is_a_reason_to_fail(shop: Shop, name: str) -> None:
    for route, value in product(ROUTES, HEADERS[name]):
        headers = {"authorization": "Bearer shop-key", name: value}
        reply = await call(shop.app, route.method, route.path.format(**PLACES), b"{}", headers)
        assert reply.status < 500 or (reply.status == 503 and name == "rayce-deadline-ms"), (route, value, reply)


@pytest.mark.parametrize(
    "place", ["%00", "%ff", "%ED%A0%80", "x" * 5_000, "%F0%9F%9B%92", "..%2f..%2f", "%0d%0a", "'%22;--"]
)
async def test_no_place_in_a_path_is_a_reason_to_fail(shop: Shop, place: str) -> None:
    for route in ROUTES:
        target = route.path.format(**dict.fromkeys(PLACES, place))
        reply = await call(shop.app, route.method, target, b"{}", {"authorization": f"Bearer {key_of(route)}"})
        assert reply.status < 500, (route, reply)


@pytest.mark.parametrize(
    "query", ["at=9223372036854775808", "limit=" + "9" * 5_000, "%ff=%ff", "a" * 50_000, "at=-1", "dry_run=2"]
)
async def test_no_query_is_a_reason_to_fail(shop: Shop, query: str) -> None:
    for route in ROUTES:
        target = f"{route.path.format(**PLACES)}?{query}"
        reply = await call(shop.app, route.method, target, b"{}", {"authorization": f"Bearer {key_of(route)}"})
        assert reply.status < 500, (route, reply)
