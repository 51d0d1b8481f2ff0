"""Cohorts behind the real Varnish and nginx: shared among those who are alike, never anything of a person, stale while the edge
is away, forgotten when told to.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from deployments.edge.purging import FlipPurges, keys_of, purge
from deployments.edge.surrogate_keys import kind_key, tenant_key
from rayce.documents import RULES, SLOTS, activate_document
from rayce.generations import generation_name
from rayce.rules.rule_set import parse_rules
from rayce.segments.tally import Tally
from rayce.settings import CdnSettings
from rayce.slots.book import parse_slots
from tests.deployments.shop import Shop, shop_settings
from tests.end_to_end.cdn_servers import KEY, Got, Network, Served
from tests.samples import T0

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

REPEAT_BUYER = 3
LEAST = 2
SLOTS_TEXT = """
version: 1
slots:
  - name: hero
    fallback: plain
    variants: [{name: plain, payload: {title: Welcome}}, {name: thanks, payload: {title: Welcome back}}]
    rules: [{name: buyers, show: thanks, audience: {segments: {any: [repeat_buyer]}}}]
"""
DROP_P11 = "version: 1\nrules: [{name: gone, filter: drop, items: {ids: [p11]}}]\n"


class World:
    """Shop, edge, content network. ada and ben have bought often, carl has only looked; dora buys but has not consented."""

    def __init__(self, shop: Shop, edge: Served, network: Network) -> None:
        self.shop, self.edge, self.network = shop, edge, network

    async def fill(self) -> None:
        await self.shop.consent("ada", "ben", "carl")
        bought = [
            {"type": "purchase", "user_id": user, "items": [{"item_id": "p0"}], "timestamp": T0 + n * 1_000}
            for user in ("ada", "ben", "dora")
            for n in range(3)
        ]
        await self.shop.call("POST", "/v1/events", [*bought, {"type": "view", "user_id": "carl"}])
        await self.shop.work_off()
        tally = Tally()
        for _person in range(LEAST):
            tally.change(0, (), 1 << REPEAT_BUYER, (), T0, "shop")
        self.shop.hot.put_status({"segments:0": tally.to_bytes()})
        activate_document(self.shop.durable, "shop", SLOTS, SLOTS_TEXT, parse_slots, T0)
        self.shop.live.refresh()

    async def reco(self, user: str = "", path: str = "/reco/home/3") -> list[str]:
        return items(await self.network.get(path, user))

    async def eventually(self, user: str, wanted: list[str]) -> None:
        """Poll until it is shown; a second is ten times what is promised."""
        until_s = time.monotonic() + 1.0
        while (found := await self.reco(user)) != wanted:
            assert time.monotonic() < until_s, found


def items(got: Got) -> list[str]:
    assert got.status == 200, got
    return [item["item_id"] for item in msgspec.json.decode(got.body)["items"]]


@pytest.fixture
def ttl_s() -> int:
    return 60


@pytest.fixture(params=["varnish", "nginx"])
async def world(request: pytest.FixtureRequest, tmp_path: Path, ttl_s: int) -> AsyncIterator[World]:
    settings = replace(shop_settings(), cdn=CdnSettings(min_cohort=LEAST, ttl_s=ttl_s))
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor, settings)
        shop.publish()
        edge = Served(shop.app)
        network = Network(request.param, edge.port, tmp_path)
        if request.param == "varnish":
            cdn = replace(settings.cdn, purge_urls=(network.url,))
            shop.edge = shop.edge._replace(settings=replace(settings, cdn=cdn))
        await edge.up()
        try:
            await asyncio.to_thread(network.up)
            made = World(shop, edge, network)
            await made.fill()
            edge.hits.clear()
            yield made
        finally:
            await asyncio.to_thread(network.down)
            await edge.down()


async def test_two_people_of_one_cohort_share_one_reply_and_another_cohort_has_its_own(world: World) -> None:
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    made = len(world.edge.content())
    assert await world.reco("ben") == ["p11", "p10", "p9"]
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    assert len(world.edge.content()) == made, "the second was answered from what is kept"
    assert await world.reco("carl") == ["p0", "p1", "p2"]
    assert await world.reco() == ["p0", "p1", "p2"]


async def test_a_hundred_who_come_at_once_are_one_fetch(world: World) -> None:
    found = await asyncio.gather(*(world.reco("ada") for _ in range(100)))
    assert {tuple(ids) for ids in found} == {("p11", "p10", "p9")}
    asked = [hit.path for hit in world.edge.content()]
    assert asked.count("/v1/cohorts/v1.b3/recommendations") == 1, asked


async def test_without_consent_the_reply_is_everybodys_and_nothing_personal_is_kept(world: World) -> None:
    assert await world.reco("dora") == ["p0", "p1", "p2"]
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    await world.shop.consent("ada", personalization=False)
    assert await world.reco("ada") == ["p0", "p1", "p2"], "in force with the very next reply"
    sent = repr(world.edge.content())
    for trace in ("ada", "dora", "theme=dark", "rayce_user", "user-agent", "rayce-address", "x-forwarded-for"):
        assert trace not in sent, "what is shared is asked for without a trace of who asks"
    if world.network.kind == "nginx":
        kept = world.network.kept()
        assert b"p11" in kept, "control: this is what is kept"
        pseudonym = world.shop.person("ada").partition(":")[2].encode()
        assert not any(trace in kept for trace in (b"ada", b"dora", b"rayce_user", b"personal", pseudonym))


async def test_slots_are_decided_for_cohorts(world: World) -> None:
    got = await world.network.get("/decide/hero", "ada")
    assert msgspec.json.decode(got.body)["decisions"]["hero"]["payload"] == {"title": "Welcome back"}
    got = await world.network.get("/decide/hero", "dora")
    assert msgspec.json.decode(got.body)["decisions"]["hero"]["variant"] == "plain"


async def test_a_browser_may_not_share_what_it_gets_and_sees_no_keys(world: World) -> None:
    got = await world.network.get("/reco/home/3", "ada")
    assert got.headers["cache-control"] == "private, no-cache"
    assert not {"surrogate-key", "rayce-cohort", "rayce-cache-version", "vary", "set-cookie"} & got.headers.keys()
    assert b"v1.b3" not in got.body
    again = await world.network.get("/reco/home/3", "ada", If_None_Match=got.headers["etag"])
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("ttl_s", [1])
async def test_stale_is_served_while_the_edge_is_away(world: World, ttl_s: int) -> None:
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    assert await world.reco() == ["p0", "p1", "p2"]
    await world.edge.down()
    await asyncio.sleep(ttl_s * 1.2)
    assert await world.reco() == ["p0", "p1", "p2"]
    assert await world.reco("ada") == ["p0", "p1", "p2"], "whose cohort cannot be told gets what everybody gets"
    assert (await world.network.get("/reco/never/3", "ada")).status in (502, 503), "control: the edge is away"
    await world.edge.up()
    until_s = time.monotonic() + 5
    while await world.reco("ada") != ["p11", "p10", "p9"]:
        assert time.monotonic() < until_s
        await asyncio.sleep(0.05)


async def test_what_is_purged_is_fetched_anew_and_the_rest_stays(world: World) -> None:
    await world.reco("ada"), await world.reco("carl")
    made = len(world.edge.content())
    found = await purge(world.shop.edge, "shop", keys_of("shop", ["p11"]))
    world.shop.live.refresh()
    assert found.failed == {}
    await world.reco("ada")
    anew = len(world.edge.content())
    assert anew > made
    await world.reco("carl")
    if world.network.kind == "varnish":  # nginx's keys have the version of all
        assert len(world.edge.content()) == anew
    await world.reco("ada"), await world.reco("carl")
    kept = len(world.edge.content())
    await purge(world.shop.edge, "shop")
    world.shop.live.refresh()
    await world.reco("carl")
    assert len(world.edge.content()) > kept


async def test_a_new_rule_is_in_force_at_once(world: World) -> None:
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    shop = world.shop
    assert shop.edge.caches is not None
    flips = FlipPurges(shop.edge.settings.cdn.purge_urls, shop.edge.caches.replies, shop.edge.metrics)
    shop.live.watch(flips.changed)
    activate_document(shop.durable, "shop", RULES, DROP_P11, parse_rules, T0)
    shop.live.refresh()
    await world.eventually("ada", ["p10", "p9", "p0"])
    for task in flips.telling:
        task.cancel()


async def test_control_without_being_told_the_old_rule_stays(world: World) -> None:
    if world.network.kind == "nginx":
        pytest.skip("nginx asks for the version with each request")
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    activate_document(world.shop.durable, "shop", RULES, DROP_P11, parse_rules, T0)
    world.shop.live.refresh()
    assert await world.reco("ada") == ["p11", "p10", "p9"]


@pytest.mark.parametrize("ttl_s", [1])
async def test_stale_is_given_once_more_while_a_fresh_one_is_fetched(world: World, ttl_s: int) -> None:
    if world.network.kind == "nginx":
        pytest.skip("a new rule is a new key: nothing stale is left to give")
    await world.reco("ada")
    activate_document(world.shop.durable, "shop", RULES, DROP_P11, parse_rules, T0)
    world.shop.live.refresh()
    await asyncio.sleep(ttl_s * 1.2)
    assert await world.reco("ada") == ["p11", "p10", "p9"]
    await world.eventually("ada", ["p10", "p9", "p0"])


@pytest.mark.parametrize("said", [b"private, no-cache", b"max-age=60", b"s-maxage=60, not-public", b""])
async def test_what_is_not_public_is_never_kept(world: World, said: bytes) -> None:
    world.edge.instead["/recommendations", b"cache-control"] = said
    for n in range(1, 4):
        assert await world.reco("ada") == ["p11", "p10", "p9"]
        assert [hit.path for hit in world.edge.content()].count("/v1/cohorts/v1.b3/recommendations") == n


async def test_an_edge_that_lags_leaves_nothing_old_behind(world: World) -> None:
    """Another replica has told the cohort, with a version that the one that makes the reply does not have yet."""
    if world.network.kind == "varnish":
        pytest.skip("Varnish is told by each replica once it has changed")
    world.edge.instead["/cohort", b"rayce-cache-version"] = b"0123456789ab"
    for n in range(1, 4):
        assert await world.reco("ada") == ["p11", "p10", "p9"]
        assert [hit.path for hit in world.edge.content()].count("/v1/cohorts/v1.b3/recommendations") == n


async def test_personal_calls_are_never_kept(world: World) -> None:
    for path in (
        "/v1/users/ada/recommendations",
        "/v1/users/ada/cohort",
        "/v1/users/ada/segments",
        "/v1/users/ada/consent",
    ):
        world.edge.hits.clear()
        for _ in range(2):
            got = await world.network.get(path, Authorization=f"Bearer {KEY}")
            assert got.status == 200
        assert [hit.path for hit in world.edge.hits] == [path, path]


async def test_the_networks_key_opens_nothing_but_cohorts(world: World) -> None:
    assert (await world.network.get("/v1/users/ada/segments")).status == 401
    assert (await world.network.get("/reco/home/3", method="POST")).status in (403, 405)
    for path in (
        "/reco/../v1/users/ada/profile",
        "/reco/a%2f..",
        "/-/cohort",
        "/-/everybody",
        "/decide/a,b",
        "/reco/home/101",
    ):
        assert (await world.network.get(path)).status in (400, 401, 404), path


async def test_a_visitors_headers_change_nothing_for_others(world: World) -> None:
    forged = {
        "rayce_cohort": "v1.b3",
        "rayce_pass": "content",
        "rayce_what": "x",
        "rayce_whose": "/v1/users/ada/cohort",
        "rayce_cache_version": "0123456789ab",
        "rayce_deadline_ms": "0",
        "rayce_priority": "bulk",
        "Authorization": "Bearer nobody",
        "Origin": "https://elsewhere.example",
        "Cache_Control": "no-cache",
    }
    assert items(await world.network.get("/reco/home/3", **forged)) == ["p0", "p1", "p2"]
    made = len(world.edge.content())
    for _ in range(2):
        assert items(await world.network.get("/reco/home/3", **forged)) == ["p0", "p1", "p2"]
    assert await world.reco() == ["p0", "p1", "p2"]
    assert len(world.edge.content()) == made
    assert not {"rayce-cache-version", "rayce-deadline-ms", "origin"} & world.edge.content()[-1].headers.keys() - (
        {"rayce-cache-version"} if world.network.kind == "nginx" else set()
    )


async def test_only_surrogate_keys_are_taken_and_only_of_ones_own(world: World) -> None:
    if world.network.kind == "nginx":
        pytest.skip("nginx is not told: its keys have the edge's version")
    await world.reco("ada")
    made = len(world.edge.content())
    for headers, status in [
        ({}, 400),
        ({"rayce_purge": 'i-1" || obj.status == 200 && obj.http.x ~ "'}, 400),
        ({"rayce_purge": ".*"}, 400),
        ({"rayce_tenant": tenant_key("other")}, 200),
        ({"rayce_tenant": tenant_key("other"), "rayce_purge": kind_key("shop", "shelf")}, 200),
    ]:
        assert (await world.network.get("/", method="BAN", **headers)).status == status, headers
    await world.reco("ada")
    assert len(world.edge.content()) == made
    assert (await world.network.get("/", method="BAN", rayce_purge=kind_key("shop", "shelf"))).status == 200
    await world.reco("ada")
    assert len(world.edge.content()) == made + 1


def test_the_generations_of_these_tests_are_the_shops() -> None:
    assert generation_name("shop", "purge") == "shop/purge"
