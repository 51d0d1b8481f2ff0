"""Similar items and what is trending: from the live shelf and top lists, never another tenant's, and always saying which."""

import pytest

from deployments.edge.surrogate_keys import item_key, surrogate_keys
from rayce.errors import InvalidArtifact
from rayce.generations import generation_name
from rayce.item import Item
from rayce.item_words import load_shelf
from rayce.shelf import NOTHING, Popular, Shelf
from tests.deployments.shop import Shop, items_of
from tests.shops import ITEMS, POPULAR, make_shelf, with_kinds

pytestmark = pytest.mark.anyio

TRENDING = {
    "": [("p3", 9.0), ("p4", 8.0), ("p0", 7.0)],
    "segment:repeat_buyer": [("p5", 3.0), ("p6", 2.0)],
    "country:DE": [("p7", 5.0)],
}


def put_live(shop: Shop, shelf: Shelf | None = None, popular: Popular | None = None) -> None:
    made = {
        "shelf": None if shelf is None else shelf.to_files(),
        "popular": None if popular is None else popular.to_files(),
    }
    for kind, files in made.items():
        if files is not None:
            name = generation_name("shop", kind)
            shop.durable.make_live(name, shop.durable.publish(name, files))
    shop.live.refresh()


def with_trends() -> Popular:
    return Popular(POPULAR.everybody, POPULAR.segments, TRENDING)


async def test_similar_items_are_the_neighbours_best_first(shop: Shop) -> None:
    reply = await shop.call("GET", "/v1/items/p0/similar")
    assert (reply.status, reply.json["source"], items_of(reply)) == (200, "neighbours", ["p1", "p2"])
    assert items_of(await shop.call("GET", "/v1/items/p0/similar?limit=1")) == ["p1"]


async def test_a_cold_item_gets_what_is_popular_in_its_group_and_the_reply_says_so(shop: Shop) -> None:
    """The last product has no neighbours; its group holds two more."""
    reply = await shop.call("GET", "/v1/items/p11/similar")
    assert (reply.json["source"], items_of(reply)) == ("group", ["p5"])


async def test_an_item_alone_in_its_group_gets_what_is_popular(shop: Shop) -> None:
    put_live(shop, make_shelf([*ITEMS, Item("lonely", categories=("hats", "berets"))]))
    reply = await shop.call("GET", "/v1/items/lonely/similar?limit=2")
    assert (reply.json["source"], items_of(reply)) == ("popular", ["p0", "p1"])


async def test_a_neighbour_that_is_not_available_is_not_shown(shop: Shop) -> None:
    shelf = make_shelf([*ITEMS[:1], Item("p1", available=False), *ITEMS[2:]])
    put_live(shop, shelf)
    assert items_of(await shop.call("GET", "/v1/items/p0/similar")) == ["p2"]
    put_live(shop, make_shelf([*ITEMS[:1], *(Item(f"p{n}", available=False) for n in (1, 2)), *ITEMS[3:]]))
    assert (await shop.call("GET", "/v1/items/p0/similar")).json["source"] != "neighbours"


@pytest.mark.parametrize("target, key", [("nothing", "shop-key"), ("p0", "other-key")])
async def test_an_item_that_the_tenant_has_not_is_not_found(shop: Shop, target: str, key: str) -> None:
    reply = await shop.call("GET", f"/v1/items/{target}/similar", key=key)
    assert (reply.status, reply.json["key"], reply.json["value"]) == (404, "item_id", target)


@pytest.mark.parametrize(
    "query, of, first",
    [
        ("", "everybody", "p3"),
        ("?segment=repeat_buyer", "segment", "p5"),
        ("?country=DE", "country", "p7"),
        ("?segment=nobody_is_in_it&country=DE", "country", "p7"),
        ("?segment=repeat_buyer&country=DE", "segment", "p5"),
        ("?country=FR", "everybody", "p3"),
        ("?category=bakery", "everybody", "p3"),
        ("?country=DE&category=dairy", "country", "p7"),
        ("?segment=repeat_buyer&category=dairy", "everybody", "p4"),
        ("?category=garden-0", "popular", "p2"),
    ],
)
async def test_the_narrowest_list_that_there_is_answers_and_says_which(
    shop: Shop, query: str, of: str, first: str
) -> None:
    put_live(shop, popular=with_trends())
    reply = await shop.call("GET", f"/v1/trending{query}")
    assert (reply.status, reply.json["of"], items_of(reply)[0]) == (200, of, first)


