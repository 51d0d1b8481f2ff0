"""Cohorts at the edge: who is in which, what a cohort gets, what caches are told, and how all of it is forgotten."""

import asyncio
from collections.abc import Sequence
from typing import get_type_hints

import pytest
from msgspec.structs import replace

from deployments.edge.conditional import Cohort, Personal, caching_headers, shared_headers
from deployments.edge.purging import FlipPurges, keys_of, purge
from deployments.edge.surrogate_keys import item_key, kind_key, slot_key, tenant_key
from rayce.documents import RULES, SLOTS, activate_document
from rayce.errors import InvalidInput, Unavailable
from rayce.flip import decode_flip
from rayce.generations import generation_name
from rayce.item import Item
from rayce.rules.rule_set import parse_rules
from rayce.segments.tally import Tally
from rayce.settings import CdnSettings
from rayce.shelf import Popular
from rayce.slots.book import parse_slots
from rayce.stores.interfaces import MODELS
from tests.cluster.stream.world import PARTITIONS
from tests.deployments.shop import Shop, items_of, shop_settings
from tests.samples import T0
from tests.shops import ITEMS, POPULAR, make_shelf

pytestmark = pytest.mark.anyio

REPEAT_BUYER, BIG_BASKET = 3, 4
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"
RULES_TEXT = """
version: 1
rules:
  - {name: phones, filter: drop, items: {ids: [p0]}, audience: {context: {device: [phone]}}}
  - {name: baskets, pin: {items: [p8], position: 1}, audience: {segments: {any: [big_basket]}}}
"""
SLOTS_TEXT = """
version: 1
slots:
  - name: hero
    fallback: plain
    variants: [{name: plain}, {name: thanks, payload: {title: Thanks}}]
    rules:
      - {name: buyers, show: thanks, audience: {segments: {any: [repeat_buyer]}}}
      - {name: test, experiment: half}
    experiments: [{name: half, arms: [{variant: plain}, {variant: thanks}]}]
"""


@pytest.fixture
async def buyers(shop: Shop) -> Shop:
    """ada has bought three times for much money and is one of 100; ben has not consented; sizes are known."""
    await shop.consent("ada")
    for user in ("ada", "ben"):
        lines = [{"item_id": "p0", "price": 50.0}]
        events = [
            {"type": "purchase", "user_id": user, "items": lines, "timestamp": T0 + n * 100_000} for n in range(3)
        ]
        assert (await shop.call("POST", "/v1/events", events)).status == 202
    await shop.work_off()
    shop.now_ms = T0 + 300_000
    tell_sizes(shop, 100, 100)
    return shop


def tell_sizes(shop: Shop, repeat_buyers: int, of_them_big_baskets: int) -> None:
    tally = Tally()
    for n in range(repeat_buyers):
        tally.change(0, (), 1 << REPEAT_BUYER | (n < of_them_big_baskets) << BIG_BASKET, (), T0, "shop")
    shop.hot.put_status({"segments:0": tally.to_bytes()})


def activate(shop: Shop, rules: str = RULES_TEXT, slots: str = SLOTS_TEXT) -> None:
    activate_document(shop.durable, "shop", RULES, rules, parse_rules, T0)
    activate_document(shop.durable, "shop", SLOTS, slots, parse_slots, T0)
    shop.live.refresh()


async def cohort(shop: Shop, user: str = "ada", **headers: str) -> str:
    reply = await shop.call("GET", f"/v1/users/{user}/cohort", **headers)
    assert reply.status == 200, reply
    assert reply.headers["rayce-cohort"] == reply.json["cohort"]
    assert reply.headers["cache-control"] == "private, no-cache"
    found: str = reply.json["cohort"]
    return found


