"""A shopper acts, and the next reply is already different."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from cluster.local_cluster import LocalCluster

pytestmark = pytest.mark.timeout(180)


class Shop:
    """A shop's page, by HTTP."""

    def __init__(self, cluster: LocalCluster) -> None:
        self._url, self._key = cluster.url, cluster.api_key

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any, dict[str, str]]:
        """Status, body, headers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read()), dict(reply.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read()), dict(error.headers)

    def consent(self, user: str, **allowed: bool) -> None:
        """Say what the user allows."""
        assert self.call("PUT", f"/v1/users/{user}/consent", allowed)[0] == 200

    def act(self, user: str, kind: str, *products: str) -> dict[str, Any]:
        """One event; the reply."""
        rows = [{"item_id": product, "price": 2.0} for product in products]
        status, reply, _ = self.call("POST", "/v1/events", {"type": kind, "user_id": user, "items": rows})
        assert status == 202
        found: dict[str, Any] = reply
        return found

    def segments(self, user: str) -> list[str]:
        """Names; empty where nothing may be known."""
        status, reply, _ = self.call("GET", f"/v1/users/{user}/segments")
        return list(reply["segments"]) if status == 200 else []

    def recommended(self, user: str) -> tuple[list[str], dict[str, Any]]:
        """Products and the whole reply."""
        status, reply, _ = self.call("GET", f"/v1/users/{user}/recommendations?limit=10&explain=true")
        assert status == 200
        return [item["item_id"] for item in reply["items"]], reply


async def eventually(holds: Any, seconds: float = 10) -> None:
    """Wait until it holds; fail if it never does."""
    until = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < until, "never came true"
        await asyncio.sleep(0.02)


@pytest.fixture
def shop(cluster: LocalCluster) -> Shop:
    return Shop(cluster)


@pytest.mark.anyio
async def test_an_event_flips_a_flag_and_reorders_the_recommendations(shop: Shop) -> None:
    shop.consent("loop-ada", personalization=True)
    await eventually(lambda: shop.recommended("loop-ada")[1]["served"] == "live")
    before, _ = shop.recommended("loop-ada")
    shop.act("loop-ada", "add_to_cart", "p20")
    await eventually(lambda: "cart_engaged" in shop.segments("loop-ada"))
    after, reply = shop.recommended("loop-ada")
    assert reply["served"] == "live" and reply["personal"]
    assert after != before
    assert {"p21", "p22"} & set(after[:3]), "what goes with the cart comes first"
    assert "p20" not in after, "what is in the cart is not recommended"
    assert any(item["because"] == "p20" for item in reply["items"])


@pytest.mark.anyio
async def test_what_was_bought_is_gone_from_the_next_reply(shop: Shop) -> None:
    shop.consent("loop-bea", personalization=True)
    first = shop.recommended("loop-bea")[0][0]
    shop.act("loop-bea", "purchase", first)
    await eventually(lambda: shop.call("GET", "/v1/users/loop-bea/profile")[0] == 200)
    assert first not in shop.recommended("loop-bea")[0]


@pytest.mark.anyio
async def test_the_model_has_scored_the_shopper(shop: Shop) -> None:
    shop.consent("loop-cleo", personalization=True)
    shop.act("loop-cleo", "add_to_cart", "p3")
    await eventually(lambda: shop.call("GET", "/v1/users/loop-cleo/profile")[0] == 200)
    _status, profile, _ = shop.call("GET", "/v1/users/loop-cleo/profile")
    assert 0 <= profile["scores"]["buys_within_7_days"] <= 1


@pytest.mark.anyio
async def test_without_consent_nothing_is_kept_and_the_reply_is_contextual(shop: Shop) -> None:
    assert shop.act("loop-dan", "add_to_cart", "p5") == {"accepted": 0, "not_stored": 1, "errors": []}
    assert shop.call("GET", "/v1/users/loop-dan/segments")[0] == 404
    assert shop.call("GET", "/v1/users/loop-dan/profile")[0] == 404
    products, reply = shop.recommended("loop-dan")
    assert products and not reply["personal"]


@pytest.mark.anyio
async def test_a_withdrawal_takes_effect_at_once_and_for_good(shop: Shop) -> None:
    shop.consent("loop-eve", personalization=True)
    shop.act("loop-eve", "add_to_cart", "p5")
    await eventually(lambda: shop.segments("loop-eve") != [])
    shop.consent("loop-eve", personalization=False)
    assert shop.call("GET", "/v1/users/loop-eve/segments")[0] == 404
    assert not shop.recommended("loop-eve")[1]["personal"]
    assert shop.act("loop-eve", "view", "p5")["not_stored"] == 1
    shop.consent("loop-eve", personalization=True)
    await asyncio.sleep(1)
    assert shop.call("GET", "/v1/users/loop-eve/profile")[0] == 404, "nothing of before has come back"
    shop.act("loop-eve", "view", "p6")
    await eventually(lambda: shop.call("GET", "/v1/users/loop-eve/profile")[0] == 200)
    assert shop.call("GET", "/v1/users/loop-eve/profile")[1]["events"] == 1


@pytest.mark.anyio
async def test_items_are_stored_and_found(shop: Shop) -> None:
    assert shop.call("PUT", "/v1/items", [{"item_id": "new", "title": "New"}, {"item_id": 3}])[1]["stored"] == 1
    assert shop.call("GET", "/v1/items/new")[1]["title"] == "New"
    assert shop.call("GET", "/v1/items/nowhere")[0] == 404


@pytest.mark.anyio
async def test_the_metrics_tell_of_every_part(shop: Shop, cluster: LocalCluster) -> None:
    def text() -> str:
        with urllib.request.urlopen(cluster.url + "/metrics", timeout=10) as reply:
            return str(reply.read().decode())

    shop.consent("loop-fay", personalization=True)
    shop.act("loop-fay", "view", "p1")
    await eventually(lambda: "rayce_stream_events_total" in text() and "rayce_events_accepted_total" in text())
    assert 'rayce_stream_lag_events{partition="0"}' in text()
