"""The client against the fake API, and against servers that behave badly."""

import asyncio
import pickle

import pytest

from rayce.client import Item, Problem, Profile, RayceClient, RayceHTTPError, RayceUnreachable
from tests.examples.fake_api import KEY, FakeApi, serving
from tests.examples.loops import in_loop

BASKET = {
    "event_id": "0190",
    "type": "purchase",
    "user_id": "ada",
    "timestamp": 1_767_225_600_000,
    "items": [{"item_id": "p1", "quantity": 2, "price": 1.5}],
}


@in_loop
async def test_what_a_shop_does_in_a_day() -> None:
    api = FakeApi()
    async with serving(api) as url, RayceClient(url + "/", KEY) as rayce:
        assert await rayce.get_consent("ada") is None
        assert (await rayce.put_consent("ada", personalization=True)).personalization
        assert (await rayce.put_items([Item("p1", "Milk", ["Dairy"], price=1.5)])).stored == 1
        assert (await rayce.get_item("p1")) == Item("p1", "Milk", ["Dairy"], price=1.5)
        assert await rayce.get_item("p2") is None
        reply = await rayce.post_events([BASKET, {**BASKET, "event_id": "0191", "user_id": "bob"}])
        assert (reply.accepted, reply.not_stored, reply.errors) == (1, 1, [])
        profile = await rayce.profile("ada", at_ms=1_767_225_700_000)
        assert profile is not None
        assert (profile.events, profile.bought[0].item_id) == (1, "p1")
        flags = await rayce.segments("ada")
        assert flags is not None
        assert "new_shopper" in flags.segments
        found = await rayce.lookup_segments(["ada", "bob"])
        assert (found.users["ada"] is None, found.users["bob"]) == (False, None)
        listed = await rayce.recommendations("ada", limit=5, explain=True, at_ms=1_767_225_700_000)
        assert (listed.served, listed.personal) == ("live", True)
        assert "rayce_stream_lag_events" in await rayce.metrics()
        ready, parts = await rayce.ready()
        assert ready
        assert parts["stores"]["redis"] == "up"


@in_loop
async def test_a_bad_row_is_named_and_the_good_ones_go_through() -> None:
    api = FakeApi()
    async with serving(api) as url, RayceClient(url, KEY) as rayce:
        await rayce.put_consent("ada", personalization=True)
        reply = await rayce.post_events([{**BASKET, "colour": "red"}, BASKET])
        assert (reply.accepted, reply.errors[0].index, reply.errors[0].path) == (1, 0, "$.colour")


@in_loop
async def test_an_error_carries_its_problem_and_when_to_come_back() -> None:
    api = FakeApi()
    async with serving(api) as url, RayceClient(url, KEY) as rayce:
        api.fail_posts = 1
        with pytest.raises(RayceHTTPError, match="503 the log is away") as caught:
            await rayce.post_events([BASKET])
        assert caught.value.retry_after_s == 0.0
    async with serving(api) as url, RayceClient(url, "wrong") as rayce:
        with pytest.raises(RayceHTTPError, match="401 no key"):
            await rayce.post_events([BASKET])


@in_loop
async def test_user_ids_may_hold_anything() -> None:
    api = FakeApi()
    async with serving(api) as url, RayceClient(url, KEY) as rayce:
        await rayce.put_consent("a b/ü?#", personalization=True)
        assert list(api.consents) == ["a b/ü?#"]


@in_loop
async def test_no_answer_is_unreachable_whether_refused_or_late() -> None:
    async with RayceClient("http://127.0.0.1:9", KEY) as rayce:
        with pytest.raises(RayceUnreachable, match="/metrics"):
            await rayce.metrics()
    api = FakeApi()
    api.latency_s = 0.5
    async with serving(api) as url, RayceClient(url, KEY, timeout_s=0.05) as rayce:
        with pytest.raises(RayceUnreachable, match="Timeout"):
            await rayce.recommendations("ada")


@in_loop
async def test_an_answer_of_something_else_is_an_error_of_the_gateway() -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(shout, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, RayceClient(f"http://127.0.0.1:{port}", KEY) as rayce:
        with pytest.raises(RayceHTTPError, match="not a reply of this API"):
            await rayce.profile("ada")
        assert await rayce.ready() == (True, {})


def test_its_errors_survive_pickling() -> None:
    error = RayceHTTPError(422, Problem(title="no", key="$.price", value=-1), 2.0)
    again = pickle.loads(pickle.dumps(error))
    assert (again.status, again.problem, again.retry_after_s, str(again)) == (422, error.problem, 2.0, str(error))
    assert str(pickle.loads(pickle.dumps(RayceUnreachable("away")))) == "away"


def test_replies_may_grow_fields() -> None:
    import msgspec

    assert msgspec.json.decode(b'{"user_id": "ada", "events": 3, "mood": "good"}', type=Profile).events == 3
