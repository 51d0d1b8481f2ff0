"""Explanations: which node decided, what it saw, what moved a score, and where the stored flag is behind the rule."""

from typing import Any

import lightgbm
import numpy as np
import pytest
from msgspec.structs import replace

from rayce.features import FEATURES
from rayce.generations import generation_name
from rayce.live_catalogue import activate
from rayce.model import Manifest, to_files
from rayce.profile import decode_profile, encode_profile
from rayce.segments.explanation import MOST_FEATURES
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Shown
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

SEGMENTS = "/v1/users/ada/segments"
NAMES = tuple(FEATURES)


@pytest.fixture
async def ada(shop: Shop) -> Shop:
    """Somebody with something in the cart."""
    await shop.consent("ada")
    await shop.act("add_to_cart", "p6", "p7", timestamp=T0)
    return shop


def publish_model(shop: Shop) -> None:
    """A model to which nothing matters but the value of the cart."""
    random = np.random.default_rng(1)
    rows = random.uniform(0, 10, (400, len(NAMES)))
    labels = (rows[:, NAMES.index("cart_value")] > 3).astype(int)
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1, "num_leaves": 3}, lightgbm.Dataset(rows, labels), 20
    )
    manifest = Manifest("segment-model", NAMES, 400, 0, 1, {}, "test")
    name = generation_name("shop", "segment-model.buys_within_7_days")
    shop.durable.make_live(name, shop.durable.publish(name, to_files(booster, manifest)))
    shop.live.refresh()


async def explained(shop: Shop, at: int = T0) -> dict[str, Any]:
    reply = await shop.call("GET", f"{SEGMENTS}?explain=true&at={at}")
    assert reply.status == 200, reply
    return {why["name"]: why for why in reply.json["explanation"]}


async def test_without_asking_nothing_is_explained(ada: Shop) -> None:
    plain = await ada.call("GET", SEGMENTS)
    assert "explanation" not in plain.json
    assert (await ada.call("GET", f"{SEGMENTS}?explain=false")).json == plain.json
    assert {
        k: v for k, v in (await ada.call("GET", f"{SEGMENTS}?explain=true")).json.items() if k != "explanation"
    } == (plain.json)


async def test_every_segment_is_explained_members_first_with_the_values_that_were_seen(ada: Shop) -> None:
    why = await explained(ada)
    assert list(why)[:3] == ["shopping_now", "cart_engaged", "first_time_visitor"]
    assert set(why) == {segment.name for segment in ada.edge.catalogue.segments}
    assert why["cart_engaged"] == {
        "name": "cart_engaged",
        "bit": 1,
        "kind": "rule",
        "member": True,
        "expires_at_s": T0 // 1000 + 1800,
        "holds_now": True,
        "differs": None,
        "rule": {"feature": "cart_items", "ge": 1.0, "value": 2.0, "holds": True},
        "model": None,
    }
    assert why["frequent_shopper"]["rule"] == {
        "all": [
            {"feature": "purchases", "ge": 5.0, "value": 0.0, "holds": False},
            {"feature": "mean_interval_days", "le": 4.0, "value": 3650.0, "holds": False},
        ],
        "holds": False,
    }


async def test_a_flag_that_is_behind_its_rule_is_said_to_be(ada: Shop) -> None:
    later = await explained(ada, T0 + 2_000_000)
    assert later["cart_engaged"]["member"] is False and later["cart_engaged"]["holds_now"] is True
    assert "1800 s" in later["cart_engaged"]["differs"] and "add_to_cart" in later["cart_engaged"]["differs"]
    profile = decode_profile((await ada.hot.read_states([ada.person("ada")]))[0].value or b"")
    assert profile.baskets == 0
    activate(
        ada.durable,
        """
version: 9
segments:
  - {name: first_time_visitor, bit: 2, kind: rule, triggers: [purchase], when: {not: {feature: cart_items, ge: 1}}}
  - {name: chosen, bit: 30, kind: batch}
retired_bits: [0, 1, 3, 4, 5, 6, 8]
""",
        ada.edge.catalogue,
        T0,
    )
    ada.live.refresh()
    why = await explained(ada)
    assert why["first_time_visitor"]["member"] is True and why["first_time_visitor"]["holds_now"] is False
    assert "until the next trigger event (purchase)" in why["first_time_visitor"]["differs"]
    assert why["first_time_visitor"]["rule"]["not"]["holds"] is True
    assert why["chosen"]["holds_now"] is None and why["chosen"]["differs"] is None
    assert (await ada.call("GET", SEGMENTS)).json["segments"] == ["first_time_visitor"], "taken up without a restart"


