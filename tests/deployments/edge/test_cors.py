"""Pages of the shop may call, others may not see anything; and nothing is allowed unless the settings say so."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.deployments.asgi import call
from tests.deployments.shop import Shop, shop_settings

pytestmark = pytest.mark.anyio

OURS, OTHERS = "https://www.shop.de", "https://evil.example"
ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}


@pytest.fixture
def open_shop() -> Iterator[Shop]:
    with ThreadPoolExecutor(4) as executor:
        made = Shop(executor, shop_settings(cors_origins=(OURS + "/",)))
        made.publish()
        yield made


async def test_a_preflight_of_our_page_says_what_it_may_send(open_shop: Shop) -> None:
    reply = await call(open_shop.app, "OPTIONS", "/v1/recommendations", headers={"origin": OURS, **ASKS})
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, OURS)
    assert {"authorization", "content-type"} <= set(reply.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in reply.headers


async def test_a_preflight_of_another_page_is_refused(open_shop: Shop) -> None:
    for origin in (OTHERS, "null", OURS + ".evil.example", "http://www.shop.de"):
        reply = await call(open_shop.app, "OPTIONS", "/v1/recommendations", headers={"origin": origin, **ASKS})
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers


async def test_replies_and_refusals_may_be_seen_by_our_page_only(open_shop: Shop) -> None:
    for origin, may in ((OURS, True), (OTHERS, False)):
        for key, status in (("browser-key", 200), (None, 401)):
            reply = await open_shop.call("POST", "/v1/recommendations", {}, key=key, origin=origin)
            assert reply.status == status
            assert ("access-control-allow-origin" in reply.headers) is may
            assert "origin" in reply.headers["vary"].lower()


async def test_a_server_sees_no_difference(open_shop: Shop) -> None:
    reply = await open_shop.call("POST", "/v1/recommendations", {})
    assert not [name for name in reply.headers if name.startswith("access-control")]


async def test_without_origins_nobody_may(shop: Shop) -> None:
    reply = await call(shop.app, "OPTIONS", "/v1/recommendations", headers={"origin": OURS, **ASKS})
    assert reply.status == 405
    assert "access-control-allow-origin" not in (await shop.call("GET", "/healthz", key=None, origin=OURS)).headers
