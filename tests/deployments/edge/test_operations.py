"""For those who run it: alive, what is away and what is live, metrics of the whole system."""

import msgspec
import pytest

from rayce.metrics import Metrics
from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio


async def test_it_is_alive_whatever_is_away(shop: Shop) -> None:
    shop.hot.away = shop.durable.away = shop.log.away = True
    assert (await shop.call("GET", "/healthz", key=None)).body == b"ok\n"


async def test_ready_says_what_is_live(shop: Shop) -> None:
    reply = await shop.call("GET", "/readyz", key="operator-key")
    assert (reply.json["status"], reply.json["away"]) == ("ready", [])
    assert reply.json["generations"]["shop"] == {"shelf": 1, "popular": 1, "lists": 1, "ranker": 1}
    assert reply.json["generations"]["other"] == {}
    assert reply.json["catalogue_version"] == shop.edge.catalogue.version


@pytest.mark.parametrize("part, name", [("hot", "redis"), ("durable", "dynamodb"), ("log", "kafka")])
async def test_ready_says_what_is_away_and_is_ready_all_the_same(shop: Shop, part: str, name: str) -> None:
    getattr(shop, part).away = True
    shop.live.refresh()
    reply = await shop.call("GET", "/readyz", key=None)
    assert (reply.status, reply.json["status"], reply.json["away"]) == (200, "degraded", [name])


async def test_a_generation_that_cannot_be_loaded_is_not_a_store_that_is_away(shop: Shop) -> None:
    shop.durable.make_live("shop/shelf", shop.durable.publish("shop/shelf", {"x": b""}))
    shop.live.refresh()
    reply = await shop.call("GET", "/readyz")
    assert reply.json["status"] == "ready"
    assert reply.json["generations"]["shop"]["shelf"] == 1


async def test_metrics_are_those_of_all_parts(shop: Shop) -> None:
    for name, count in (("edge:1", 2), ("edge:2", 3)):
        part = Metrics()
        part.add("rayce_events_accepted_total", count)
        await shop.hot.tell_status(name, part.to_bytes())
    await shop.hot.tell_status("stranger", b"\xff not metrics")
    reply = await shop.call("GET", "/metrics", key=None)
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"rayce_events_accepted_total 5\n" in reply.body


async def test_with_hot_memory_away_metrics_are_this_replicas_own(shop: Shop) -> None:
    shop.edge.metrics.add("rayce_events_accepted_total", 7)
    shop.hot.away = True
    assert b"rayce_events_accepted_total 7\n" in (await shop.call("GET", "/metrics", key=None)).body


async def test_ready_says_which_models_replicas_have_left(shop: Shop) -> None:
    why = {"shop/default": "generation 4 left aside, generation 3 ranks: scores that are no numbers"}
    await shop.hot.tell_status("left:ranker:1", msgspec.json.encode({"at_ms": shop.now_ms, "models": why}))
    reply = await shop.call("GET", "/readyz")
    assert (reply.json["status"], reply.json["models_left"]) == ("degraded", why)
    shop.now_ms += 60_000
    reply = await shop.call("GET", "/readyz")
    assert (reply.json["status"], reply.json["models_left"]) == ("ready", {}), "nobody says so any more"


ANYBODY = {"status", "away", "stores"}
KEYLESS = [None, "no such key", "sender-key", "browser-key", "admin-key"]


async def troubled(shop: Shop) -> None:
    """Two tenants' models are left aside, one has a generation to take up, and a partition stands still."""
    why = {"shop/default": "generation 4 left aside", "other/default": "generation 7 left aside"}
    await shop.hot.tell_status("left:ranker:1", msgspec.json.encode({"at_ms": shop.now_ms, "models": why}))
    halted = Metrics()
    halted.set("rayce_stream_halted", 1, "3")
    await shop.hot.tell_status("stream:1", halted.to_bytes())


@pytest.mark.parametrize("key", KEYLESS)
async def test_who_may_not_read_is_told_which_parts_are_away_and_no_tenants_name(shop: Shop, key: str | None) -> None:
    await troubled(shop)
    shop.log.away = True
    reply = await shop.call("GET", "/readyz", key=key)
    assert (reply.status, set(reply.json)) == (200, ANYBODY)
    assert (reply.json["status"], reply.json["away"]) == ("degraded", ["kafka", "stream", "ranker"])
    assert set(reply.json["stores"].values()) == {"up", "away"}
    assert not any(tenant.encode() in reply.body for tenant in shop.edge.callers.tenants())


async def test_who_may_read_is_told_of_its_own_tenant_only(shop: Shop) -> None:
    await troubled(shop)
    reply = await shop.call("GET", "/readyz", key="page-key")
    assert set(reply.json["generations"]) == {"shop"} and set(reply.json["models_left"]) == {"shop/default"}
    assert reply.json["halted_partitions"] == [3] and b"other" not in reply.body


async def test_the_operator_is_told_everything(shop: Shop) -> None:
    await troubled(shop)
    shop.durable.away = True
    shop.live.refresh()
    reply = await shop.call("GET", "/readyz", key="operator-key")
    assert set(reply.json["generations"]) == shop.edge.callers.tenants() == {"shop", "other"}
    assert set(reply.json["models_left"]) == {"shop/default", "other/default"}
    assert reply.json["stores"]["dynamodb"] not in ("up", "away"), "it says why"
