"""The server: every error is a problem, too much is shed, a bug is a 500 and nothing more, and the front is no other door."""

import asyncio
import gzip
from typing import Any, cast

import pytest

from deployments.edge.ladder import Ladder
from deployments.edge.routes import Route, routes
from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Shown
from tests.deployments.asgi import call
from tests.deployments.shop import Shop, never, shop_settings
from tests.samples import T0

pytestmark = pytest.mark.anyio

AUTH = {"authorization": "Bearer shop-key"}


@pytest.mark.parametrize(
    "target", ["/", "/v1", "/v1/users", "/v1/users/ada", "/v2/events", "/v1/users//segments", "/v1/events/", "/%00"]
)
async def test_what_does_not_exist_is_not_found(shop: Shop, target: str) -> None:
    reply = await call(shop.app, "GET", target, headers=AUTH)
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
    assert reply.json["status"] == 404 and reply.json["key"] == "path"


@pytest.mark.parametrize(
    "method, target", [("GET", "/v1/events"), ("POST", "/v1/items/a"), ("POST", "/v1/users/ada/segments")]
)
async def test_a_method_that_is_not_meant_is_refused(shop: Shop, method: str, target: str) -> None:
    reply = await call(shop.app, method, target, headers=AUTH)
    assert (reply.status, reply.headers["content-type"]) == (405, "application/problem+json")
    assert reply.headers["allow"]


async def test_a_bug_is_a_500_that_tells_nothing_and_the_next_request_is_served(shop: Shop) -> None:
    def broken(*_arguments: object) -> Any:
        raise RuntimeError("secret")

    good, shop.durable.load_items = shop.durable.load_items, broken  # type: ignore[method-assign]
    reply = await call(shop.app, "GET", "/v1/items/a", headers=AUTH)
    assert reply.status == 500 and b"secret" not in reply.body
    shop.durable.load_items = good  # type: ignore[method-assign]
    assert (await call(shop.app, "GET", "/v1/items/a", headers=AUTH)).status == 404


async def test_too_much_at_once_is_shed_fast_and_says_when_to_come_again(shop: Shop) -> None:
    crowded = Shop(shop.edge.executor, shop_settings(max_in_flight=3, rank_deadline_ms=100_000))
    crowded.publish()
    crowded.ranker = never
    waiting = [asyncio.ensure_future(crowded.call("POST", "/v1/recommendations", {})) for _ in range(3)]
    await asyncio.sleep(0.01)
    for target in ("/v1/users/ada/segments", "/v1/items?ids=a"):
        reply = await crowded.call("GET", target)
        assert reply.status == 503 and int(reply.headers["retry-after"]) >= 1
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (await crowded.call("GET", "/v1/items?ids=a")).status == 200


async def test_every_reply_says_how_long_it_took_and_is_counted(shop: Shop) -> None:
    for target in ("/v1/items?ids=a", "/v1/users/ada/segments"):
        assert (await shop.call("GET", target)).headers["server-timing"].startswith("total;dur=")
    text = shop.edge.metrics.text()
    assert 'rayce_requests_total{route="/v1/items",status="200"} 1' in text
    assert 'rayce_requests_total{route="/v1/users/{user_id}/segments",status="404"} 1' in text
    assert 'rayce_request_seconds_count{route="/v1/items"} 1' in text


@pytest.mark.parametrize("user", ["ada", "eve", "nobody", "%E4%BD%A0", "x" * 256, "x" * 257, "a%2Fb", "%00", "a b"])
@pytest.mark.parametrize("key", ["shop-key", "other-key", "sender-key", "wrong", None])
async def test_the_front_answers_as_the_route_does(shop: Shop, user: str, key: str | None) -> None:
    flags = pack_flags(Profile(flags=5, last_ms=T0))
    ada, eve = shop.person("ada"), shop.person("eve")
    shop.hot.put_back([Shown(ada, b"x", flags), Shown(eve, b"x", flags)], {ada: Consent(1, 1), eve: Consent(0, 1)})
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    by_front = await call(shop.app, "GET", f"/v1/users/{user}/segments", headers=headers)
    by_route = await call(shop.app, "GET", f"/v1/users/{user}/segments?at={T0}", headers=headers)
    assert (by_front.status, by_front.body) == (by_route.status, by_route.body)
    for name in ("content-type", "rayce-served", "www-authenticate"):
        assert by_front.headers.get(name) == by_route.headers.get(name)


