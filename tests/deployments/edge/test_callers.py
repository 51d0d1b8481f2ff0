"""Who calls: no key, a wrong one, one that lacks the scope; and tenants apart."""

import pytest

from deployments.edge.callers import MAX_REMEMBERED, Callers
from deployments.edge.ladder import Ladder
from deployments.edge.problems import Problem
from deployments.edge.routes import OPEN, Route, routes
from deployments.edge.scopes import with_held
from tests.deployments.asgi import call
from tests.deployments.shop import KEYS, Shop

pytestmark = pytest.mark.anyio

ROUTES = routes(Ladder(1, 1))
CLOSED = [route for route in ROUTES if route.scope != OPEN]


def target_of(route: Route) -> str:
    return route.path.replace("{user_id}", "ada").replace("{item_id}", "bread")


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", CLOSED, ids=_name)
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer no-such-key",
        "Basic shop-key",
        "shop-key",
        "Bearer shop-key extra",
        "Bearer \xff",
    ],
)
async def test_without_a_good_key_every_call_is_refused(shop: Shop, route: Route, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    reply = await call(shop.app, route.method, target_of(route), b"{}", headers)
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert reply.json["key"] == "Authorization"
    assert b"no-such-key" not in reply.body


@pytest.mark.parametrize("route", CLOSED, ids=_name)
async def test_a_key_opens_what_its_scopes_name_and_nothing_else(shop: Shop, route: Route) -> None:
    for key, scope in (("sender-key", "events"), ("page-key", "read")):
        reply = await shop.call(route.method, target_of(route), b"{}", key=key)
        assert (reply.status == 403) is (route.scope not in with_held([scope]))
        if reply.status == 403:
            assert (reply.json["key"], reply.json["value"]) == ("Authorization", route.scope)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.scope == OPEN and not route.keyed], ids=_name)
async def test_operators_need_no_key(shop: Shop, route: Route) -> None:
    assert (await shop.call(route.method, route.path, key=None)).status == 200


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_case(shop: Shop, word: str) -> None:
    reply = await call(shop.app, "GET", "/v1/items?ids=a", headers={"authorization": f"{word} shop-key"})
    assert reply.status == 200


def test_good_keys_are_remembered_up_to_a_bound_and_bad_ones_never() -> None:
    callers = Callers(KEYS)
    for n in range(MAX_REMEMBERED + 50):
        assert callers.find("Bearer" + " " * (n + 1) + "shop-key", "read").tenant == "shop"
        with pytest.raises(Problem):
            callers.find(f"Bearer wrong{n}", "read")
    assert len(callers._remembered) == MAX_REMEMBERED


def test_a_remembered_key_is_still_asked_for_its_scope() -> None:
    callers = Callers(KEYS)
    assert callers.find("Bearer page-key", "read")
    with pytest.raises(Problem):
        callers.find("Bearer page-key", "write")