async def test_lists_of_before_there_were_trends_still_answer(shop: Shop) -> None:
    reply = await shop.call("GET", "/v1/trending?country=DE&limit=3")
    assert (reply.json["of"], items_of(reply)) == ("popular", ["p0", "p1", "p2"])


async def test_where_nothing_is_live_or_nothing_fits_the_list_is_empty(shop: Shop) -> None:
    assert (await shop.call("GET", "/v1/trending?category=hats")).json["items"] == []
    reply = await shop.call("GET", "/v1/trending", key="other-key")
    assert (reply.status, reply.json["items"]) == (200, [])


async def test_both_answer_while_every_store_and_replica_is_away(shop: Shop) -> None:
    shop.hot.away = shop.durable.away = True
    assert (await shop.call("GET", "/v1/items/p0/similar")).status == 200
    assert (await shop.call("GET", "/v1/trending")).status == 200


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "country=de", "colour=red", "segment=" + "x" * 65]
)
async def test_a_wrong_question_is_refused_by_name(shop: Shop, query: str) -> None:
    reply = await shop.call("GET", f"/v1/trending?{query}")
    assert (reply.status, reply.json["key"]) in [(422, query.partition("=")[0]), (422, "query")]


async def test_replies_name_what_they_hold_by_hashes(shop: Shop) -> None:
    keys = (await shop.call("GET", "/v1/items/p0/similar")).headers["surrogate-key"].split()
    assert item_key("shop", "p1") in keys and item_key("shop", "p9") not in keys
    assert f"shelf-{shop.durable.live()['shop/shelf']}" in keys


def test_the_same_item_of_two_tenants_has_two_keys_and_odd_ids_are_keys_too() -> None:
    assert item_key("a", "p") != item_key("b", "p")
    assert surrogate_keys("shop", [("shelf", 3)], ["a b\n", "\ud800", "ä"]).isascii()
    assert len(surrogate_keys("shop", [], ["a b\n", "\ud800"]).split()) == 3


def test_the_shelf_of_these_tests_has_an_item_without_neighbours() -> None:
    shelf = make_shelf()
    assert (shelf.neighbours[shelf.number["p11"]] == NOTHING).all()


async def test_categories_and_brands_lead_to_others_the_best_first(shop: Shop) -> None:
    shelf: Shelf = shop.live.get("shop", "shelf").value  # type: ignore[union-attr]
    for of, names in (("category", shelf.groups), ("brand", shelf.brands)):
        for at, name in enumerate(names):
            reply = await shop.call("GET", f"/v1/affinities?{of}={name}")
            near = [{"name": names[(at + n) % len(names)], "score": score} for n, score in ((1, 0.5), (2, 0.25))]
            assert (reply.status, reply.json) == (200, {"of": of, "name": name, "near": near})
            assert "shelf-1" in reply.headers["surrogate-key"]
    assert len((await shop.call("GET", f"/v1/affinities?brand={shelf.brands[0]}&limit=1")).json["near"]) == 1


@pytest.mark.parametrize("key", ["shop-key", "other-key"])
async def test_a_kind_that_nobody_knows_leads_nowhere(shop: Shop, key: str) -> None:
    """`other` has no shelf at all, and sees nothing of the shop's."""
    name = "brand0" if key == "other-key" else "nothing"
    reply = await shop.call("GET", f"/v1/affinities?brand={name}", key=key)
    assert (reply.status, reply.json["near"]) == (200, [])


@pytest.mark.parametrize("query", ["", "category=a&brand=b", "brand=", "colour=red"])
async def test_one_kind_is_asked_for(shop: Shop, query: str) -> None:
    assert (await shop.call("GET", f"/v1/affinities?{query}")).status == 422


async def test_a_category_that_came_into_the_catalogue_since_leads_nowhere_yet(shop: Shop) -> None:
    reply = await shop.call("PUT", "/v1/items", [{"item_id": "n1", "categories": ["toys", "toys-0"], "brand": "acme"}])
    assert reply.status == 200
    for query in ("category=toys-0", "brand=acme"):
        reply = await shop.call("GET", f"/v1/affinities?{query}")
        assert (reply.status, reply.json["near"]) == (200, [])


def test_a_shelf_whose_kinds_are_damaged_is_refused() -> None:
    files = with_kinds(make_shelf()).to_files()
    assert load_shelf(files).kinds is not None and load_shelf(make_shelf().to_files()).kinds is None
    smaller = with_kinds(make_shelf(ITEMS[:4])).to_files()
    for parts in (b"x", smaller["parts.npz"]):
        with pytest.raises(InvalidArtifact):
            load_shelf({**files, "parts.npz": parts})
