"""The ladder: every rung, and on every rung what was bought, is in the cart or is excluded is not shown."""

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.edge.edge import ReadAsk
from rayce.consent import Consent
from rayce.decay import DAY_MS
from rayce.profile import Profile, encode_profile
from rayce.stores.interfaces import Shown
from tests.deployments.shop import Shop, broken, items_of, late, never, shop_settings
from tests.samples import T0
from tests.shops import ITEMS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("impatient")]

IDS = [item.item_id for item in ITEMS]

Rung = Callable[[Shop], Awaitable[None]]


async def _live(shop: Shop) -> None:
    """All is well."""


async def _stale(shop: Shop) -> None:
    await shop.recommend()
    shop.ranker = broken


async def _precomputed(shop: Shop) -> None:
    shop.publish({"ada": [("p4", 9.0), ("p3", 8.0), ("p2", 7.0), ("p8", 6.0)]})
    shop.ranker = broken


async def _segment(shop: Shop) -> None:
    for n in range(3):
        await shop.act("purchase", "p0", timestamp=T0 - (5 - n) * DAY_MS)
    shop.ranker = broken


async def _global(shop: Shop) -> None:
    shop.ranker = broken


RUNGS: dict[str, Rung] = {
    "live": _live,
    "stale": _stale,
    "precomputed": _precomputed,
    "segment": _segment,
    "global": _global,
}


@pytest.fixture
async def ada(shop: Shop) -> Shop:
    """The shop with a user who allows everything and has looked around a month ago."""
    await shop.consent("ada")
    await shop.act("view", "p6", timestamp=T0 - 30 * DAY_MS)
    return shop


