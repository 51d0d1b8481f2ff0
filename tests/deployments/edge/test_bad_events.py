"""Bad input at the edge: 422 naming path and value, and nothing of it in the log (the table: docs/features.md)."""

from typing import Any

import msgspec
import pytest

from rayce.ingest import Stamper
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

LONG = "x" * 10_000

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a negative price": ({"items": [{"item_id": "p1", "price": -0.01}]}, "$.items[0].price"),
    "a price of more than a thousand million": ({"items": [{"item_id": "p1", "price": 1.1e9}]}, "$.items[0].price"),
    "a quantity of none": ({"items": [{"item_id": "p1", "quantity": 0}]}, "$.items[0].quantity"),
    "10,000 items": ({"items": [{"item_id": "p1"}] * 10_000}, "$.items"),
    "an item's id of 10 kB": ({"items": [{"item_id": LONG}]}, "$.items[0].item_id"),
    "a category of 10 kB": ({"items": [{"item_id": "p1", "category": LONG}]}, "$.items[0].category"),
    "a brand of 10 kB": ({"items": [{"item_id": "p1", "brand": LONG}]}, "$.items[0].brand"),
    "an event's id of 10 kB": ({"event_id": LONG}, "$.event_id"),
    "a user's id of 10 kB": ({"user_id": LONG}, "$.user_id"),
    "a session's id of 10 kB": ({"session_id": LONG}, "$.session_id"),
    "NUL in an item's id": ({"items": [{"item_id": "p1"}, {"item_id": "p\0"}]}, "$.items[1].item_id"),
    "a line feed after an item's id": ({"items": [{"item_id": "p1\n"}]}, "$.items[0].item_id"),
    "NUL in a user's id": ({"user_id": "ada\0"}, "$.user_id"),
    "DEL in a session's id": ({"session_id": "s\x7f"}, "$.session_id"),
    "a line feed after an event's id": ({"event_id": "e1\n"}, "$.event_id"),
    "what stands for no UTF-8 in a user's id": ({"user_id": "ad\ufffd"}, "$.user_id"),
    "a context of 10 kB": ({"context": {"device": LONG}}, "$.context.device"),
    "a time before 1970": ({"timestamp": -1}, "$.timestamp"),
    "a time in 2100": ({"timestamp": 4_102_444_799_999}, "$.timestamp"),
    "a time that is not one": ({"timestamp": "NaN"}, "$.timestamp"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_its_path_and_not_in_the_log(shop: Shop, name: str) -> None:
    await shop.consent("ada")
    before = shop.logged()
    wrong, path = REFUSED[name]
    reply = await shop.call("POST", "/v1/events", {"type": "view", "user_id": "ada", **wrong})
    assert (reply.status, reply.json["key"]) == (422, path)
    assert [error["path"] for error in reply.json["errors"]] == [path]
    assert len(reply.body) < 2_000, "what offends is cut, not sent back whole"
    assert shop.logged() == before


@pytest.mark.parametrize("price", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
async def test_numbers_that_json_does_not_have_are_refused(shop: Shop, price: bytes) -> None:
    await shop.consent("ada")
    body = b'{"type":"view","user_id":"ada","items":[{"item_id":"p1","price":%s}]}' % price
    reply = await shop.call("POST", "/v1/events", body)
    assert reply.status == 422 and reply.json["key"].startswith("$")


async def test_an_event_of_1970_is_old_but_none_that_is_refused(shop: Shop) -> None:
    await shop.consent("ada")
    assert (await shop.act("view", "p1", timestamp=1)).json["accepted"] == 1
    assert (await shop.act("view", "p1", timestamp=T0)).json["accepted"] == 1
    profile = (await shop.call("GET", "/v1/users/ada/profile")).json
    assert (profile["features"]["views"], profile["features"]["views_30d"]) == (2, 1)


async def test_events_are_told_what_their_products_are(shop: Shop) -> None:
    """By the live shelf, as of the moment of acceptance: the fold asks nobody."""
    await shop.consent("ada")
    await shop.act("view", "p4")
    await shop.act("purchase", "p4", "unknown")
    said = {"item_id": "p4", "category": "cheese", "brand": "own"}
    await shop.call("POST", "/v1/events", {"type": "view", "user_id": "ada", "items": [said]})
    lines = [line for event in shop.logged() for line in event.items]
    assert [(line.item_id, line.category, line.brand) for line in lines] == [
        ("p4", "dairy-0", "brand0"),
        ("p4", "dairy-0", "brand0"),
        ("unknown", "", ""),
        ("p4", "cheese", "own"),
    ]
    await shop.work_off()
    profile = (await shop.call("GET", "/v1/users/ada/profile")).json
    assert profile["words"]["top_category"] == "dairy-0" and profile["words"]["top_brand"] == "brand0"
    assert (profile["features"]["categories"], profile["features"]["brands"]) == (2, 2)


async def test_control_without_the_words_there_is_no_affinity(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = Stamper.stamp
    monkeypatch.setattr(Stamper, "stamp", lambda *arguments: stamp(*arguments[:5]))
    await shop.consent("ada")
    await shop.act("view", "p4")
    assert (await shop.call("GET", "/v1/users/ada/profile")).json["words"]["top_category"] == ""


async def test_another_tenants_words_are_not_lent(shop: Shop) -> None:
    reply = await shop.call("PUT", "/v1/users/ada/consent", {"personalization": True}, key="other-key")
    assert reply.status == 200
    row = {"type": "view", "user_id": "ada", "items": [{"item_id": "p4"}]}
    assert (await shop.call("POST", "/v1/events", msgspec.json.encode(row), key="other-key")).json["accepted"] == 1
    (line,) = [line for event in shop.logged() for line in event.items]
    assert (line.category, line.brand) == ("", "")
