"""Both clients, one suite: against the real edge, and against servers that behave badly. A page never breaks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rayce.client import RayceClient, RayceClientError, SyncRayceClient
from tests.deployments.shop import Shop
from tests.examples.fake_api import serving
from tests.examples.loops import in_loop
from tests.rayce.bad_servers import BAD, behaving, refusing
from tests.samples import T0

KEY = "shop-key"
HANGS_S = 30
"""Longer than any deadline here by far: whoever is still waiting then has hung."""
PAGE_S = 0.2


class Driver:
    """A client of either kind, driven from an event loop."""

    def __init__(self, kind: type, url: str, **options: Any) -> None:
        self.client = kind(url, KEY, page_timeout_s=PAGE_S, **options)
        self._blocks = kind is SyncRayceClient

    async def call(self, verb: str, *arguments: Any, **named: Any) -> Any:
        act: Callable[..., Any] = getattr(self.client, verb)
        async with asyncio.timeout(HANGS_S):
            if self._blocks:
                return await asyncio.to_thread(act, *arguments, **named)
            return await act(*arguments, **named)

    async def __aenter__(self) -> "Driver":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.call("close")


class Real:
    """The edge where `serving` expects the fake."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def app(self) -> Any:
        return self.shop.app


both = pytest.mark.parametrize("kind", [RayceClient, SyncRayceClient])

PAGE_CALLS: dict[str, Callable[[Driver], Any]] = {
    "recommendations": lambda d: d.call("recommendations", "ada", slot="home", limit=2, fallback=["p1", "p2", "p3"]),
    "contextual": lambda d: d.call("recommendations", exclude=["p1"], limit=2, fallback=["p1", "p2", "p3"]),
    "rank": lambda d: d.call("rank", "ada", ["p3", "p1"], fallback=["p3", "p1"]),
    "similar": lambda d: d.call("similar", "p1", fallback=["p2"]),
    "trending": lambda d: d.call("trending", fallback=["p2"]),
}


