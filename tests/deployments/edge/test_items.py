"""`/v1/items`: stored once answered, each bad one named, a tenant's own only."""

import pytest

from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio

BREAD = {"item_id": "bread", "title": "Bread", "categories": ["bakery", "loaves"], "brand": "B", "price": 2.5}
FULL = {**BREAD, "available": True, "attributes": {}}


async def test_an_item_is_stored_and_told(shop: Shop) -> None:
    reply = await shop.call(
        "PUT", "/v1/items/bread", {name: value for name, value in BREAD.items() if name != "item_id"}
    )
    assert (reply.status, reply.json) == (200, FULL)
    assert (await shop.call("GET", "/v1/items/bread")).json == FULL


async def test_many_are_stored_and_told_in_the_order_asked_for(shop: Shop) -> None:
    reply = await shop.call(
        "PUT", "/v1/items", [BREAD, BREAD | {"item_id": "milk", "attributes": {"fat": 3.5, "bio": True}}]
    )
    assert reply.json == {"stored": 2, "errors": []}
    found = (await shop.call("GET", "/v1/items?ids=milk,nothing,bread,,milk")).json["items"]
    assert [item["item_id"] for item in found] == ["milk", "bread"]
    assert found[0]["attributes"] == {"fat": 3.5, "bio": True}


async def test_each_bad_item_is_named_and_the_good_ones_are_stored(shop: Shop) -> None:
    rows = [BREAD, {"title": "nameless"}, BREAD | {"price": -1}, BREAD | {"attributes": {"ok": 1, "size": None}}, 5]
    reply = await shop.call("PUT", "/v1/items", rows)
    assert (reply.status, reply.json["stored"]) == (200, 1)
    assert [(error["index"], error["path"], error["value"]) for error in reply.json["errors"]] == [
        (1, "$", {"title": "nameless"}),
        (2, "$.price", -1),
        (3, "$.attributes.size", None),
        (4, "$", 5),
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"[1]", b"{", b'{"item_id":""}', b"[" * 100_000])
async def test_where_no_item_is_good_all_is_refused(shop: Shop, body: bytes) -> None:
    assert (await shop.call("PUT", "/v1/items", body)).status == 422


async def test_too_many_items_are_refused(shop: Shop) -> None:
    most = shop.settings.edge.max_batch_events
    assert (await shop.call("PUT", "/v1/items", b"[" + b",".join([b"1"] * (most + 1)) + b"]")).status == 413


@pytest.mark.parametrize(
    "patch, key, value",
    [
        ({"item_id": "other"}, "$.item_id", "other"),
        ({"price": "cheap"}, "$.price", "cheap"),
        ({"colour": "red"}, "$.colour", "red"),
        ({"attributes": {"x" * 65: 1}}, "$.attributes", None),
        ({"attributes": {"a": 10**30}}, "$.attributes.a", 10**30),
    ],
)
async def test_a_patch_that_is_wrong_is_refused_by_key_and_value(
    shop: Shop, patch: dict[str, object], key: str, value: object
) -> None:
    reply = await shop.call("PUT", "/v1/items/bread", patch)
    assert (reply.status, reply.json["key"]) == (422, key)
    assert value is None or reply.json["value"] == value


async def test_an_item_that_is_not_there_is_not_found(shop: Shop) -> None:
    reply = await shop.call("GET", "/v1/items/nothing")
    assert (reply.status, reply.json["key"], reply.json["value"]) == (404, "item_id", "nothing")


async def test_another_tenants_items_are_not_found(shop: Shop) -> None:
    await shop.call("PUT", "/v1/items", [BREAD])
    assert (await shop.call("GET", "/v1/items/bread", key="other-key")).status == 404
    assert (await shop.call("GET", "/v1/items?ids=bread", key="other-key")).json == {"items": []}


@pytest.mark.parametrize(
    "query", ["", "?ids=", "?ids=,", "?ids=" + ",".join(["a"] * 101), "?ids=" + "x" * 129, "?id=a"]
)
async def test_a_question_that_names_none_or_too_many_is_refused(shop: Shop, query: str) -> None:
    assert (await shop.call("GET", f"/v1/items{query}")).status == 422


@pytest.mark.parametrize("method, target", [("PUT", "/v1/items"), ("PUT", "/v1/items/a"), ("GET", "/v1/items/a")])
async def test_a_store_that_is_away_asks_to_come_again(shop: Shop, method: str, target: str) -> None:
    shop.durable.away = True
    reply = await shop.call(method, target, {"item_id": "a"} if method == "PUT" else b"")
    assert (reply.status, reply.json["key"], reply.json["value"]) == (503, "store", "memory")


async def test_an_id_that_is_too_long_is_refused(shop: Shop) -> None:
    assert (await shop.call("GET", f"/v1/items/{'x' * 129}")).status == 422
    assert (await shop.call("PUT", f"/v1/items/{'x' * 129}", {})).status == 422


async def test_an_item_that_was_taken_out_is_gone_and_a_second_time_not_found(shop: Shop) -> None:
    await shop.call("PUT", "/v1/items", [BREAD, BREAD | {"item_id": "milk"}])
    reply = await shop.call("DELETE", "/v1/items/bread")
    assert (reply.status, reply.json) == (200, FULL)
    assert (await shop.call("GET", "/v1/items/bread")).status == 404
    assert (await shop.call("DELETE", "/v1/items/bread")).status == 404
    assert (await shop.call("GET", "/v1/items/milk")).status == 200


async def test_nobody_takes_out_another_tenants_item_or_without_the_scope(shop: Shop) -> None:
    await shop.call("PUT", "/v1/items", [BREAD])
    assert (await shop.call("DELETE", "/v1/items/bread", key="other-key")).status == 404
    assert (await shop.call("DELETE", "/v1/items/bread", key="page-key")).status == 403
    assert (await shop.call("GET", "/v1/items/bread")).status == 200
