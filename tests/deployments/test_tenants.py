"""Tenants apart: to one tenant a user of another is somebody who was never seen, whatever is asked, however warm the caches."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, NamedTuple, cast
from urllib.parse import quote

import msgspec
import pytest

from deployments.edge.ladder import Ladder
from deployments.edge.routes import routes
from rayce.api_keys import add_key, hash_of
from rayce.generations import generation_name
from rayce.settings import ApiKey
from tests.deployments.asgi import Reply, call
from tests.deployments.shop import Shop
from tests.samples import T0
from tests.shops import POPULAR, make_shelf

pytestmark = pytest.mark.anyio

TENANTS = ("a", "a:b", "ab", "a b", "shop", "other", "sh", "op", "ä", "A")
"""Names that would be mixed up where they are put together with ids without care."""
USERS = ("ada", "b:ada", ":ada", "bada", "a", "1", "ärö", "e@mail.de", "shop.ada", "p ada")
PAIRS = 500
GETS = [route.path for route in routes(cast(Ladder, None)) if route.method == "GET" and "{user_id}" in route.path]
CONTEXTUAL = {"/v1/users/{user_id}/recommendations", "/v1/users/{user_id}/cohort"}
"""Answer everybody, from circumstances alone where nothing may be known; all others say 404."""
POSTS: Mapping[str, Mapping[str, Any]] = {
    "/v1/recommendations": {"limit": 5},
    "/v1/rank": {"items": ["p1", "p2", "p3"]},
    "/v1/decisions": {"slots": ["hero"]},
}
OF_THE_REPLY = re.compile(rb'"decision_id":"[^"]*"|"age_s":[\d.e-]+')


class Theirs(NamedTuple):
    """A user of a tenant, and what that tenant's own key is told of the user."""

    tenant: str
    user: str
    etag: str


def key_of(tenant: str) -> str:
    return f"key-{TENANTS.index(tenant)}"


def user_of(tenant: str, user: str) -> str:
    """Only this tenant has a user of this name."""
    return f"{user}{TENANTS.index(tenant)}"


async def ask(shop: Shop, tenant: str, method: str, target: str, body: Any = None, **headers: str) -> Reply:
    sent = {"authorization": f"Bearer {key_of(tenant)}"} | {name.replace("_", "-"): v for name, v in headers.items()}
    raw = b"" if body is None else msgspec.json.encode(body)
    return await call(shop.app, method, target, raw, sent)


@pytest.fixture
async def street() -> AsyncIterator[tuple[Shop, list[Theirs]]]:
    """Ten shops with ten users each, of whom each has bought; the edge keeps all that it may, and all has been asked for."""
    with ThreadPoolExecutor(4) as executor:
        shop = Shop(executor)
        listening = asyncio.ensure_future(shop.hot.listen(shop.edge.caches.bus))  # type: ignore[union-attr]
        for tenant in TENANTS:
            key = ApiKey(hash_of(key_of(tenant)), tenant, ("events", "read", "write"))
            add_key(shop.durable, f"t{TENANTS.index(tenant)}", key, T0)
            for kind, files in {"shelf": make_shelf().to_files(), "popular": POPULAR.to_files(), "ranker": {}}.items():
                name = generation_name(tenant, kind)
                shop.durable.make_live(name, shop.durable.publish(name, files))
        shop.live.refresh()
        everybody = [(tenant, user_of(tenant, user)) for tenant in TENANTS for user in USERS]
        for tenant, user in everybody:
            await move_in(shop, tenant, user)
        await shop.work_off()
        yield shop, [await warm_up(shop, tenant, user) for tenant, user in everybody]
        listening.cancel()


async def move_in(shop: Shop, tenant: str, user: str) -> None:
    allowed = {"personalization": True, "training": True, "marketing": True}
    assert (await ask(shop, tenant, "PUT", f"{path_of(user)}/consent", allowed)).status == 200
    event = {"type": "purchase", "user_id": user, "items": [{"item_id": "p9", "price": 2.0}]}
    assert (await ask(shop, tenant, "POST", "/v1/events", event)).status == 202


async def warm_up(shop: Shop, tenant: str, user: str) -> Theirs:
    """All that may be kept of the user is kept."""
    for _twice in range(2):
        for template in GETS:
            reply = await ask(shop, tenant, "GET", template.replace("/v1/users/{user_id}", path_of(user)))
            assert reply.status == 200
    reply = await ask(shop, tenant, "GET", f"{path_of(user)}/recommendations")
    assert reply.json["personal"] and "p9" not in [item["item_id"] for item in reply.json["items"]]
    assert reply.headers["rayce-cache"] == "hit" and shop.edge.people.kept_flags(shop.person(user, tenant))
    return Theirs(tenant, user, reply.headers["etag"])