class TestWhich:
    async def test_a_cohort_has_the_segments_that_something_depends_on(self, buyers: Shop) -> None:
        assert await cohort(buyers) == f"v1.b{REPEAT_BUYER}", "it has a list of its own"
        activate(buyers)
        assert await cohort(buyers) == f"v1.b{REPEAT_BUYER}-{BIG_BASKET}"

    async def test_who_has_not_consented_is_in_the_cohort_of_the_circumstances(self, buyers: Shop) -> None:
        activate(buyers)
        reply = await buyers.call("GET", "/v1/users/ben/cohort", user_agent=PHONE)
        assert reply.json == {"cohort": "v1.device-phone", "served": "live", "personal": False}
        await buyers.consent("ada", personalization=False)
        assert await cohort(buyers) == "v1"

    async def test_somebody_without_a_name_is_too(self, buyers: Shop) -> None:
        activate(buyers)
        reply = await buyers.call("GET", "/v1/cohort", user_agent=PHONE, accept_language="de")
        assert reply.json["cohort"] == "v1.device-phone", "no rule asks for the language"

    @pytest.mark.parametrize(("repeat", "both", "token"), [(99, 0, "v1"), (100, 99, "v1.b3"), (100, 100, "v1.b3-4")])
    async def test_a_segment_that_is_too_small_by_itself_or_with_another_is_left_out(
        self, buyers: Shop, repeat: int, both: int, token: str
    ) -> None:
        activate(buyers)
        tell_sizes(buyers, repeat, both)
        assert await cohort(buyers) == token

    async def test_while_sizes_are_not_known_nobody_is_told_apart(self, buyers: Shop) -> None:
        buyers.hot.put_status({"segments:0": b"?"})
        assert await cohort(buyers) == "v1"

    async def test_while_every_store_is_away_it_is_the_circumstances(self, buyers: Shop) -> None:
        buyers.hot.away = buyers.durable.away = True
        reply = await buyers.call("GET", "/v1/users/ada/cohort")
        assert (reply.status, reply.json) == (200, {"cohort": "v1", "served": "global", "personal": False})

    async def test_a_pages_key_may_not_ask_who_is_in_what(self, shop: Shop) -> None:
        for path in ("/v1/users/ada/cohort", "/v1/cohort", "/v1/cohorts/v1.b3/decisions?slots=hero"):
            assert (await shop.call("GET", path, key="browser-key")).status == 403


class TestItems:
    async def test_the_segments_list_comes_first_then_everybodys(self, shop: Shop) -> None:
        reply = await shop.call("GET", "/v1/cohorts/v1.b3/recommendations?limit=5")
        assert (reply.json["served"], reply.headers["rayce-served"]) == ("segment", "segment")
        assert items_of(reply) == ["p11", "p10", "p9", "p0", "p1"]
        assert items_of(await shop.call("GET", "/v1/cohorts/v1/recommendations?limit=2")) == ["p0", "p1"]

    async def test_a_country_has_its_own(self, shop: Shop) -> None:
        name = generation_name("shop", "popular")
        popular = Popular(POPULAR.everybody, POPULAR.segments, {"country:DE": [("p7", 5.0)]})
        shop.durable.make_live(name, shop.durable.publish(name, popular.to_files()))
        shop.live.refresh()
        assert items_of(await shop.call("GET", "/v1/cohorts/v1.country-DE/recommendations?limit=2")) == ["p7", "p0"]

    async def test_rules_hold_for_the_cohorts_segments_and_words(self, shop: Shop) -> None:
        activate(shop)
        for token, shown in {
            "v1": ["p0", "p1"],
            "v1.device-phone": ["p1", "p2"],
            "v1.b4": ["p8", "p0"],
            "v1.b4.device-phone": ["p8", "p1"],
        }.items():
            assert items_of(await shop.call("GET", f"/v1/cohorts/{token}/recommendations?limit=2")) == shown, token

    async def test_what_is_not_available_is_not_shown(self, shop: Shop) -> None:
        name = generation_name("shop", "shelf")
        shelf = make_shelf([Item("p0", available=False), *ITEMS[1:]])
        shop.durable.make_live(name, shop.durable.publish(name, shelf.to_files()))
        shop.live.refresh()
        assert items_of(await shop.call("GET", "/v1/cohorts/v1/recommendations?limit=2")) == ["p1", "p2"]

    async def test_it_is_answered_while_every_store_and_replica_is_away(self, shop: Shop) -> None:
        shop.hot.away = shop.durable.away = True
        assert items_of(await shop.call("GET", "/v1/cohorts/v1.b3/recommendations?limit=1")) == ["p11"]
        reply = await shop.call("GET", "/v1/cohorts/v1/recommendations", key="other-key")
        assert (reply.status, reply.json["items"]) == (200, [])

    async def test_nothing_of_the_request_but_its_address_matters(self, shop: Shop) -> None:
        activate(shop)
        path = "/v1/cohorts/v1/recommendations"
        plain = await shop.call("GET", path)
        other = await shop.call("GET", path, user_agent=PHONE, cookie="a=b", rayce_address="1.2.3.4", sec_gpc="1")
        assert plain.body == other.body
        assert {n: v for n, v in plain.headers.items() if n != "server-timing"} == {
            n: v for n, v in other.headers.items() if n != "server-timing"
        }

    @pytest.mark.parametrize("token", ["v2", "v1.b999", "v1.b4-3", "v1.colour-red", "x" * 201])
    async def test_a_token_that_is_none_is_refused_by_name(self, shop: Shop, token: str) -> None:
        reply = await shop.call("GET", f"/v1/cohorts/{token}/recommendations")
        assert (reply.status, reply.json["key"]) == (422, "cohort")


