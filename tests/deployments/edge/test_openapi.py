"""`/openapi.json` describes every route as it is, and nothing that is not there."""

import re
from typing import Any, cast

import pytest
from starlette.routing import Route as StarletteRoute

from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.problems import TITLES
from deployments.edge.routes import OPEN, routes
from deployments.edge.server import Server
from tests.deployments.asgi import call
from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio

OF_ITSELF = {"/openapi.json", "/docs", "/rayce.js"}
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture
async def description(shop: Shop) -> dict[str, Any]:
    reply = await call(shop.app, "GET", "/openapi.json")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = reply.json
    return found


async def test_every_route_is_described_and_every_description_is_a_route(
    shop: Shop, description: dict[str, Any]
) -> None:
    served = {
        (route.path, method.lower())
        for route in Server(shop.edge).routed().routes
        if isinstance(route, StarletteRoute) and route.path not in OF_ITSELF
        for method in route.methods or ()
        if method != "HEAD"
    }
    described = {(path, method) for path, operations in description["paths"].items() for method in operations}
    assert served == described


async def test_every_call_says_what_it_does_needs_and_answers(description: dict[str, Any]) -> None:
    names = [operation["operationId"] for calls in description["paths"].values() for operation in calls.values()]
    assert len(names) == len(set(names))
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] and operation["description"], path
            assert {p["name"] for p in operation["parameters"] if p["in"] == "path"} == set(
                re.findall(r"{(\w+)}", path)
            )
            assert ("requestBody" in operation) is (method in ("put", "post"))
            for status, response in operation["responses"].items():
                assert response["description"]
                kind = "application/problem+json" if int(status) >= 400 else None
                assert kind is None or set(response["content"]) == {kind}
                assert int(status) < 400 or int(status) in TITLES


async def test_what_needs_a_key_says_so(description: dict[str, Any]) -> None:
    for route in routes(cast(Ladder, None)):
        operation = description["paths"][route.path][route.method.lower()]
        assert ("security" in operation) is (route.scope != OPEN)
        assert ({"401", "403"} <= set(operation["responses"])) is (route.scope != OPEN or route.keyed)


async def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    def references(tree: Any) -> set[str]:
        if isinstance(tree, dict):
            return {value for key, value in tree.items() if key == "$ref"}.union(*map(references, tree.values()))
        return set().union(*map(references, tree)) if isinstance(tree, list) else set()

    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert references(description) <= known


async def test_the_description_is_the_same_at_every_start() -> None:
    assert describe(routes(cast(Ladder, None))) == describe(routes(cast(Ladder, None)))


async def test_there_is_a_page_to_try_it(shop: Shop) -> None:
    reply = await call(shop.app, "GET", "/docs")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/html")
    assert b"openapi.json" in reply.body
    assert not re.search(rb"(src|href)=.https?://", reply.body), "the page must work offline"