def path_of(user: str) -> str:
    return f"/v1/users/{quote(user, safe='')}"


def same(reply: Reply, user: str) -> tuple[int, bytes]:
    """What a reply says, but for the user's name and what is of the reply itself."""
    return reply.status, OF_THE_REPLY.sub(b"", reply.body).replace(f'"{user}"'.encode(), b"*")


async def check_foreign(shop: Shop, tenant: str, theirs: Theirs, stranger: str) -> None:
    """The tenant learns of another's user what it learns of somebody who was never seen anywhere: nothing."""
    user = theirs.user
    for template in GETS:
        found, nobody = [
            await ask(shop, tenant, "GET", template.format(user_id=quote(who, safe=""))) for who in (user, stranger)
        ]
        assert same(found, user) == same(nobody, stranger), template
        assert found.status == (200 if template in CONTEXTUAL else 404), template
        assert template not in CONTEXTUAL or found.json["personal"] is False
    for path, body in POSTS.items():
        found, nobody = [await ask(shop, tenant, "POST", path, {"user_id": who, **body}) for who in (user, stranger)]
        assert same(found, user) == same(nobody, stranger), path
    looked_up = await ask(shop, tenant, "POST", "/v1/segments/lookup", {"user_ids": [user]})
    assert looked_up.json["users"] == {user: None}
    path = f"{path_of(user)}/recommendations"
    assert (await ask(shop, tenant, "GET", path, if_none_match=theirs.etag)).status == 200, (
        "their ETag says nothing here"
    )


async def test_five_hundred_foreign_users_are_nobody(street: tuple[Shop, list[Theirs]]) -> None:
    shop, people = street
    chance = Random(7)
    pairs = [(tenant, theirs) for tenant in TENANTS for theirs in people if theirs.tenant != tenant]
    for number, (tenant, theirs) in enumerate(chance.sample(pairs, PAIRS)):
        await check_foreign(shop, tenant, theirs, f"stranger{number}")


async def test_control_tenants_that_are_not_told_apart_would_be_noticed(street: tuple[Shop, list[Theirs]]) -> None:
    shop, people = street
    person = shop.pseudonymizer.person
    theirs = people[0]
    shop.pseudonymizer.person = lambda tenant, user: person(theirs.tenant, user)  # type: ignore[assignment, method-assign]
    with pytest.raises(AssertionError):
        await check_foreign(shop, "other", theirs, "stranger")


async def test_what_one_tenant_says_of_a_user_is_said_of_its_own(street: tuple[Shop, list[Theirs]]) -> None:
    """The same id in two shops is two people: a withdrawal here is none there."""
    shop, people = street
    theirs = next(each for each in people if each.tenant == "shop")
    path = path_of(theirs.user)
    before = await ask(shop, "shop", "GET", f"{path}/consent")
    assert (await ask(shop, "other", "PUT", f"{path}/consent", {"personalization": False})).status == 200
    event = {"type": "purchase", "user_id": theirs.user, "items": [{"item_id": "p1"}]}
    assert (await ask(shop, "other", "POST", "/v1/events", event)).json["not_stored"] == 1
    await shop.work_off()
    assert (await ask(shop, "shop", "GET", f"{path}/consent")).body == before.body
    assert (await ask(shop, "shop", "GET", f"{path}/profile")).json["events"] == 1
    assert (await ask(shop, "shop", "GET", f"{path}/recommendations")).json["personal"] is True


async def test_items_of_one_tenant_are_not_there_for_another(street: tuple[Shop, list[Theirs]]) -> None:
    shop, _people = street
    assert (await ask(shop, "shop", "PUT", "/v1/items/secret", {"title": "Secret"})).status == 200
    for tenant in TENANTS:
        found = await ask(shop, tenant, "GET", "/v1/items/secret")
        many = await ask(shop, tenant, "GET", "/v1/items?ids=secret")
        assert (found.status == 200) is (many.json["items"] != []) is (tenant == "shop")
        if tenant != "shop":
            assert (await ask(shop, tenant, "DELETE", "/v1/items/secret")).status == 404
    assert (await ask(shop, "shop", "GET", "/v1/items/secret")).status == 200
