"""Segments, lookup, profile and consent: what may be known, by whom, and what happens when stores are away."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.edge.server import Server
from rayce.consent import Consent
from rayce.features.catalogue import parse_features
from rayce.profile import Profile, encode_profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Shown
from tests.deployments.shop import Shop, shop_settings
from tests.samples import T0

pytestmark = pytest.mark.anyio

SEGMENTS = "/v1/users/ada/segments"


@pytest.fixture
async def ada(shop: Shop) -> Shop:
    """The shop with a user who allows personalization and has something in the cart."""
    await shop.consent("ada")
    await shop.act("add_to_cart", "p6", "p7")
    return shop


async def test_segments_are_told_by_name_and_bit_with_their_age(ada: Shop) -> None:
    ada.now_ms = T0 + 5_000
    reply = await ada.call("GET", SEGMENTS)
    assert (reply.status, reply.headers["rayce-served"]) == (200, "live")
    assert reply.json == {
        "user_id": "ada",
        "segments": ["shopping_now", "cart_engaged", "first_time_visitor"],
        "bits": [0, 1, 2],
        "catalogue_version": ada.edge.catalogue.version,
        "age_s": 5.0,
    }


@pytest.mark.parametrize("later_s, names", [(599, 3), (600, 2), (1799, 2), (1800, 1)])
async def test_short_lived_segments_end_to_the_second(ada: Shop, later_s: int, names: int) -> None:
    reply = await ada.call("GET", f"{SEGMENTS}?at={T0 + later_s * 1000}")
    assert len(reply.json["segments"]) == names
    ada.now_ms = T0 + later_s * 1000
    assert (await ada.call("GET", SEGMENTS)).json["segments"] == reply.json["segments"]


async def test_segments_flip_with_the_next_event(ada: Shop) -> None:
    ada.now_ms = T0 + 1_000
    await ada.act("purchase", "p6", "p7")
    assert (await ada.call("GET", SEGMENTS)).json["segments"] == ["shopping_now"]


async def test_a_segment_that_the_catalogue_no_longer_has_is_not_told(ada: Shop) -> None:
    ada.hot.show([Shown(ada.person("ada"), b"x", pack_flags(Profile(flags=1 << 500 | 1 << 3)))])
    assert (await ada.call("GET", SEGMENTS)).json["segments"] == ["repeat_buyer"]


@pytest.mark.parametrize("target", [SEGMENTS, f"{SEGMENTS}?at={T0}", "/v1/users/ada/profile", "/v1/users/ada/consent"])
@pytest.mark.parametrize("who", ["nobody", "refuser", "another tenant's"])
async def test_of_whom_nothing_may_be_known_nothing_is_told(ada: Shop, target: str, who: str) -> None:
    user, key = {
        "nobody": ("bob", "shop-key"),
        "refuser": ("eve", "shop-key"),
        "another tenant's": ("ada", "other-key"),
    }[who]
    if who == "refuser" and "consent" in target:
        return  # the refusal itself is known
    await ada.consent("eve", personalization=False)
    reply = await ada.call("GET", target.replace("ada", user), key=key)
    assert (reply.status, reply.headers["content-type"]) == (404, "application/problem+json")
    assert (reply.json["key"], reply.json["value"]) == ("user_id", user)


async def test_who_has_consented_and_done_nothing_yet_is_unknown(shop: Shop) -> None:
    await shop.consent("ada")
    assert (await shop.call("GET", SEGMENTS)).status == 404


@pytest.mark.parametrize("target", [SEGMENTS, "/v1/users/ada/profile"])
async def test_a_withdrawal_is_in_force_once_answered(ada: Shop, target: str) -> None:
    assert (await ada.call("GET", target)).status == 200
    await ada.consent("ada", personalization=False, training=True)
    assert (await ada.call("GET", target)).status == 404
    await ada.work_off()
    assert (await ada.call("GET", target)).status == 404
    await ada.consent("ada")
    await ada.work_off()
    assert (await ada.call("GET", target)).status == 404, "what was known before the withdrawal came back"


async def test_a_withdrawal_is_in_force_once_answered_even_if_hot_memory_is_away(ada: Shop) -> None:
    ada.hot.away = True
    await ada.consent("ada", personalization=False)
    assert (await ada.call("GET", SEGMENTS)).status == 404
    assert (await ada.recommend()).json["personal"] is False
    assert (await ada.call("POST", "/v1/events", {"type": "view", "user_id": "ada"})).json["not_stored"] == 1


async def test_the_last_word_counts_even_if_another_edges_clock_was_ahead(ada: Shop) -> None:
    ada.now_ms = T0 + 60_000
    await ada.consent("ada")
    ada.now_ms = T0 + 1
    await ada.consent("ada", personalization=False)
    assert (await ada.call("GET", SEGMENTS)).status == 404
    assert (await ada.call("GET", "/v1/users/ada/consent")).json["personalization"] is False


async def test_a_withdrawal_forgets_everything_in_both_memories(ada: Shop) -> None:
    await ada.consent("ada", personalization=False)
    await ada.work_off()
    person = ada.person("ada")
    assert (await ada.hot.read_states([person]))[0].value is None
    assert ada.durable.load_profiles([person])[person].state == encode_profile(Profile(tenant="shop"))


async def test_a_withdrawal_that_cannot_be_made_durable_is_not_confirmed(ada: Shop) -> None:
    ada.durable.away = True
    reply = await ada.call("PUT", "/v1/users/ada/consent", {})
    assert reply.status == 503


async def test_a_withdrawal_that_the_log_did_not_take_is_not_confirmed_but_in_force(ada: Shop) -> None:
    ada.log.away = True
    assert (await ada.call("PUT", "/v1/users/ada/consent", {})).status == 503
    assert (await ada.call("GET", SEGMENTS)).status == 404


async def test_consent_is_told_as_it_was_given_and_what_is_left_out_is_not_allowed(shop: Shop) -> None:
    reply = await shop.call("PUT", "/v1/users/ada/consent", {"training": True})
    record = {"user_id": "ada", "personalization": False, "training": True, "marketing": False, "changed_ms": T0}
    assert reply.json == record
    assert (await shop.call("GET", "/v1/users/ada/consent")).json == record
    assert (await shop.call("PUT", "/v1/users/ada/consent", {})).json["training"] is False


@pytest.mark.parametrize(
    "body, key, value",
    [
        (b"", "$", ""),
        (b"{", "$", "{"),
        ({"personalization": "yes"}, "$.personalization", "yes"),
        ({"profiling": True}, "$.profiling", True),
        ([], "$", []),
        (None, "$", None),
    ],
)
async def test_a_consent_that_is_none_is_refused_by_key_and_value(
    shop: Shop, body: object, key: str, value: object
) -> None:
    reply = await shop.call("PUT", "/v1/users/ada/consent", body)
    assert (reply.status, reply.json["key"], reply.json["value"]) == (422, key, value)


async def test_the_profile_tells_features_session_cart_and_purchases(ada: Shop) -> None:
    ada.now_ms = T0 + 1_000
    await ada.act("purchase", "p6")
    reply = await ada.call("GET", "/v1/users/ada/profile")
    assert reply.json["events"] == 2
    assert reply.json["features"]["purchases"] == 1.0
    assert reply.json["session_items"] == ["p7", "p6"]
    assert reply.json["cart"] == {"p7": 1}
    assert [(b["item_id"], b["count"], b["last_ms"]) for b in reply.json["bought"]] == [("p6", 1, T0 + 1_000)]
    later = await ada.call("GET", f"/v1/users/ada/profile?at={T0 + 86_401_000}")
    assert (later.json["features"]["days_since_purchase"], later.json["age_s"]) == (1.0, 86_400.0)


async def test_the_profile_tells_only_features_that_are_on(ada: Shop) -> None:
    all_on = (await ada.call("GET", "/v1/users/ada/profile")).json
    assert "views_5m" in all_on["features"] and "top_category" in all_on["words"]
    ada.app = Server(ada.edge._replace(features=parse_features("{version: 1, families: [price]}"))).app()
    some = (await ada.call("GET", "/v1/users/ada/profile")).json
    assert "mean_price_seen" in some["features"] and "views_5m" not in some["features"] and some["words"] == {}


async def test_a_profile_of_a_newer_version_is_asked_for_again_later(ada: Shop) -> None:
    ada.hot.show([Shown(ada.person("ada"), encode_profile(Profile(version=99)), b"\1\0\0")])
    assert (await ada.call("GET", "/v1/users/ada/profile")).status == 503


async def test_a_lookup_tells_many_and_null_of_whom_nothing_may_be_known(ada: Shop) -> None:
    await ada.consent("eve", personalization=False)
    reply = await ada.call("POST", "/v1/segments/lookup", {"user_ids": ["ada", "bob", "eve", "ada"]})
    assert reply.json["users"]["ada"]["bits"] == [0, 1, 2]
    assert reply.json["users"] == {"ada": reply.json["users"]["ada"], "bob": None, "eve": None}


async def test_a_lookup_may_ask_as_of_a_moment(ada: Shop) -> None:
    reply = await ada.call("POST", "/v1/segments/lookup", {"user_ids": ["ada"], "at": T0 + 600_000})
    assert reply.json["users"]["ada"]["bits"] == [1, 2]


async def test_a_lookup_sees_the_tenants_own_users_only(ada: Shop) -> None:
    reply = await ada.call("POST", "/v1/segments/lookup", {"user_ids": ["ada"]}, key="other-key")
    assert reply.json["users"] == {"ada": None}


async def test_a_lookup_of_too_many_or_nobody_is_refused(shop: Shop) -> None:
    most = shop.settings.edge.max_lookup_users
    reply = await shop.call("POST", "/v1/segments/lookup", {"user_ids": ["a"] * (most + 1)})
    assert (reply.status, reply.json["key"], reply.json["value"]) == (422, "$.user_ids", most + 1)
    assert (await shop.call("POST", "/v1/segments/lookup", {"user_ids": []})).status == 422


async def test_in_a_lookup_one_who_cannot_be_read_does_not_hide_the_others(ada: Shop) -> None:
    ada.durable.away = True
    reply = await ada.call("POST", "/v1/segments/lookup", {"user_ids": ["ada", "bob"]})
    assert reply.status == 200
    assert reply.json["users"]["ada"] is not None and reply.json["users"]["bob"] is None


async def test_with_hot_memory_away_segments_come_from_the_durable_one(ada: Shop) -> None:
    ada.hot.away = True
    reply = await ada.call("GET", SEGMENTS)
    assert (reply.status, reply.json["bits"]) == (200, [0, 1, 2])


async def test_with_both_away_segments_are_empty_and_say_so(ada: Shop) -> None:
    ada.hot.away = ada.durable.away = True
    for target in (SEGMENTS, f"{SEGMENTS}?at={T0}"):
        reply = await ada.call("GET", target)
        assert (reply.status, reply.headers["rayce-served"]) == (200, "global")
        assert (reply.json["segments"], reply.json["age_s"]) == ([], None)


async def test_a_durable_memory_that_hangs_is_not_waited_for() -> None:
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor, shop_settings(read_deadline_ms=20))
        let_go = threading.Event()

        def hang(persons: object) -> dict[str, Consent]:
            let_go.wait(60)
            return {}

        shop.durable.load_consents = hang  # type: ignore[method-assign,assignment]
        reply = await shop.call("GET", SEGMENTS)
        lookup = await shop.call("POST", "/v1/segments/lookup", {"user_ids": ["ada"]})
        let_go.set()
        assert (reply.status, reply.headers["rayce-served"]) == (200, "global")
        assert (lookup.status, lookup.json["users"]) == (200, {"ada": None})


@pytest.mark.parametrize("target", ["/v1/users/ada/profile", "/v1/users/ada/consent"])
async def test_what_has_no_lower_rung_asks_to_come_again_when_no_store_answers(ada: Shop, target: str) -> None:
    ada.hot.away = ada.durable.away = True
    reply = await ada.call("GET", target)
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "query, key, value",
    [
        ("at=soon", "at", "soon"),
        ("at=-1", "at", "-1"),
        ("at=1&at=2", "at", "2"),
        ("when=1", "when", "1"),
        ("at=", "at", ""),
        ("at=" + "9" * 5000, "at", "9" * 5000),
    ],
)
async def test_a_query_that_is_wrong_is_refused_by_name_and_value(ada: Shop, query: str, key: str, value: str) -> None:
    reply = await ada.call("GET", f"{SEGMENTS}?{query}")
    told = reply.json["value"]
    assert (reply.status, reply.json["key"]) == (422, key)
    assert told == value if len(value) < 100 else value.startswith(told[:100]), "what is long is told in part"


async def test_odd_user_ids_are_users_like_any_other(shop: Shop) -> None:
    for user in ("a%20b", "%E4%BD%A0", "a%40b.c", "%25", "a%3Fb", "."):
        await shop.consent(user)
        assert (await shop.call("GET", f"/v1/users/{user}/consent")).json["personalization"] is True


async def test_a_user_id_that_is_no_utf8_or_has_control_characters_is_refused(shop: Shop) -> None:
    for user in ("%00", "%ff", "a%0Ab", "%7F"):
        for target in ("segments", "profile", "consent", "recommendations"):
            assert (await shop.call("GET", f"/v1/users/{user}/{target}")).status == 422


async def test_a_user_id_that_is_too_long_is_refused(shop: Shop) -> None:
    for target in ("segments", "profile", "consent", "recommendations"):
        assert (await shop.call("GET", f"/v1/users/{'x' * 257}/{target}")).status == 422
        assert (await shop.call("GET", f"/v1/users/{'x' * 256}/{target}")).status in (200, 404)
