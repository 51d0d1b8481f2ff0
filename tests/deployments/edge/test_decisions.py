"""`POST /v1/decisions`: consent first, an arm for good, no 5xx for a store's sake, and every decision in the log."""

from typing import Any

import pytest

from deployments.edge.decisions import NOBODY, choose
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.decision import Decision, decode_decision
from rayce.documents import SLOTS, activate_document, roll_back_document
from rayce.slots.book import parse_slots
from rayce.stores.interfaces import DECISIONS
from tests.cluster.stream.world import PARTITIONS
from tests.deployments.asgi import Reply
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

PATH = "/v1/decisions"
PAGE = """
version: 1
slots:
  - name: hero
    fallback: plain
    variants:
      - {name: plain, payload: {title: Welcome}}
      - {name: sale, payload: {title: Sale}}
      - {name: cart, payload: {title: Your cart waits}}
    rules:
      - {name: carts, show: cart, audience: {segments: {any: [cart_engaged]}}}
      - {name: phones, show: sale, audience: {context: {device: [phone]}}}
      - {name: test, experiment: hero_test}
    experiments:
      - {name: hero_test, arms: [{variant: plain}, {variant: sale}]}
  - {name: footer, fallback: plain, variants: [{name: plain}]}
"""
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1"


@pytest.fixture
def page(shop: Shop) -> Shop:
    """The shop with slots; ada has consented by `seen`."""
    activate_document(shop.durable, "shop", SLOTS, PAGE, parse_slots, T0)
    shop.live.refresh()
    return shop


async def decide(shop: Shop, user: str | None = "ada", slot: str = "hero", **more: Any) -> Reply:
    reply = await shop.call("POST", PATH, {"user_id": user, "slots": [slot], **more})
    assert reply.status == 200, reply
    assert reply.headers["rayce-served"] == reply.json["served"]
    return reply


async def shown(shop: Shop, user: str | None = "ada", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await decide(shop, user, **more)).json["decisions"]["hero"]
    return found


async def logged(shop: Shop) -> list[Decision]:
    """Every decision of the log, in order."""
    await shop.edge.decisions.flush()
    records = [r for p in range(PARTITIONS) for r in shop.log.read(p, 0, 10_000, DECISIONS)]
    return sorted((decode_decision(record.value) for record in records), key=lambda one: one.decision_id)


async def test_somebody_who_consents_is_in_one_arm_for_good_with_its_odds(page: Shop) -> None:
    await page.consent("ada")
    first, again = await shown(page), await shown(page)
    assert first["reason"] == "experiment" and first["experiment"] == "hero_test"
    assert (first["variant"], first["propensity"]) == (first["arm"], 0.5)
    assert first["policy_id"] == parse_slots(PAGE).policy
    assert {**first, "decision_id": 0} == {**again, "decision_id": 0}
    assert first["decision_id"] != again["decision_id"]
    await page.consent(*(users := [f"u{n}" for n in range(60)]))
    assert {(await shown(page, user))["arm"] for user in users} == {"plain", "sale"}


async def test_segments_flip_the_variant_with_the_next_event(page: Shop) -> None:
    await page.consent("ada")
    assert (await shown(page))["reason"] == "experiment"
    await page.act("add_to_cart", "p6")
    found = await shown(page)
    assert (found["variant"], found["payload"], found["reason"]) == ("cart", {"title": "Your cart waits"}, "rule")
    page.now_ms = T0 + 10**9  # short-lived: it ends by itself
    assert (await shown(page))["reason"] == "experiment"


async def test_the_moment_asked_for_counts(page: Shop) -> None:
    await page.consent("ada")
    await page.act("add_to_cart", "p6")
    assert (await shown(page, at=T0 + 10**9))["reason"] == "experiment"


