"""API keys by HTTP: made and told once, taken away, seen by their own tenant; nobody gives himself more than he has."""

from typing import Any

import pytest

from rayce.api_keys import live_keys
from tests.deployments.administration import manage
from tests.deployments.asgi import Reply
from tests.deployments.shop import KEYS, Shop

pytestmark = pytest.mark.anyio


async def made(shop: Shop, key: str = "admin-key", **more: Any) -> Reply:
    reply = await manage(shop, "POST", "/admin/keys", {"name": "app", "scopes": ["read"], **more}, key)
    shop.live.refresh()
    return reply


async def test_a_new_key_opens_what_it_may_until_it_is_taken_away(shop: Shop) -> None:
    reply = await made(shop)
    assert (reply.status, reply.json["tenant"], reply.headers["cache-control"]) == (201, "shop", "no-store")
    key = reply.json["key"]
    assert (await shop.call("GET", "/v1/items?ids=a", key=key)).status == 200
    assert (await shop.call("POST", "/v1/events", b"{}", key=key)).status == 403
    assert (await manage(shop, "DELETE", "/admin/keys/app")).status == 200
    shop.live.refresh()
    assert (await shop.call("GET", "/v1/items?ids=a", key=key)).status == 401


async def test_a_key_that_ends_ends(shop: Shop) -> None:
    key = (await made(shop, until="2999-01-01T00:00:00Z")).json["key"]
    assert (await shop.call("GET", "/v1/items?ids=a", key=key)).status == 200
    shop.now_ms = 32_472_144_000_001
    assert (await shop.call("GET", "/v1/items?ids=a", key=key)).status == 401


async def test_neither_a_key_nor_a_hash_is_ever_told_again(shop: Shop) -> None:
    key = (await made(shop)).json["key"]
    reply = await manage(shop, "GET", "/admin/keys", key="operator-key")
    hashes = [each.sha256 for each in (*KEYS.values(), *live_keys(shop.durable).values())]
    assert len(hashes) == len(KEYS) + 1
    assert not [secret for secret in (key, *hashes) if secret.encode() in reply.body]
    assert ("app", "document") in [(each["name"], each["source"]) for each in reply.json["keys"]]


async def test_a_tenant_sees_its_own_keys_and_an_operator_all(shop: Shop) -> None:
    for key, tenants in (
        ("admin-key", {"shop"}),
        ("other-admin-key", {"other"}),
        ("operator-key", {"shop", "other"}),
    ):
        reply = await manage(shop, "GET", "/admin/keys", key=key)
        assert {each["tenant"] for each in reply.json["keys"]} == tenants


async def test_only_an_operator_makes_keys_for_others_and_for_operators(shop: Shop) -> None:
    for more in ({"tenant": "other"}, {"scopes": ["operator"]}, {"tenant": "third"}):
        assert (await made(shop, **more)).status == 403
        assert live_keys(shop.durable) == {}
    assert (await made(shop, "operator-key", name="a", tenant="third")).json["tenant"] == "third"
    assert (await made(shop, "operator-key", name="b", scopes=["operator"])).status == 201
    assert (await made(shop, tenant="shop")).status == 201, "its own may be named"


async def test_nobody_takes_away_what_is_not_his(shop: Shop) -> None:
    await made(shop)
    await made(shop, "operator-key", name="boss", scopes=["operator"])
    assert (await manage(shop, "DELETE", "/admin/keys/app", key="other-admin-key")).status == 404
    assert (await manage(shop, "DELETE", "/admin/keys/boss")).status == 403
    assert (await manage(shop, "DELETE", "/admin/keys/admin")).status == 409, "stands in the settings"
    assert (await manage(shop, "DELETE", "/admin/keys/other-admin")).status == 404, "of which it may not even know"
    assert set(live_keys(shop.durable)) == {"app", "boss"}
    assert (await manage(shop, "DELETE", "/admin/keys/boss", key="operator-key")).status == 200
    assert (await manage(shop, "DELETE", "/admin/keys/nobody")).status == 404


async def test_a_name_is_given_once(shop: Shop) -> None:
    key = (await made(shop)).json["key"]
    assert (await made(shop)).status == 409
    assert (await shop.call("GET", "/v1/items?ids=a", key=key)).status == 200, "the first holds on"


@pytest.mark.parametrize(
    "more",
    [
        {"scopes": []},
        {"scopes": ["root"]},
        {"name": ""},
        {"name": "a b"},
        {"name": "a\n"},
        {"until": "tomorrow"},
        {"until": "2027-01-01T00:00:00"},
        {"rate_per_s": -1},
        {"rate_per_s": "many"},
        {"sha256": "00" * 32},
        {"tenant": "_"},
        {"tenant": "other/rules"},
    ],
)
async def test_what_is_no_key_is_refused(shop: Shop, more: dict[str, Any]) -> None:
    assert (await made(shop, "operator-key", **more)).status == 422
    assert live_keys(shop.durable) == {}
