"""Recommendations with rules, reasons, a cache and a log: what holds whatever rung the reply stands on."""

from collections.abc import Callable
from random import Random

import pytest

from deployments.edge.caches import make_caches
from deployments.edge.server import Server
from rayce.documents import RULES, activate_document
from rayce.pseudonym import digest_of
from rayce.rules.rule_set import parse_rules
from tests.deployments.edge.test_ladder import RUNGS
from tests.deployments.shop import Shop, broken, items_of
from tests.samples import T0
from tests.shops import ITEMS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient")]

IDS = {item.item_id for item in ITEMS}


def activate(shop: Shop, *rules: str) -> None:
    """Make rules live."""
    text = "version: 1\nrules:\n" + "\n".join(f"  - {rule}" for rule in rules)
    activate_document(shop.durable, "shop", RULES, text, parse_rules, T0)
    shop.live.refresh()


@pytest.fixture
async def ada(shop: Shop) -> Shop:
    """A user who allows everything and has looked around."""
    await shop.consent("ada")
    await shop.act("view", "p6", timestamp=T0 - 30 * 86_400_000)
    return shop


@pytest.mark.parametrize("rung", RUNGS)
async def test_a_filter_holds_on_every_rung(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    first, second, *_rest = items_of(await ada.recommend())
    activate(ada, f"{{name: gone, filter: drop, items: {{ids: [{first}]}}}}")
    reply = await ada.recommend(explain=True)
    assert reply.json["served"] == rung
    assert first not in items_of(reply) and second in items_of(reply)


@pytest.mark.parametrize("rung", RUNGS)
async def test_a_pin_stands_where_it_was_put_on_every_rung_and_says_why(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    await ada.recommend()
    activate(ada, "{name: ours, pin: {items: [p11], position: 2}}")
    reply = await ada.recommend(explain=True, limit=3)
    assert (reply.json["served"], items_of(reply)[1]) == (rung, "p11")
    assert reply.json["items"][1]["rules"] == ["ours"]


@pytest.mark.parametrize("rung", RUNGS)
async def test_a_pin_does_not_bring_back_what_was_bought_or_excluded(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    await ada.recommend()
    activate(ada, "{name: ours, pin: {items: [p11, p10], position: 1}}")
    await ada.act("purchase", "p11")
    reply = await ada.recommend(exclude=["p10"])
    assert not {"p10", "p11"} & set(items_of(reply)) and items_of(reply)


async def test_a_rule_for_an_audience_is_for_it_alone(ada: Shop) -> None:
    activate(ada, "{name: phones, audience: {context: {device: [phone]}}, pin: {items: [p11], position: 1}}")
    body = {"user_id": "ada", "limit": 3}
    phone = await ada.call("POST", "/v1/recommendations", body | {"context": {"device": "phone"}})
    desk = await ada.call("POST", "/v1/recommendations", body | {"context": {"device": "desktop"}})
    assert (items_of(phone)[0], "p11" in items_of(desk)) == ("p11", False)


async def test_who_asks_for_reasons_gets_source_scores_and_rules(ada: Shop) -> None:
    activate(ada, "{name: more of it, boost: 3, items: {ids: [p2]}}")
    plain, told = await ada.recommend(), await ada.recommend(explain=True)
    assert set(plain.json["items"][0]) == {"item_id", "score"}
    row = next(item for item in told.json["items"] if item["item_id"] == "p2")
    assert row["rules"] == ["more of it"] and row["after_rules"] > row["score"] and row["source"]


async def test_reasons_are_not_for_a_key_that_pages_hold(ada: Shop) -> None:
    for path, body in (("/v1/recommendations", {}), ("/v1/rank", {"items": ["p1"]})):
        plain = await ada.call("POST", path, {"user_id": "ada", **body}, key="browser-key")
        told = await ada.call("POST", path, {"user_id": "ada", "explain": True, **body}, key="browser-key")
        assert (plain.status, told.status, told.json["key"]) == (200, 403, "explain")


@pytest.mark.parametrize("ranker", [None, broken])
async def test_the_callers_own_items_come_back_in_order_each_of_them_once(
    ada: Shop, ranker: Callable[..., object] | None
) -> None:
    await ada.act("purchase", "p3")
    if ranker is not None:
        ada.ranker = ranker  # type: ignore[assignment]
    body = {"user_id": "ada", "items": ["p9", "p3", "nothing", "p1", "p9"]}
    reply = await ada.call("POST", "/v1/rank", body)
    assert reply.status == 200
    assert items_of(reply) == ["p1", "p9"], "by popularity"
    assert reply.json["left_out"] == ["p3", "nothing"]
    assert reply.json["served"] == ("live" if ranker is None else "global")


async def test_more_items_than_candidates_are_ranked_all(ada: Shop) -> None:
    many = [f"x{n}" for n in range(300)]
    reply = await ada.call("POST", "/v1/rank", {"user_id": "ada", "items": [*many, *sorted(IDS)]})
    assert set(items_of(reply)) | set(reply.json["left_out"]) == IDS | set(many)


async def test_what_was_shown_is_told_once_and_under_the_id_of_the_reply(ada: Shop) -> None:
    reply = await ada.recommend(slot="home")
    told = ada.edge.decisions._waiting[-1]
    assert (told.kind, told.decision_id, told.slot, told.rung) == (
        "recommendation",
        reply.json["decision_id"],
        "home",
        "live",
    )
    assert [item.item_id for item in told.shown] == items_of(reply)
    assert told.person == ada.person("ada") and told.policy_id.startswith("default@")


async def test_of_who_allows_nothing_nothing_personal_is_told(ada: Shop) -> None:
    await ada.recommend("nobody")
    told = ada.edge.decisions._waiting[-1]
    assert (told.person, told.bits, told.purposes) == ("", "", 0) and told.shown


@pytest.fixture
def cached(ada: Shop) -> Shop:
    """With a cache that hears."""
    ada.edge = ada.edge._replace(
        caches=make_caches(ada.settings.cache, ada.edge.metrics, lambda: 0.0, Random(1).random)
    )
    assert ada.edge.caches is not None
    ada.edge.caches.bus.hears(True)
    ada.app = Server(ada.edge).app()
    return ada


async def test_who_asks_again_gets_the_same_reply_until_something_changes(cached: Shop) -> None:
    assert cached.edge.caches is not None
    first, again = await cached.recommend(), await cached.recommend()
    assert [reply.headers["rayce-cache"] for reply in (first, again)] == ["miss", "hit"]
    assert first.json == again.json
    assert len([one for one in cached.edge.decisions._waiting if one.kind == "recommendation"]) == 1
    cached.edge.caches.bus.told(digest_of(cached.person("ada")))
    assert (await cached.recommend()).headers["rayce-cache"] == "miss"


async def test_other_circumstances_other_wishes_and_other_people_have_replies_of_their_own(cached: Shop) -> None:
    await cached.consent("bob")
    for wish in ({}, {"slot": "cart"}, {"limit": 3}, {"exclude": ["p1"]}, {"context": {"country": "DE"}}):
        assert (await cached.recommend(**wish)).headers["rayce-cache"] == "miss"
    assert (await cached.recommend("bob")).headers["rayce-cache"] == "miss"


async def test_while_the_bus_is_deaf_nothing_personal_is_kept(cached: Shop) -> None:
    assert cached.edge.caches is not None
    await cached.recommend()
    cached.edge.caches.bus.hears(False)
    assert [(await cached.recommend()).headers["rayce-cache"] for _ in range(2)] == ["bypass"] * 2


async def test_a_reply_below_live_is_not_kept(cached: Shop) -> None:
    ranker, cached.ranker = cached.ranker, broken  # type: ignore[assignment]
    assert (await cached.recommend()).json["served"] == "global"
    cached.ranker = ranker
    while (await cached.recommend()).json["served"] != "live":
        pass
    assert (await cached.recommend()).headers["rayce-cache"] == "hit"


async def test_who_has_it_already_is_told_so(cached: Shop) -> None:
    path = "/v1/users/ada/recommendations"
    first = await cached.call("GET", path)
    assert first.headers["cache-control"] == "private, no-cache"
    again = await cached.call("GET", path, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert (await cached.call("GET", path, if_none_match='"other"')).status == 200


async def test_a_replica_that_is_cut_off_goes_on_and_says_how_old_its_knowledge_is(
    ada: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "rayce-knowledge-age" not in (await ada.recommend()).headers
    monkeypatch.setattr(ada.live, "age_s", lambda: 400.0)
    reply = await ada.recommend()
    assert (reply.headers["rayce-knowledge-age"], bool(items_of(reply))) == ("400", True)
    monkeypatch.setattr(ada.live, "age_s", lambda: None)
    assert (await ada.recommend()).headers["rayce-knowledge-age"] == "unknown"