@pytest.mark.parametrize("user", [None, "stranger", "denied", "elsewhere"])
async def test_without_consent_circumstances_alone_decide_and_nobody_is_logged(page: Shop, user: str | None) -> None:
    await page.consent("denied", personalization=False, training=True)
    await page.call("PUT", "/v1/users/elsewhere/consent", {"personalization": True}, key="other-key")
    reply = await decide(page, user)
    assert reply.json["personal"] is False and reply.json["served"] == "live"
    found = reply.json["decisions"]["hero"]
    assert (found["variant"], found["reason"], found["arm"], found["propensity"]) == ("plain", "fallback", None, 1.0)
    assert (await shown(page, user, context={"device": "phone"}))["variant"] == "sale"
    records = await logged(page)
    assert len(records) == 2
    assert {(one.person, one.purposes, one.bits, one.experiment) for one in records} == {("", 0, "", "")}


async def test_a_withdrawal_ends_the_experiment_at_once(page: Shop) -> None:
    await page.consent("ada")
    await page.act("add_to_cart", "p6")
    await page.consent("ada", personalization=False)
    assert (await shown(page))["reason"] == "fallback"
    assert [one.person for one in await logged(page)] == [""]


async def test_the_context_comes_from_headers_and_what_the_caller_says_counts_more(page: Shop) -> None:
    sent = {"user_id": None, "slots": ["hero"]}
    reply = await page.call("POST", PATH, sent, user_agent=PHONE)
    assert reply.json["decisions"]["hero"]["variant"] == "sale"
    reply = await page.call("POST", PATH, {**sent, "context": {"device": "desktop"}}, user_agent=PHONE)
    assert reply.json["decisions"]["hero"]["variant"] == "plain"


async def test_what_is_logged_is_what_was_decided(page: Shop) -> None:
    await page.consent("ada", training=True)
    await page.act("login")
    reply = await decide(page, context={"country": "DE", "secret": "ada@example.com"})
    (record,) = await logged(page)
    found = reply.json["decisions"]["hero"]
    assert record.person == page.person("ada")
    assert (record.kind, record.tenant, record.slot, record.at_ms) == ("slot", "shop", "hero", page.now_ms)
    assert (record.decision_id, record.variant, record.arm) == (found["decision_id"], found["variant"], found["arm"])
    assert {arm.arm: arm.propensity for arm in record.arms} == {"plain": 0.5, "sale": 0.5}
    assert (record.propensity, record.policy_id, record.rung) == (0.5, found["policy_id"], "live")
    assert record.purposes == PERSONALIZATION | TRAINING and record.trainable
    assert record.context["country"] == "DE" and "secret" not in record.context
    segments = (await page.call("GET", "/v1/users/ada/segments")).json["bits"]
    assert record.flags == sum(1 << bit for bit in segments) != 0
    assert record.generations == {"slots": 1}


async def test_under_global_privacy_control_nothing_is_for_training(page: Shop) -> None:
    await page.consent("ada", training=True, marketing=True)
    await page.call("POST", PATH, {"user_id": "ada", "slots": ["hero"]}, sec_gpc="1")
    (record,) = await logged(page)
    assert (record.purposes, record.trainable) == (PERSONALIZATION, False)


async def test_many_slots_are_answered_at_once_and_unknown_ones_have_no_variant(page: Shop) -> None:
    reply = await page.call("POST", PATH, {"slots": ["hero", "footer", "sidebar", "hero"]})
    found = reply.json["decisions"]
    assert list(found) == ["hero", "footer", "sidebar"]
    nothing = found["sidebar"]
    assert (nothing["variant"], nothing["payload"], nothing["decision_id"]) == (None, None, None)
    assert (nothing["reason"], nothing["policy_id"]) == ("unknown", found["hero"]["policy_id"])
    assert [one.slot for one in await logged(page)].count("sidebar") == 0


async def test_a_shop_without_slots_has_none(shop: Shop) -> None:
    found = await shown(shop)
    assert (found["variant"], found["reason"], found["policy_id"]) == (None, "unknown", "")
    assert await logged(shop) == []


async def test_another_tenant_has_other_slots(page: Shop) -> None:
    reply = await page.call("POST", PATH, {"slots": ["hero"]}, key="other-key")
    assert reply.json["decisions"]["hero"]["variant"] is None