async def test_a_model_says_what_moved_its_score(ada: Shop) -> None:
    publish_model(ada)
    why = (await explained(ada))["likely_to_buy_soon"]
    assert why["holds_now"] is True and why["member"] is False and why["differs"]
    model = why["model"]
    assert (model["model"], model["threshold"], model["stored_score"]) == ("buys_within_7_days", 0.8, None)
    assert model["score"] > 0.8
    moved = model["contributions"]
    assert (moved[0]["feature"], moved[0]["value"]) == ("cart_value", 4.0) and moved[0]["contribution"] > 0
    strengths = [abs(each["contribution"]) for each in moved]
    assert strengths == sorted(strengths, reverse=True) and 0 < len(moved) <= MOST_FEATURES


async def test_without_its_model_a_segment_is_explained_as_far_as_can_be(ada: Shop) -> None:
    name = generation_name("shop", "segment-model.buys_within_7_days")
    ada.durable.make_live(name, ada.durable.publish(name, {"model.txt": b"no model"}))
    ada.live.refresh()
    why = (await explained(ada))["likely_to_buy_soon"]
    assert why["holds_now"] is None and why["model"]["score"] is None and why["model"]["contributions"] == []


async def test_a_newer_model_is_taken(ada: Shop) -> None:
    publish_model(ada)
    await explained(ada)
    before = len(ada.durable.numbers(generation_name("shop", "segment-model.buys_within_7_days")))
    publish_model(ada)
    assert before == 1 and (await explained(ada))["likely_to_buy_soon"]["model"]["score"] is not None


async def test_nobody_is_explained_who_may_not_be_known(ada: Shop) -> None:
    assert (await ada.call("GET", "/v1/users/nobody/segments?explain=true")).status == 404
    assert (await ada.call("GET", f"{SEGMENTS}?explain=true", key="other-key")).status == 404
    await ada.consent("ada", personalization=False)
    assert (await ada.call("GET", f"{SEGMENTS}?explain=true")).status == 404


async def test_with_all_stores_away_the_reply_is_the_plain_one(ada: Shop) -> None:
    ada.hot.away = ada.durable.away = True
    reply = await ada.call("GET", f"{SEGMENTS}?explain=true")
    assert (reply.status, reply.headers["rayce-served"]) == (200, "global")
    assert "explanation" not in reply.json


@pytest.mark.parametrize("query", ["explain=perhaps", "why=1", "explain=true&explain=true"])
async def test_a_wrong_query_is_refused(ada: Shop, query: str) -> None:
    assert (await ada.call("GET", f"{SEGMENTS}?{query}")).status == 422


async def test_a_value_that_is_not_a_number_is_null(ada: Shop) -> None:
    """JSON has no other word for it."""
    (row,) = await ada.hot.read_states([ada.person("ada")])
    assert row.value is not None
    profile = decode_profile(row.value)
    odd = replace(profile, spend=float("nan"), baskets=3)
    ada.hot.show([Shown(ada.person("ada"), encode_profile(odd), pack_flags(odd))])
    why = (await explained(ada))["big_basket"]
    assert why["rule"]["all"][1] == {"feature": "mean_basket_value", "ge": 40.0, "value": None, "holds": False}