class TestDecisions:
    async def test_slots_are_decided_by_rules_and_nobody_is_in_an_experiment(self, shop: Shop) -> None:
        activate(shop)
        reply = await shop.call("GET", "/v1/cohorts/v1.b3/decisions?slots=hero,none")
        assert reply.json["decisions"]["hero"]["payload"] == {"title": "Thanks"}
        assert reply.json["decisions"]["none"]["reason"] == "unknown"
        reply = await shop.call("GET", "/v1/cohorts/v1/decisions?slots=hero")
        assert reply.json["decisions"]["hero"]["reason"] == "fallback"

    @pytest.mark.parametrize("query", ["", "?slots=", "?slots=a,,b", "?slots=" + ",".join(["a"] * 21), "?slots=a%20b"])
    async def test_a_wrong_question_is_refused(self, shop: Shop, query: str) -> None:
        assert (await shop.call("GET", f"/v1/cohorts/v1/decisions{query}")).status == 422


class TestWhatCachesAreTold:
    async def test_a_cohorts_reply_may_be_shared_and_is_known_by_what_is_in_it(self, shop: Shop) -> None:
        activate(shop)
        path = "/v1/cohorts/v1/recommendations?slot=home&limit=2"
        reply = await shop.call("GET", path)
        assert reply.headers["cache-control"] == (
            "public, max-age=0, s-maxage=60, stale-while-revalidate=60, stale-if-error=86400"
        )
        assert reply.headers["vary"] == "authorization"
        keys = reply.headers["surrogate-key"].split()
        number = shop.durable.live()["shop/rules"]
        wanted = {tenant_key("shop"), slot_key("shop", "home"), item_key("shop", "p0"), item_key("shop", "p1")}
        wanted |= {kind_key("shop", kind) for kind in ("shelf", "popular", "rules")} | {f"rules-{number}"}
        assert wanted <= set(keys)
        assert not {item_key("shop", "p2"), slot_key("shop", "x"), kind_key("shop", "slots")} & set(keys)
        again = await shop.call("GET", path, if_none_match=reply.headers["etag"])
        assert (again.status, again.headers["surrogate-key"]) == (304, reply.headers["surrogate-key"])

    def test_only_a_cohorts_reply_can_be_made_public(self) -> None:
        assert get_type_hints(shared_headers)["kind"] is Cohort
        with pytest.raises(TypeError, match="Personal"):
            shared_headers(Personal(), b"")  # type: ignore[arg-type]
        assert b"public" in dict(shared_headers(Cohort(1), b""))[b"cache-control"], "control"
        assert b"public" not in dict(caching_headers(Personal(), b""))[b"cache-control"]

    async def test_no_reply_about_a_person_is_public(self, buyers: Shop) -> None:
        for route in ("segments", "profile", "recommendations", "consent", "cohort"):
            reply = await buyers.call("GET", f"/v1/users/ada/{route}")
            assert reply.status == 200 and "public" not in reply.headers.get("cache-control", ""), route

    async def test_the_version_changes_with_what_replies_are_made_from_and_with_nothing_else(self, shop: Shop) -> None:
        async def version(key: str = "shop-key") -> str:
            return (await shop.call("GET", "/v1/cohort", key=key)).headers["rayce-cache-version"]

        seen = [await version()]
        assert await version("other-key") not in seen
        for kind, changes in {"lists": False, "popular": True, "rules": True, "purge": True}.items():
            name = generation_name("shop", kind)
            files = {"popular": POPULAR.to_files(), "rules": {}}.get(kind, {})
            if kind == "rules":
                activate_document(shop.durable, "shop", RULES, RULES_TEXT, parse_rules, T0)
            else:
                shop.durable.make_live(name, shop.durable.publish(name, files))
            shop.live.refresh()
            assert (await version() not in seen) is changes, kind
            seen.append(await version())

    async def test_a_replica_with_another_version_answers_but_lets_nobody_keep_it(self, shop: Shop) -> None:
        path = "/v1/cohorts/v1/recommendations"
        own = (await shop.call("GET", path)).headers["rayce-cache-version"]
        ours = await shop.call("GET", path, rayce_cache_version=own)
        others = await shop.call("GET", path, rayce_cache_version="000000000000")
        assert ours.headers["cache-control"].startswith("public")
        assert others.headers["cache-control"] == "private, no-cache" and others.body == ours.body