async def test_a_document_goes_live_and_back_without_a_restart(page: Shop) -> None:
    activate_document(page.durable, "shop", SLOTS, PAGE.replace("Welcome", "Hello"), parse_slots, T0 + 1)
    page.live.refresh()
    assert (await shown(page, None))["payload"] == {"title": "Hello"}
    roll_back_document(page.durable, "shop", SLOTS, parse_slots)
    page.live.refresh()
    assert (await shown(page, None))["payload"] == {"title": "Welcome"}


async def test_the_explanation_names_the_rules_and_what_came_of_them(page: Shop) -> None:
    await page.consent("ada")
    assert "explanation" not in await shown(page)
    why = (await shown(page, explain=True))["explanation"]
    assert [(step["rule"], step["outcome"]) for step in why["steps"]] == [
        ("carts", "audience"),
        ("phones", "audience"),
        ("test", "decided"),
    ]
    assert (why["rule"], [arm["propensity"] for arm in why["arms"]]) == ("test", [0.5, 0.5])


async def test_a_key_for_pages_may_decide_but_not_ask_why(page: Shop) -> None:
    asked = {"slots": ["hero"]}
    assert (await page.call("POST", PATH, asked, key="browser-key")).status == 200
    reply = await page.call("POST", PATH, {**asked, "explain": True}, key="browser-key")
    assert (reply.status, reply.json["key"]) == (403, "$.explain")
    assert (await page.call("POST", PATH, asked, key="sender-key")).status == 403


async def test_stores_that_are_away_make_the_reply_contextual_and_not_an_error(page: Shop) -> None:
    await page.consent("ada")
    page.hot.away = page.durable.away = True
    reply = await decide(page, context={"device": "phone"})
    assert (reply.json["served"], reply.json["personal"]) == ("global", False)
    assert reply.json["decisions"]["hero"]["variant"] == "sale"
    assert (await shown(page))["reason"] == "fallback"
    page.log.away = True
    assert (await shown(page))["variant"] == "plain"
    await page.edge.decisions.flush()
    page.log.away = False
    records = await logged(page)
    assert {(one.person, one.rung) for one in records} == {("", "global")}
    assert len(records) == 3


async def test_a_log_that_is_away_delays_nothing(page: Shop) -> None:
    page.log.away = True
    assert (await shown(page, None))["variant"] == "plain"
    await page.edge.decisions.flush()
    assert page.edge.decisions.waiting == 1


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "$"),
        ({"slots": []}, "$.slots"),
        ({"slots": ["a b"]}, "$.slots[0]"),
        ({"slots": ["hero"], "user_id": ""}, "$.user_id"),
        ({"slots": ["hero"], "surprise": 1}, "$.surprise"),
        ({"slots": ["s"] * 51}, "$.slots"),
    ],
)
async def test_wrong_wishes_are_refused_by_key(page: Shop, body: dict[str, Any], key: str) -> None:
    reply = await page.call("POST", PATH, body)
    assert (reply.status, reply.json["key"]) == (422, key)


async def test_an_impression_with_a_decisions_id_is_logged_as_an_exposure(page: Shop) -> None:
    await page.consent("ada")
    found = await shown(page)
    named = {"decision_id": found["decision_id"], "variant": found["variant"]}
    await page.act("impression", properties=named, context={"slot": "hero"}, event_id="seen-1")
    await page.act("impression", "p1")
    await page.act("impression", user="stranger", properties=named)
    seen = [one for one in await logged(page) if one.kind == "impression"]
    assert [(one.decision_id, one.person, one.slot, one.variant, one.event_id) for one in seen] == [
        (found["decision_id"], page.person("ada"), "hero", found["variant"], "seen-1")
    ]
    assert page.logged()[-2].properties["decision_id"] == found["decision_id"]


async def test_what_many_share_is_chosen_without_being_told(page: Shop) -> None:
    cohort = NOBODY._replace(bits=1 << page.edge.catalogue.by_name["cart_engaged"].bit)
    chosen = choose(page.edge, "shop", ["hero", "sidebar"], (), cohort, T0)
    assert {slot: choice.variant for slot, choice in chosen.by_slot.items()} == {"hero": "cart", "sidebar": None}
    assert (chosen.policy_id, chosen.generation) == (parse_slots(PAGE).policy, 1)
    assert await logged(page) == []
