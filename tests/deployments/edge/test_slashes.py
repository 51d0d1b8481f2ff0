"""A slash in an id, written `%2F`, belongs to the id; anything else in a path is as it was."""

import asyncio
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from deployments.edge.slashes import ASIDE, Slashes, with_slashes
from tests.deployments.asgi import call
from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio


async def seen(target: str) -> Scope:
    """The scope that the application behind gets."""
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    await call(Slashes(app), "GET", target)
    return found[0]


@pytest.mark.parametrize(
    "target", ["/v1/users/a/segments", "/v1/users/%E4%BD%A0/segments", "/v1/users/a%20b%1Fc/segments"]
)
async def test_a_path_without_such_a_slash_is_left_alone(target: str) -> None:
    scope = await seen(target)
    assert "rayce.slashes" not in scope


async def test_a_path_that_uses_the_character_itself_is_left_alone() -> None:
    scope = await seen("/v1/users/a%2Fb%1Fc/segments")
    assert "rayce.slashes" not in scope


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffd"), min_size=1, max_size=20))
def test_any_id_comes_through(user: str) -> None:
    scope = asyncio.run(seen(f"/v1/users/{quote(user, safe='')}/segments"))
    head, version, users, part, tail = scope["path"].split("/")
    assert (head, version, users, tail) == ("", "v1", "users", "segments")
    assert with_slashes(scope, part) == user


async def test_people_and_items_with_slashes_can_be_reached(shop: Shop) -> None:
    consent = await shop.call("PUT", "/v1/users/a%2Fb%2f%C3%BC/consent", {"personalization": True})
    assert consent.status == 200
    assert (await shop.call("GET", "/v1/users/a%2Fb%2F%C3%BC/consent")).json["user_id"] == "a/b/ü"
    assert (await shop.call("PUT", "/v1/items", [{"item_id": "x/y"}])).status == 200
    assert (await shop.call("GET", "/v1/items/x%2Fy")).json["item_id"] == "x/y"
    assert (await shop.call("GET", "/v1/items/x/y")).status == 404
    assert (await shop.call("DELETE", "/v1/items/x%2Fy")).status in (200, 204)


async def test_the_character_put_in_its_place_is_in_no_id(shop: Shop) -> None:
    assert (await shop.call("GET", f"/v1/users/a{quote(ASIDE)}b/profile")).status == 422
    assert (await shop.call("GET", f"/v1/users/a%2F{quote(ASIDE)}b/profile")).status in (404, 422)