@pytest.mark.parametrize(
    "path", ["/v1/users/\ud800/segments", "/v1/users/\udfff/profile", "/v1/items/\udc80", "/\ud800"]
)
async def test_a_path_that_is_no_unicode_is_no_reason_to_fail(shop: Shop, path: str) -> None:
    """Servers differ in what they make of bytes that are not UTF-8."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("test", 80),
        "headers": [(b"authorization", b"Bearer shop-key")],
    }
    await shop.app(scope, receive, send)
    assert told[0]["status"] in (404, 422)


@pytest.mark.parametrize(
    "query",
    ["%ff", "%", "a=%ED%A0%80", "&&&=&", "at=%00", "slot=%F0%9F%9B%92", ";", "limit=1e3", "limit=0x1", "explain=2"],
)
async def test_a_query_of_any_bytes_is_no_reason_to_fail(shop: Shop, query: str) -> None:
    for target in ("/v1/users/ada/recommendations", "/v1/users/ada/segments", "/v1/items"):
        assert (await call(shop.app, "GET", f"{target}?{query}", headers=AUTH)).status in (200, 404, 422)


HOSTILE = {
    "nothing": b"",
    "null": b"null",
    "not UTF-8": b'{"user_id":"\xff","item_id":"\xfe"}',
    "cut UTF-8": b'{"user_id":"\xe2\x82',
    "NUL": b'{"user_id":"\x00"}',
    "lone surrogate": b'{"user_id":"\\ud800","item_id":"\\udfff"}',
    "deep list": b"[" * 200_000,
    "deep closed list": b"[" * 100_000 + b"]" * 100_000,
    "deep map": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "huge number": b'{"at":1' + b"0" * 100_000 + b',"price":1' + b"0" * 100_000 + b"}",
    "number out of range": b'{"at":1e999,"price":-1e999}',
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(50_000)) + b"}",
    "same key twice": b'{"user_id":1,"user_id":2}',
    "utf-16": '{"user_id":"a"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "form": b"user_id=ada&item_id=p1",
    "backticks": b'{"` - at `$.a`":1}',
}
TAKE_BODIES = [route for route in routes(cast(Ladder, None)) if route.body is not None]


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("route", TAKE_BODIES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_hostile_body_is_refused_by_key_and_value(shop: Shop, route: Route, body: bytes) -> None:
    target = route.path.replace("{user_id}", "ada").replace("{item_id}", "p1")
    reply = await shop.call(route.method, target, body, content_type="application/json")
    assert (reply.status, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.json["key"].startswith("$") and "value" in reply.json
    assert len(reply.body) < 10_000


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "zstd"])
@pytest.mark.parametrize("route", TAKE_BODIES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_compressed_body_is_refused_by_every_call(shop: Shop, route: Route, encoding: str) -> None:
    """A few bytes could unfold to gigabytes."""
    target = route.path.replace("{user_id}", "ada").replace("{item_id}", "p1")
    reply = await shop.call(route.method, target, gzip.compress(b"{}"), content_encoding=encoding)
    assert (reply.status, reply.json["key"]) == (415, "Content-Encoding")


@pytest.mark.parametrize("route", TAKE_BODIES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_body_in_pieces_is_refused_as_soon_as_it_is_too_long(shop: Shop, route: Route) -> None:
    target = route.path.replace("{user_id}", "ada").replace("{item_id}", "p1")
    pieces = [b" " * 65_536] * (shop.settings.edge.max_body_bytes // 65_536 + 10)
    assert (await call(shop.app, route.method, target, pieces, AUTH)).status == 413


@pytest.mark.parametrize("route", TAKE_BODIES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_body_over_the_limit_is_refused_by_every_call(shop: Shop, route: Route) -> None:
    target = route.path.replace("{user_id}", "ada").replace("{item_id}", "p1")
    body = b" " * (shop.settings.edge.max_body_bytes + 1)
    assert (await shop.call(route.method, target, body)).status == 413