class Networks:
    """Content networks that note what they are told; those in `deaf` fail."""

    def __init__(self, *deaf: str) -> None:
        self.told: list[tuple[str, str, tuple[str, ...]]] = []
        self._deaf = deaf

    async def __call__(self, url: str, tenant: str, keys: Sequence[str]) -> str:
        self.told.append((url, tenant, tuple(keys)))
        return "deaf" if url in self._deaf else ""


def with_networks(shop: Shop, *urls: str) -> Shop:
    settings = replace(shop_settings(), cdn=CdnSettings(purge_urls=urls))
    shop.edge = shop.edge._replace(settings=settings)
    return shop


class TestPurge:
    async def test_edges_and_networks_are_told_and_who_could_not_be_is_named(self, shop: Shop) -> None:
        networks = Networks("http://b/")
        keys = keys_of("shop", ["p1"], ["home"])
        found = await purge(with_networks(shop, "http://a/", "http://b/").edge, "shop", keys, networks)
        assert found.failed == {"http://b/": "deaf"}
        expected = (item_key("shop", "p1"), slot_key("shop", "home"))
        assert networks.told == [(url, tenant_key("shop"), expected) for url in ("http://a/", "http://b/")]
        assert shop.durable.live("shop/purge") == {"shop/purge": found.number}
        records = [r for p in range(PARTITIONS) for r in shop.log.read(p, 0, 100, MODELS)]
        flips = [flip for record in records if (flip := decode_flip(record.value))]
        assert [(flip.name, flip.number) for flip in flips] == [("shop/purge", found.number)]
        assert dict(shop.edge.metrics.values("rayce_purges_total")) == {("told",): 1, ("failed",): 1}

    @pytest.mark.parametrize("key", ["", "p1", 'i-1" || 1', "i-1 i-2", "i-1\n", ".*", "I-1"])
    async def test_what_is_no_key_is_refused_and_nobody_is_told(self, shop: Shop, key: str) -> None:
        networks = Networks()
        with pytest.raises(InvalidInput):
            await purge(with_networks(shop, "http://a/").edge, "shop", [key], networks)
        assert networks.told == [] and shop.durable.live("shop/purge") == {}

    async def test_where_it_cannot_be_written_down_it_says_so(self, shop: Shop) -> None:
        shop.durable.away = True
        with pytest.raises(Unavailable):
            await purge(shop.edge, "shop")

    async def test_every_replica_forgets_its_own_replies(self, shop: Shop) -> None:
        assert shop.edge.caches is not None
        replies = shop.edge.caches.replies
        path = "/v1/recommendations"
        await shop.call("POST", path, {})
        assert len(replies) == 1
        flips = FlipPurges((), replies, shop.edge.metrics)
        flips.changed("other/purge")
        assert len(replies) == 1
        flips.changed("shop/purge")
        assert len(replies) == 0

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("shop/rules", kind_key("shop", "rules")),
            ("shop/shelf", kind_key("shop", "shelf")),
            ("_/segment-catalogue", kind_key("_", "segment-catalogue")),
            ("shop/ranker", None),
            ("shop/purge", None),
        ],
    )
    async def test_another_generation_is_told_to_networks_where_replies_depend_on_it(
        self, shop: Shop, name: str, key: str | None
    ) -> None:
        assert shop.edge.caches is not None
        networks = Networks()
        flips = FlipPurges(["http://a/"], shop.edge.caches.replies, shop.edge.metrics, networks)
        flips.changed(name)
        for _ in range(5):
            await asyncio.sleep(0)
        for task in flips.telling:
            task.cancel()
        assert networks.told == ([] if key is None else [("http://a/", "", (key,))])
        keys = (await shop.call("GET", "/v1/cohorts/v1/recommendations")).headers["surrogate-key"].split()
        assert key is None or key in keys
