"""Who calls: no key, a wrong one, one that lacks the scope; and tenants apart."""

from hashlib import sha256
from typing import Any, cast

import pytest

from deployments.edge.callers import MAX_REMEMBERED, NO_LIMIT, Callers
from deployments.edge.ladder import Ladder
from deployments.edge.problems import Problem
from deployments.edge.rate_limits import Limit
from deployments.edge.routes import OPEN, Route, routes
from deployments.edge.scopes import with_held
from rayce.settings import ApiKey
from tests.deployments.asgi import call
from tests.deployments.shop import KEYS, Shop

pytestmark = pytest.mark.anyio

ROUTES = routes(cast(Ladder, None))
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


def hashed(word: str, **more: Any) -> ApiKey:
    return ApiKey(sha256(word.encode()).hexdigest(), "shop", **more)


class Document:
    """The keys' document, as it changes."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] | None = None
        self.now_ms = 1_000

    def callers(self, limit: Limit = NO_LIMIT) -> Callers:
        return Callers(KEYS, lambda: self.keys, lambda: self.now_ms, limit)


def refused(callers: Callers, word: str) -> bool:
    try:
        callers.find(f"Bearer {word}", "read")
    except Problem as problem:
        assert problem.status == 401
        return True
    return False


def test_a_key_that_is_added_opens_at_once_and_one_that_is_revoked_closes_at_once() -> None:
    document = Document()
    callers = document.callers()
    assert refused(callers, "new") and not refused(callers, "shop-key")
    document.keys = {"new": hashed("new")}
    assert not refused(callers, "new") and not refused(callers, "shop-key")
    document.keys = {"newer": hashed("newer")}
    assert refused(callers, "new"), "remembered although it was revoked"
    assert not refused(callers, "newer") and not refused(callers, "shop-key")
    document.keys = None
    assert refused(callers, "newer") and not refused(callers, "shop-key")


def test_a_key_ends_when_it_says_though_it_was_remembered() -> None:
    document = Document()
    document.keys = {"guest": hashed("guest", until="1970-01-01T00:00:02Z")}
    callers = document.callers()
    assert not refused(callers, "guest")
    document.now_ms = 2_000
    assert refused(callers, "guest")


def test_a_key_of_the_settings_wins_over_the_same_one_of_the_document() -> None:
    document = Document()
    document.keys = {"thief": ApiKey(KEYS["page"].sha256, "other", ("read", "write"))}
    assert document.callers().find("Bearer page-key", "read").tenant == "shop"


def test_rates_are_the_keys_own_or_the_edges() -> None:
    document = Document()
    document.keys = {
        "own": hashed("own", rate_per_s=5.0, burst=7.0),
        "free": hashed("free", rate_per_s=0.0),
        "plain": hashed("plain"),
    }

    def limit(word: str, edge: Limit = NO_LIMIT) -> Limit | None:
        return document.callers(edge).find(f"Bearer {word}", "read").limit

    assert [limit("own"), limit("free"), limit("plain")] == [Limit(5.0, 7.0), None, None]
    edge = Limit(100.0)
    assert [limit("own", edge), limit("free", edge), limit("plain", edge)] == [Limit(5, 7), None, Limit(100, 100)]


def test_tenants_of_added_keys_are_known() -> None:
    document = Document()
    document.keys = {"third": ApiKey("00" * 32, "third")}
    assert document.callers().tenants() == {"shop", "other", "third"}
