"""Beacons: the key in the body, the rest as with events."""

from typing import Any

import pytest

from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio

VIEW = {"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]}


async def beacon(shop: Shop, *events: Any, key: str = "browser-key", **more: Any) -> Any:
    body = {"key": key, "events": list(events), **more}
    return await shop.call(
        "POST", "/v1/beacon", body, None, content_type="text/plain;charset=UTF-8", origin="https://s.de"
    )


async def test_events_of_a_beacon_are_events(shop: Shop) -> None:
    await shop.consent("ada")
    reply = await beacon(shop, VIEW, {**VIEW, "user_id": "nobody"}, timezone="Asia/Tokyo", referrer="www.google.com")
    assert (reply.status, reply.json) == (202, {"accepted": 1, "not_stored": 1, "errors": []})
    (event,) = (event for event in shop.logged() if event.type == "view")
    assert event.context["referrer"] == "search"
    assert event.context["day_part"] in ("night", "morning", "afternoon", "evening")
    assert event.person == shop.person("ada")


async def test_a_bad_row_is_named_and_the_good_ones_go_through(shop: Shop) -> None:
    await shop.consent("ada")
    reply = await beacon(shop, {**VIEW, "colour": "red"}, VIEW)
    assert (reply.status, reply.json["accepted"], reply.json["errors"][0]["path"]) == (202, 1, "$.colour")


@pytest.mark.parametrize(("key", "status"), [("no-such-key", 401), ("page-key", 403), ("", 422)])
async def test_without_a_key_that_may_send_events_nothing_is_taken(shop: Shop, key: str, status: int) -> None:
    await shop.consent("ada")
    reply = await beacon(shop, VIEW, key=key)
    assert reply.status == status
    assert b"no-such-key" not in reply.body
    assert not [event for event in shop.logged() if event.type == "view"]


async def test_the_key_of_another_tenant_reaches_only_its_own_people(shop: Shop) -> None:
    await shop.consent("ada")
    assert (await beacon(shop, VIEW, key="other-key")).json["not_stored"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'{"key":"browser-key","events":[]}', b'{"key":"browser-key"}', b"\xff"]
)
async def test_what_is_no_beacon_is_refused(shop: Shop, body: bytes) -> None:
    assert (await shop.call("POST", "/v1/beacon", body, None)).status == 422


async def test_a_browsers_key_opens_what_a_page_shows_and_nothing_that_is_known(shop: Shop) -> None:
    for method, target, body, status in (
        ("GET", "/v1/users/ada/recommendations", b"", 200),
        ("PUT", "/v1/users/ada/consent", {"personalization": True}, 200),
        ("GET", "/v1/users/ada/profile", b"", 403),
        ("GET", "/v1/users/ada/segments", b"", 403),
        ("GET", "/v1/users/ada/consent", b"", 403),
        ("GET", "/v1/segments", b"", 403),
        ("PUT", "/v1/items", [], 403),
    ):
        assert (await shop.call(method, target, body, key="browser-key")).status == status, target