@both
@in_loop
async def test_what_a_page_needs_comes_from_the_real_edge(kind: type) -> None:
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor)
        shop.publish()
        async with serving(Real(shop)) as url, Driver(kind, url, now_ms=lambda: T0) as driver:  # type: ignore[arg-type]
            await driver.call("put_consent", "ada", personalization=True)
            found = await driver.call("recommendations", "ada", limit=3, fallback=[], within_s=HANGS_S)
            assert (found.served, found.personal) == ("live", True) and found.items
            wish = {"exclude": [found.items[0].item_id], "context": {"device": "phone"}, "within_s": HANGS_S}
            other = await driver.call("recommendations", "ada", limit=3, fallback=[], **wish)
            assert other.served == "live"
            assert found.items[0] not in other.items
            alike = await driver.call("similar", "p1", limit=2, fallback=[], within_s=HANGS_S)
            assert (alike.source != "client", len(alike.items)) == (True, 2)
            assert (await driver.call("trending", limit=2, fallback=[], within_s=HANGS_S)).source != "client"
            shown = await driver.call("decisions", ["banner"], "ada", fallback={"banner": 1}, within_s=HANGS_S)
            assert shown.served == "live" and shown.decisions["banner"].payload is None
            assert driver.client.track({"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]})
            await driver.call("close")
            assert [event.type for event in shop.logged() if event.type == "view"] == ["view"]
            assert (await driver.call("segments", "nobody")) is None, "used again it opens anew"


@both
@pytest.mark.parametrize("bad", [*BAD, "refused"])
@in_loop
async def test_with_a_fallback_nothing_raises_and_nothing_hangs(kind: type, bad: str) -> None:
    server = refusing() if bad == "refused" else behaving(BAD[bad])
    async with server as (url, _connections), Driver(kind, url, timeout_s=PAGE_S) as driver:
        for name, act in PAGE_CALLS.items():
            found = await act(driver)
            assert (getattr(found, "served", None) or found.source) == "client", name
            assert found.items, name
        items = (await PAGE_CALLS["contextual"](driver)).items
        assert [item.item_id for item in items] == ["p2", "p3"], "what is excluded stays away, and limits hold"
        shown = await driver.call("decisions", ["banner", "offer"], fallback={"banner": {"image": "x"}})
        assert (shown.served, shown.decisions["banner"].payload) == ("client", {"image": "x"})
        assert shown.decisions["offer"].variant is None


@both
@pytest.mark.parametrize("bad", [*BAD, "refused"])
@in_loop
async def test_without_a_fallback_it_raises_within_its_deadline(kind: type, bad: str) -> None:
    server = refusing() if bad == "refused" else behaving(BAD[bad])
    async with server as (url, _connections), Driver(kind, url, timeout_s=PAGE_S) as driver:
        with pytest.raises(RayceClientError):
            await driver.call("recommendations", "ada")
        with pytest.raises(RayceClientError):
            await driver.call("put_consent", "ada", personalization=True)


@both
@in_loop
async def test_the_last_good_list_that_was_nobodys_own_is_shown(kind: type) -> None:
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor)
        shop.publish()
        async with Driver(kind, "http://127.0.0.1:9") as driver:
            async with serving(Real(shop)) as url:  # type: ignore[arg-type]
                point_to(driver, url)
                await driver.call("put_consent", "ada", personalization=True)
                everybodys = await driver.call("recommendations", slot="home", limit=5)
                await driver.call("recommendations", "ada", slot="top", limit=5)
            point_to(driver, "http://127.0.0.1:9")
            spare = await driver.call("recommendations", "bob", slot="home", limit=3, fallback=["x"])
            assert [each.item_id for each in spare.items] == [each.item_id for each in everybodys.items[:3]]
            assert (spare.served, spare.personal) == ("client", False)
            nobodys = await driver.call("recommendations", "bob", slot="top", limit=3, fallback=["x"])
            assert [each.item_id for each in nobodys.items] == ["x"], "ada's own list is shown to nobody"


def point_to(driver: Driver, url: str) -> None:
    """Another address for the client, with what it remembers."""
    client = driver.client if isinstance(driver.client, RayceClient) else driver.client._running()[0]
    client._transport.base_url = url


@in_loop
async def test_a_server_that_is_away_for_long_is_asked_once_a_second_only() -> None:
    now_s = [0.0]
    async with behaving(BAD["shed"]) as (url, connections):
        async with RayceClient(url, KEY, clock=lambda: now_s[0]) as rayce:
            for _call in range(3):
                await rayce.recommendations("ada", fallback=["p1"])
            assert len(connections) == 3, "within its patience everything is tried"
            now_s[0] = 1.5
            for _call in range(50):
                found = await rayce.recommendations("ada", fallback=["p1"])
                assert found.served == "client"
            assert len(connections) == 4, "the one that opened the breaker"
            now_s[0] = 3.0
            await rayce.recommendations("ada", fallback=["p1"])
            assert len(connections) == 5
            with pytest.raises(RayceClientError, match="503"):
                await rayce.recommendations("ada")
            assert len(connections) == 6, "who has no fallback wants to know"


@in_loop
async def test_a_slow_get_is_hedged_once_where_that_is_asked_for() -> None:
    async def slow_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if len(connections) == 1:
            await asyncio.Event().wait()
        body = b'{"user_id":"ada","items":[],"served":"live","personal":true}'
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with behaving(slow_at_first) as (url, connections):
        async with RayceClient(url, KEY, timeout_s=HANGS_S, hedge_after_s=0.02) as rayce:
            assert (await rayce.recommendations("ada")).served == "live"
            assert len(connections) == 2
    async with behaving(BAD["black_hole"]) as (url, posted):
        async with RayceClient(url, KEY, timeout_s=0.2, hedge_after_s=0.01) as rayce:
            with pytest.raises(RayceClientError):
                await rayce.post_events([{"type": "view"}])
            assert len(posted) == 1, "what changes something is never sent twice"


@both
@in_loop
async def test_connections_are_used_again(kind: type) -> None:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"served":"live"}')
            await writer.drain()

    async with behaving(whole) as (url, connections), Driver(kind, url) as driver:
        for _call in range(20):
            assert (await driver.call("recommendations", "ada")).served == "live"
        assert len(connections) == 1


def test_a_wrong_option_is_a_mistake_at_once() -> None:
    with pytest.raises(TypeError):
        SyncRayceClient("http://127.0.0.1:9", KEY, colour="red")