@pytest.mark.parametrize("rung", RUNGS)
async def test_every_rung_answers_and_says_so(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    reply = await ada.recommend()
    assert reply.json["served"] == rung
    assert reply.json["personal"] is True
    assert items_of(reply)


@pytest.mark.parametrize("rung", RUNGS)
async def test_what_was_bought_is_gone_from_the_very_next_reply(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    first, second, *_rest = items_of(await ada.recommend())
    await ada.act("purchase", first)
    reply = await ada.recommend()
    assert reply.json["served"] == rung
    assert first not in items_of(reply) and second in items_of(reply)


@pytest.mark.parametrize("rung", RUNGS)
async def test_control_without_the_rule_what_was_bought_is_still_there(
    ada: Shop, rung: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("deployments.edge.lower_rungs", "rayce.candidates"):
        monkeypatch.setattr(f"{module}.forbidden", lambda *_arguments: set())
    await RUNGS[rung](ada)
    first = items_of(await ada.recommend())[0]
    await ada.act("purchase", first)
    assert first in items_of(await ada.recommend())


@pytest.mark.parametrize("rung", RUNGS)
async def test_what_is_in_the_cart_is_not_shown_until_it_is_taken_out(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    first = items_of(await ada.recommend())[0]
    await ada.act("add_to_cart", first)
    assert first not in items_of(await ada.recommend())
    await ada.act("remove_from_cart", first)
    assert first in items_of(await ada.recommend())


@pytest.mark.parametrize("rung", RUNGS)
async def test_what_is_excluded_is_not_shown(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    first, second, *_rest = items_of(await ada.recommend())
    reply = await ada.recommend(exclude=[first, second])
    assert reply.json["served"] == rung
    assert not {first, second} & set(items_of(reply)) and items_of(reply)


@pytest.mark.parametrize("rung", RUNGS)
async def test_no_more_than_the_limit_is_shown(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    assert len(items_of(await ada.recommend(limit=2))) == 2


@pytest.mark.parametrize("rung", RUNGS)
async def test_only_the_callers_candidates_are_shown_where_it_names_any(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    wanted = items_of(await ada.recommend(limit=3))[1:]
    reply = await ada.recommend(candidates=[*wanted, "nothing"])
    assert reply.json["served"] == {"stale": "global", "segment": "global"}.get(rung, rung), "the list is the caller's"
    assert set(items_of(reply)) == set(wanted)


@pytest.mark.parametrize("rung", RUNGS)
async def test_nothing_outside_the_categories_is_shown(ada: Shop, rung: str) -> None:
    await RUNGS[rung](ada)
    reply = await ada.recommend(categories=["dairy"])
    assert items_of(reply) and set(items_of(reply)) <= {"p1", "p4", "p7", "p10"}


async def test_without_a_shelf_nobody_knows_what_is_in_a_category(ada: Shop) -> None:
    """Better nothing than the wrong thing."""
    ada.live._loaded.pop("shop/shelf")
    assert items_of(await ada.recommend())
    assert items_of(await ada.recommend(categories=["dairy"])) == []


@pytest.mark.parametrize("fault", [broken, late])
@pytest.mark.parametrize("rung", RUNGS)
async def test_a_feature_reader_that_is_away_or_late_is_done_without(
    ada: Shop, rung: str, fault: Callable[..., Awaitable[object]]
) -> None:
    await RUNGS[rung](ada)
    await ada.act("purchase", "p1")
    ada.reader = fault  # type: ignore[assignment]
    reply = await ada.recommend()
    assert reply.json["served"] == ("global" if rung == "precomputed" else rung)
    assert "p1" not in items_of(reply) and items_of(reply)


@pytest.fixture
def hasty() -> Iterator[Shop]:
    """A shop whose deadlines pass at once."""
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor, shop_settings(read_deadline_ms=1, rank_deadline_ms=5))
        shop.publish()
        yield shop


async def test_a_ranker_that_hangs_is_not_waited_for(hasty: Shop) -> None:
    hasty.ranker = never
    reply = await hasty.call("POST", "/v1/recommendations", {})
    assert (reply.status, reply.json["served"]) == (200, "global")
    assert items_of(reply) == IDS[:10]
    assert 'rayce_failures_total{dependency="ranker"} 1' in hasty.edge.metrics.text()


async def test_when_all_hangs_there_is_still_an_answer(hasty: Shop) -> None:
    hasty.reader = hasty.ranker = never
    hasty.hot.away = hasty.durable.away = True
    reply = await hasty.recommend()
    assert (reply.json["served"], reply.json["personal"]) == ("global", False)
    assert items_of(reply) == IDS[:10]


@pytest.mark.parametrize("away", [["hot"], ["durable"], ["hot", "durable"], ["hot", "durable", "log"]])
@pytest.mark.parametrize("ranker_away", [False, True])
async def test_whatever_is_away_no_read_is_refused(ada: Shop, away: list[str], ranker_away: bool) -> None:
    for store in away:
        getattr(ada, store).away = True
    if ranker_away:
        ada.ranker = broken
    for target in ("/v1/users/ada/recommendations", "/v1/users/nobody/recommendations?limit=3&explain=true"):
        reply = await ada.call("GET", target)
        assert reply.status == 200 and items_of(reply)
    known = away != ["hot", "durable"] and "log" not in away
    assert (await ada.recommend()).json["personal"] is known


async def test_whom_the_feature_reader_cannot_tell_of_the_edge_reads_itself(ada: Shop) -> None:
    """Cause of contextual replies in an outage: the reader's "unknown" passed for "no consent"."""

    async def cannot_tell(_ask: ReadAsk) -> None:
        return None

    ada.reader = cannot_tell
    reply = await ada.recommend()
    assert (reply.json["served"], reply.json["personal"]) == ("live", True)


async def test_where_no_store_can_tell_the_reply_is_contextual_and_says_so_by_its_rung(ada: Shop) -> None:
    ada.hot.away = ada.durable.away = True
    reply = await ada.recommend()
    assert (reply.json["served"], reply.json["personal"]) == ("global", False)
    assert items_of(reply)
    ada.hot.away = ada.durable.away = False
    assert (await ada.recommend("nobody")).json["served"] == "live", "nobody is known to be nobody"


async def test_that_no_store_can_tell_is_no_withdrawal_and_what_is_kept_stays(ada: Shop) -> None:
    listed = items_of(await ada.recommend())
    ada.hot.away = ada.durable.away = True
    assert (await ada.recommend()).json["personal"] is False
    ada.hot.away = ada.durable.away = False
    ada.ranker = broken
    reply = await ada.recommend()
    assert (reply.json["served"], items_of(reply)) == ("stale", listed)


async def test_a_ranker_without_a_model_is_no_failure_but_a_lower_rung(ada: Shop) -> None:
    ada.durable._live.pop("shop/ranker")
    ada.live._loaded.pop("shop/ranker")
    assert (await ada.recommend()).json["served"] == "global"
    assert "failures" not in ada.edge.metrics.text()


async def test_where_nothing_was_ever_published_the_reply_is_empty(ada: Shop) -> None:
    for name in list(ada.live._loaded):
        ada.live._loaded.pop(name)
    reply = await ada.recommend()
    assert (reply.json["served"], reply.json["items"]) == ("global", [])


async def test_a_stale_reply_is_the_slots_own(ada: Shop) -> None:
    await ada.act("view", "p3")
    listed = items_of(await ada.recommend(slot="home"))
    ada.ranker = broken
    assert items_of(await ada.recommend(slot="home")) == listed
    assert (await ada.recommend(slot="cart")).json["served"] == "global"


async def test_a_restricted_reply_is_not_kept_for_an_unrestricted_one(ada: Shop) -> None:
    await ada.recommend(candidates=["p9"])
    await ada.recommend(categories=["dairy"])
    ada.ranker = broken
    assert (await ada.recommend()).json["served"] == "global"


async def test_kept_replies_are_bounded_in_people_and_slots() -> None:
    with ThreadPoolExecutor(2) as executor:
        shop = Shop(executor, shop_settings(stale_users=3))
        shop.publish()
        users = [f"user{n}" for n in range(6)]
        await shop.consent(*users)
        for user in users:
            for slot in range(20):
                await shop.recommend(user, slot=f"slot{slot}")
        shop.ranker = broken
        served = [(await shop.recommend(user, slot="slot0")).json["served"] for user in users]
        assert served == ["global"] * 3 + ["stale"] * 3
        assert (await shop.recommend("user5", slot="slot19")).json["served"] == "global"


async def test_a_withdrawal_takes_the_kept_reply_away(ada: Shop) -> None:
    await ada.act("view", "p3")
    await ada.recommend()
    ada.ranker = broken
    await ada.consent("ada", personalization=False)
    assert (await ada.recommend()).json["served"] == "global"
    await ada.consent("ada")
    assert (await ada.recommend()).json["served"] == "global"


async def test_without_consent_the_reply_is_contextual_and_nothing_of_the_person_is_read(shop: Shop) -> None:
    state = encode_profile(Profile(tenant="shop", purposes=1, events=1, cart={"p0": (1, 1.0)}))
    shop.hot.show([Shown(shop.person("bob"), state, b"\1\0\0", Consent(6, 1))])
    shop.publish({"bob": [("p11", 9.0)]})
    stranger = await shop.recommend("stranger")
    bob = await shop.recommend("bob")
    assert bob.json["personal"] is False
    assert items_of(bob) == items_of(stranger) == IDS[:10]


async def test_the_page_may_tell_its_session_without_a_person(shop: Shop) -> None:
    reply = await shop.call("POST", "/v1/recommendations", {"session_items": ["p5"], "explain": True, "limit": 1})
    assert reply.json["items"] == [reply.json["items"][0] | {"item_id": "p6", "source": "session", "because": "p5"}]
    assert (reply.json["user_id"], reply.json["personal"]) == (None, False)


async def test_what_was_just_looked_at_changes_the_next_reply(ada: Shop) -> None:
    before = items_of(await ada.recommend(limit=2))
    await ada.act("view", "p9")
    after = items_of(await ada.recommend(limit=2))
    assert after == ["p10", "p11"] != before


async def test_a_bought_product_comes_back_after_its_time(ada: Shop) -> None:
    await ada.act("purchase", "p0")
    suppress_ms = ada.settings.serving.suppress_purchased_s * 1000
    assert "p0" not in items_of(await ada.recommend(at=T0 + suppress_ms - 1))
    assert "p0" in items_of(await ada.recommend(at=T0 + suppress_ms))


@pytest.mark.parametrize("state", [b"", b"\xc1 damaged", encode_profile(Profile(version=99))])
async def test_a_profile_that_cannot_be_read_is_no_profile(ada: Shop, state: bytes) -> None:
    ada.hot.show([Shown(ada.person("ada"), state, b"\1\0\0")])
    assert items_of(await ada.recommend())
    ada.ranker = broken
    assert items_of(await ada.recommend())


async def test_a_list_that_cannot_be_read_is_no_list(ada: Shop) -> None:
    number = ada.durable.live()["shop/lists"]
    ada.durable.save_lists(number, [(ada.person("ada"), b"\xc1")])
    assert items_of(await ada.recommend())
    ada.ranker = broken
    assert (await ada.recommend()).json["served"] == "global"


async def test_a_tenant_gets_its_own_shop_only(ada: Shop) -> None:
    reply = await ada.call("POST", "/v1/recommendations", {"user_id": "ada"}, key="other-key")
    assert (reply.status, reply.json["items"], reply.json["personal"]) == (200, [], False)


async def test_rungs_are_counted(ada: Shop) -> None:
    await ada.recommend()
    ada.ranker = broken
    await ada.recommend(slot="other")
    text = ada.edge.metrics.text()
    assert 'rayce_served_total{rung="live"} 1' in text and 'rayce_served_total{rung="global"} 1' in text
