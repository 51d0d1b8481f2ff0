"""The catalogue in replies: a change through one replica is in the next reply of all, without a job."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.edge.cache_version import cache_version
from rayce.content_index import ContentIndex
from rayce.documents import RULES, activate_document
from rayce.generations import generation_name
from rayce.item import encode_item
from rayce.item_changes import decode_item_change
from rayce.rules.rule_set import parse_rules
from rayce.stores.interfaces import ITEMS as TOPIC
from tests.cluster.stream.world import PARTITIONS
from tests.deployments.shop import Shop, broken, items_of
from tests.samples import T0
from tests.shops import ITEMS, make_shelf

pytestmark = pytest.mark.anyio


class Replicas:
    """Two edge replicas, each with a ranker of its own, over the same stores."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.here = Shop(executor)
        self.there = Shop(executor, world=self.here.world)
        self.here.durable.save_items("shop", {item.item_id: encode_item(item) for item in ITEMS})
        self.here.publish()
        self.publish()
        self.read = 0

    def publish(self) -> None:
        """A shelf with what its items say."""
        name, shelf = generation_name("shop", "shelf"), make_shelf()._replace(content=ContentIndex.of(ITEMS).to_bytes())
        self.here.durable.make_live(name, self.here.durable.publish(name, shelf.to_files()))
        for shop in self.both:
            shop.live.refresh()
            shop.items.work()

    @property
    def both(self) -> tuple[Shop, Shop]:
        return self.here, self.there

    def hear(self) -> None:
        """What the log tells reaches the other replica."""
        records = [record for p in range(PARTITIONS) for record in self.here.log.read(p, 0, 10_000, TOPIC)]
        told = [change for record in records if (change := decode_item_change(record.value)) is not None]
        self.there.items.heard(told)
        self.there.items.work()


@pytest.fixture
def replicas() -> Iterator[Replicas]:
    with ThreadPoolExecutor(4) as executor:
        yield Replicas(executor)


async def shown(shop: Shop, **wish: object) -> list[str]:
    return items_of(await shop.recommend(user="ada", limit=20, **wish))


async def put(shop: Shop, item_id: str, **said: object) -> None:
    assert (await shop.call("PUT", f"/v1/items/{item_id}", said)).status == 200


async def test_what_is_out_of_stock_is_in_no_reply_any_more(replicas: Replicas) -> None:
    for shop in replicas.both:
        assert "p1" in await shown(shop)
        assert "p1" in items_of(await shop.call("GET", "/v1/items/p0/similar"))
        assert "p1" in items_of(await shop.call("GET", "/v1/trending"))
    await put(replicas.here, "p1", available=False)
    assert "p1" in await shown(replicas.there), "the negative control: whoever hears nothing shows it"
    replicas.hear()
    for shop in replicas.both:
        assert "p1" not in await shown(shop)
        assert "p1" not in items_of(await shop.call("GET", "/v1/items/p0/similar"))
        assert "p1" not in items_of(await shop.call("POST", "/v1/rank", {"user_id": "ada", "items": ["p0", "p1"]}))


async def test_it_is_gone_while_the_ranker_still_shows_it(replicas: Replicas) -> None:
    """The edge that heard asks a ranker that did not."""
    replicas.here.ranker, replicas.there.ranker = replicas.there.ranker, replicas.here.ranker
    await put(replicas.here, "p1", available=False)
    assert "p1" not in await shown(replicas.here)


async def test_it_is_gone_from_the_lower_rungs_too(replicas: Replicas) -> None:
    for shop in replicas.both:
        shop.ranker = broken
    await put(replicas.here, "p1", available=False)
    replicas.hear()
    for shop in replicas.both:
        reply = await shop.recommend(user="ada", limit=20)
        assert reply.json["served"] != "live" and "p1" not in items_of(reply)


async def test_an_item_taken_out_is_gone_and_comes_back_when_put_again(replicas: Replicas) -> None:
    assert (await replicas.here.call("DELETE", "/v1/items/p1")).status == 200
    replicas.hear()
    for shop in replicas.both:
        assert "p1" not in await shown(shop)
    await put(replicas.here, "p1", title="Product 1", price=2.0)
    replicas.there.items.missed()
    replicas.hear()
    for shop in replicas.both:
        assert "p1" in await shown(shop)


async def test_a_new_item_has_similar_ones_and_can_be_asked_for_on_every_replica(replicas: Replicas) -> None:
    assert (await replicas.here.call("GET", "/v1/items/fresh/similar")).status == 404
    said = {"title": "Product 4", "categories": ["dairy", "dairy-0"], "brand": "brand0", "price": 5.0}
    await put(replicas.here, "fresh", **said)
    replicas.hear()
    for shop in replicas.both:
        reply = await shop.call("GET", "/v1/items/fresh/similar?limit=1")
        assert (reply.json["source"], items_of(reply)) == ("neighbours", ["p4"])
        assert items_of(await shop.call("POST", "/v1/rank", {"user_id": "ada", "items": ["fresh"]})) == ["fresh"]
        assert "fresh" in await shown(shop, session_items=["p0"])


async def test_another_category_is_asked_for_by_the_new_name(replicas: Replicas) -> None:
    await put(replicas.here, "p1", title="Product 1", categories=["hats"], price=2.0)
    replicas.hear()
    for shop in replicas.both:
        assert await shown(shop, categories=["hats"]) == ["p1"]


async def test_caches_that_go_by_version_have_another_one_and_both_replicas_the_same(replicas: Replicas) -> None:
    before = cache_version(replicas.here.edge, "shop")
    assert before == cache_version(replicas.there.edge, "shop")
    await put(replicas.here, "p1", available=False)
    replicas.hear()
    after = {cache_version(shop.edge, "shop") for shop in replicas.both}
    assert len(after) == 1 and before not in after


async def test_a_log_that_is_away_delays_the_others_and_fails_nobody(replicas: Replicas) -> None:
    replicas.here.log.away = True
    await put(replicas.here, "p1", available=False)
    assert "p1" not in await shown(replicas.here)
    assert "p1" in await shown(replicas.there)
    replicas.there.items.missed()
    replicas.there.items.work()
    assert "p1" not in await shown(replicas.there)


async def test_rules_speak_of_the_items_as_they_are_now(replicas: Replicas) -> None:
    text = "version: 1\nrules: [{name: cheap, filter: drop, items: {price: {above: 50}}}]\n"
    activate_document(replicas.here.durable, "shop", RULES, text, parse_rules, T0)
    for shop in replicas.both:
        shop.live.refresh()
        assert "p1" in await shown(shop)
    await put(replicas.here, "p1", title="Product 1", price=99.0)
    replicas.hear()
    for shop in replicas.both:
        assert "p1" not in await shown(shop)


async def test_replies_are_for_this_tenant_only(replicas: Replicas) -> None:
    reply = await replicas.here.call("PUT", "/v1/items/p1", {"available": False}, key="other-key")
    assert reply.status == 200
    replicas.hear()
    for shop in replicas.both:
        assert "p1" in await shown(shop)
