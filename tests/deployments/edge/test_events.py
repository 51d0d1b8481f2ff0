"""`POST /v1/events`: good rows go through once the log has them, each bad one is named, the others' are not kept."""

import re

import pytest

from rayce.consent import PERSONALIZATION, TRAINING
from tests.deployments.asgi import call
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

VIEW = {"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]}


async def test_one_event_is_accepted_and_in_the_log(shop: Shop) -> None:
    await shop.consent("ada", training=True)
    reply = await shop.call("POST", "/v1/events", VIEW)
    assert (reply.status, reply.json) == (202, {"accepted": 1, "not_stored": 0, "errors": []})
    (event,) = [each for each in shop.logged() if each.type == "view"]
    assert (event.person, event.tenant, event.timestamp_ms) == (shop.person("ada"), "shop", T0)
    assert event.consent == PERSONALIZATION | TRAINING


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/json; charset=utf-8", ""])
async def test_an_array_is_accepted_whatever_the_content_type_says(shop: Shop, content_type: str) -> None:
    await shop.consent("ada")
    reply = await shop.call("POST", "/v1/events", [VIEW, VIEW | {"type": "click"}], content_type=content_type)
    assert reply.json["accepted"] == 2


@pytest.mark.parametrize(
    "content_type", ["application/x-ndjson", "Application/JSONL; charset=utf-8", "application/jsonlines"]
)
async def test_json_lines_are_accepted(shop: Shop, content_type: str) -> None:
    await shop.consent("ada")
    body = b'{"type":"view","user_id":"ada"}\n\n{"type":"login","user_id":"ada"}\r\n{"type":"view"}\n'
    reply = await shop.call("POST", "/v1/events", body, content_type=content_type)
    assert (reply.status, reply.json["accepted"]) == (202, 2)
    assert [(error["index"], error["path"]) for error in reply.json["errors"]] == [(2, "$")]


async def test_each_bad_row_is_named_and_the_good_ones_go_through(shop: Shop) -> None:
    await shop.consent("ada")
    rows = [
        VIEW,
        {"type": "bought", "user_id": "ada"},
        {"type": "view", "user_id": "ada", "colour": "red"},
        {"type": "purchase", "user_id": "ada", "items": [{"item_id": "p1", "quantity": "two"}]},
        {"type": "view", "user_id": "ada", "timestamp": T0 + 10**9},
        7,
        VIEW,
    ]
    reply = await shop.call("POST", "/v1/events", rows)
    assert (reply.status, reply.json["accepted"]) == (202, 2)
    assert [(error["index"], error["path"], error["value"]) for error in reply.json["errors"]] == [
        (1, "$.type", "bought"),
        (2, "$.colour", "red"),
        (3, "$.items[0].quantity", "two"),
        (4, "$.timestamp", T0 + 10**9),
        (5, "$", 7),
    ]


@pytest.mark.parametrize(
    "body, key, value",
    [
        (b"", "$", ""),
        (b"[]", "$", "[]"),
        (b"{", "$", "{"),
        (b"[1,", "$", "[1,"),
        (b"\xff", "$", "\ufffd"),
        (b'{"type":"view"}', "$", {"type": "view"}),
        (b'{"type":"view","user_id":""}', "$.user_id", ""),
        (b'[{"type":"view","user_id":"a","x":1}]', "$.x", 1),
    ],
)
async def test_where_no_row_is_good_the_problem_names_the_first(
    shop: Shop, body: bytes, key: str, value: object
) -> None:
    reply = await shop.call("POST", "/v1/events", body)
    assert reply.status == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert (reply.json["key"], reply.json["value"]) == (key, value)


async def test_a_body_over_the_limit_is_refused_before_it_is_read(shop: Shop) -> None:
    limit = shop.settings.edge.max_body_bytes
    reply = await shop.call("POST", "/v1/events", b"", content_length=str(limit + 1))
    assert (reply.status, reply.json["key"]) == (413, "Content-Length")


async def test_a_body_that_grows_over_the_limit_is_refused_while_it_is_read(shop: Shop) -> None:
    piece = b" " * 1_000_000
    pieces = [piece] * (shop.settings.edge.max_body_bytes // len(piece) + 2)
    reply = await call(shop.app, "POST", "/v1/events", pieces, {"authorization": "Bearer shop-key"})
    assert reply.status == 413


@pytest.mark.parametrize("length", ["²", "-1", "x", "1" * 5000, ""])
async def test_a_strange_content_length_is_no_reason_to_fail(shop: Shop, length: str) -> None:
    await shop.consent("ada")
    reply = await shop.call("POST", "/v1/events", VIEW, content_length=length)
    assert reply.status == (413 if len(length) > 1000 else 202)


async def test_too_many_events_are_refused_with_their_number(shop: Shop) -> None:
    most = shop.settings.edge.max_batch_events
    reply = await shop.call("POST", "/v1/events", b"[" + b",".join([b"1"] * (most + 1)) + b"]")
    assert (reply.status, reply.json["value"]) == (413, most + 1)


async def test_a_body_that_ends_early_is_a_bad_request(shop: Shop) -> None:
    reply = await call(
        shop.app, "POST", "/v1/events", b'{"type":', {"authorization": "Bearer shop-key"}, cut_short=True
    )
    assert reply.status == 400


@pytest.mark.parametrize("consent", [None, {}, {"training": True, "marketing": True}])
async def test_without_consent_nothing_of_the_person_reaches_the_log(
    shop: Shop, consent: dict[str, bool] | None
) -> None:
    if consent is not None:
        await shop.call("PUT", "/v1/users/ada/consent", consent)
    before = shop.logged()
    reply = await shop.call("POST", "/v1/events", VIEW)
    assert (reply.status, reply.json) == (202, {"accepted": 0, "not_stored": 1, "errors": []})
    assert shop.logged() == before


async def test_control_without_the_check_the_event_of_a_stranger_is_in_the_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def yes(person: str) -> int:
        return PERSONALIZATION

    monkeypatch.setattr(shop.edge.people, "purposes", yes)
    await shop.call("POST", "/v1/events", VIEW)
    assert [event.person for event in shop.logged()] == [shop.person("ada")]


async def test_rows_of_both_kinds_of_people_are_told_apart(shop: Shop) -> None:
    await shop.consent("ada")
    reply = await shop.call("POST", "/v1/events", [VIEW, VIEW | {"user_id": "bob"}, VIEW | {"user_id": "eve"}])
    assert (reply.json["accepted"], reply.json["not_stored"]) == (1, 2)
    assert {event.person for event in shop.logged()} == {shop.person("ada")}


async def test_consent_of_one_tenants_user_is_none_of_anothers(shop: Shop) -> None:
    await shop.consent("ada")
    reply = await shop.call("POST", "/v1/events", VIEW, key="other-key")
    assert reply.json["not_stored"] == 1


async def test_nothing_that_identifies_a_person_reaches_the_log(shop: Shop) -> None:
    user = "ada@example.org"
    await shop.consent("ada%40example.org")
    event = VIEW | {
        "user_id": user,
        "session_id": user,
        "context": {"device": user, "slot": "203.0.113.7", "page_type": "/p?user=ada", "email": user, "country": "NL"},
        "properties": {"campaign": user, "note": user, "coupon": "SPRING"},
    }
    assert (await shop.call("POST", "/v1/events", event)).json["accepted"] == 1
    raw = b"".join(record.value for p in range(2) for record in shop.log.read(p, 0, 100))
    for secret in (b"example.org", b"203.0.113.7", b"user=ada"):
        assert secret not in raw
    logged = next(each for each in shop.logged() if each.type == "view")
    assert (logged.context, logged.properties) == ({"country": "NL"}, {"coupon": "SPRING"})


async def test_control_without_the_mask_an_address_in_a_listed_field_is_in_the_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rayce.ingest._IDENTIFYING", re.compile("(?!)"))
    await shop.consent("ada")
    await shop.call("POST", "/v1/events", VIEW | {"context": {"device": "ada@example.org"}})
    assert any(event.context == {"device": "ada@example.org"} for event in shop.logged())


async def test_nothing_is_acknowledged_that_the_log_has_not_taken(shop: Shop) -> None:
    await shop.consent("ada")
    shop.log.away = True
    reply = await shop.call("POST", "/v1/events", VIEW)
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    shop.log.away = False
    assert (await shop.call("POST", "/v1/events", VIEW)).status == 202


async def test_where_no_store_can_tell_the_consent_the_sender_is_asked_to_come_again(shop: Shop) -> None:
    await shop.consent("ada")
    shop.hot.away = shop.durable.away = True
    assert (await shop.call("POST", "/v1/events", VIEW)).status == 503


@pytest.mark.parametrize("away", ["hot", "durable"])
async def test_one_store_away_is_no_reason_to_refuse(shop: Shop, away: str) -> None:
    await shop.consent("ada")
    getattr(shop, away).away = True
    assert (await shop.call("POST", "/v1/events", VIEW)).json["accepted"] == 1


async def test_the_counts_are_counted(shop: Shop) -> None:
    await shop.consent("ada")
    await shop.call("POST", "/v1/events", [VIEW, VIEW | {"user_id": "bob"}, 1, 2])
    text = shop.edge.metrics.text()
    for line in ("accepted_total 1", "refused_total 2", "not_stored_total 1"):
        assert f"rayce_events_{line}" in text
