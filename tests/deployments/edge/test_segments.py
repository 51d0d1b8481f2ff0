"""Sizes of segments: merged from what the partitions have told; of one's own tenant only; and what is missing is said."""

import pytest

from rayce.segments.tally import Tally
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

FIRST, REPEAT, BIG, NOW = 1 << 2, 1 << 3, 1 << 4, 0
"""Flags of the starter catalogue; `shopping_now` is short-lived and has bit 0."""


def tell(shop: Shop) -> None:
    """Two partitions: three people of the shop in one, one in the other, and somebody of another tenant."""
    one, two = Tally(), Tally()
    one.change(0, (), REPEAT | BIG, ((NOW, T0 // 1000 + 600),), T0, "shop")
    one.change(0, (), REPEAT, (), T0, "shop")
    one.change(0, (), FIRST, ((NOW, T0 // 1000 + 5),), T0, "shop")
    one.change(FIRST, ((NOW, T0 // 1000 + 5),), REPEAT, ((NOW, T0 // 1000 + 5),), T0 + 1, "shop")
    two.change(0, (), BIG, (), T0 - 7_200_000, "shop")
    two.change(0, (), REPEAT, (), T0, "other")
    shop.hot.put_status({"segments:0": one.to_bytes(), "segments:1": two.to_bytes(), "stream:0": b"\x90"})


async def test_all_segments_with_size_and_who_came_and_went(shop: Shop) -> None:
    tell(shop)
    shop.now_ms = T0 + 2_000
    reply = (await shop.call("GET", "/v1/segments")).json
    rows = {row["name"]: row for row in reply["segments"]}
    assert list(rows) == [segment.name for segment in shop.edge.catalogue.segments]
    assert {name: row["size"] for name, row in rows.items() if row["size"]} == {
        "shopping_now": 2,
        "repeat_buyer": 3,
        "big_basket": 2,
    }
    assert rows["first_time_visitor"] == {
        "name": "first_time_visitor",
        "bit": 2,
        "kind": "rule",
        "description": "Never bought anything.",
        "ttl_s": None,
        "listed": False,
        "size": 0,
        "inflow_1h": 1,
        "outflow_1h": 1,
        "inflow_24h": 1,
        "outflow_24h": 1,
    }
    assert (rows["big_basket"]["inflow_1h"], rows["big_basket"]["inflow_24h"]) == (1, 2)
    assert reply["catalogue_version"] == shop.edge.catalogue.version
    assert (reply["partitions_told"], reply["partitions"]) == (2, shop.settings.kafka.partitions)


async def test_time_alone_makes_a_short_lived_segment_smaller(shop: Shop) -> None:
    tell(shop)
    shop.now_ms = T0 + 8_000
    row = (await shop.call("GET", "/v1/segments/shopping_now")).json
    assert (row["size"], row["outflow_1h"], row["overlaps"]) == (1, 1, [])


async def test_one_segment_says_with_which_others_it_overlaps(shop: Shop) -> None:
    tell(shop)
    row = (await shop.call("GET", "/v1/segments/repeat_buyer")).json
    assert row["size"] == 3
    assert row["overlaps"] == [{"name": "big_basket", "bit": 4, "users": 1, "jaccard": 0.25}]


async def test_another_tenant_sees_its_own_people_only(shop: Shop) -> None:
    tell(shop)
    rows = (await shop.call("GET", "/v1/segments", key="other-key")).json["segments"]
    assert {row["name"]: row["size"] for row in rows if row["size"]} == {"repeat_buyer": 1}


async def test_a_segment_that_is_not_there_is_not_found(shop: Shop) -> None:
    assert (await shop.call("GET", "/v1/segments/nobody")).status == 404
    assert (await shop.call("GET", "/v1/segments/lookup")).status == 404


async def test_before_anybody_has_told_anything_all_are_empty_and_the_reply_says_so(shop: Shop) -> None:
    shop.hot.put_status({"segments:0": b"from another version"})
    reply = (await shop.call("GET", "/v1/segments")).json
    assert {row["size"] for row in reply["segments"]} == {0} and reply["partitions_told"] == 0


async def test_while_hot_memory_is_away_nobody_can_tell(shop: Shop) -> None:
    shop.hot.away = True
    assert (await shop.call("GET", "/v1/segments")).status == 503


async def test_a_tally_is_no_metric(shop: Shop) -> None:
    tell(shop)
    assert "rayce_requests_total" not in (await shop.call("GET", "/metrics", key=None)).body.decode()


async def test_what_the_stream_counts_is_what_the_edge_tells(shop: Shop) -> None:
    await shop.consent("ada", "bob")
    for user in ("ada", "bob"):
        await shop.act("view", "p1", user=user)
    await shop.act("purchase", "p1", user="bob")
    await shop.act("login", user="bob")  # a worker tells what was durable when it began, then once a second
    sizes = {row["name"]: row["size"] for row in (await shop.call("GET", "/v1/segments")).json["segments"]}
    assert (sizes["shopping_now"], sizes["first_time_visitor"]) == (2, 1)
