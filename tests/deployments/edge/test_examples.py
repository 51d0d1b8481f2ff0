"""Every call has an example, and every example works: it is sent, and what comes back has the shape of what is shown."""

from collections.abc import Mapping
from typing import Any, cast

import jsonschema
import msgspec
import pytest

from deployments.edge.examples import EXAMPLES
from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.routes import OPEN, Route, routes
from tests.deployments.listed_shop import listed_shop
from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio

ROUTES = {(route.method, route.path): route for route in routes(cast(Ladder, None))}  # nothing is asked of it here
BY_NAME = (
    "users",
    "decisions",
    "generations",
    "stores",
    "features",
    "words",
    "cart",
    "scores",
    "attributes",
    "models_left",
)
"""Maps whose keys are the caller's or the catalogue's own."""


def test_every_route_has_an_example_and_every_example_a_route() -> None:
    assert EXAMPLES.keys() == ROUTES.keys()


@pytest.mark.parametrize("name", EXAMPLES, ids=" ".join)
def test_what_is_shown_fits_the_description(name: tuple[str, str]) -> None:
    tree = msgspec.json.decode(msgspec.json.encode(describe(list(ROUTES.values()))))
    method, path = name
    operation = tree["paths"][path][method.lower()]
    shown = EXAMPLES[name]
    if shown.body is not None:
        part = operation["requestBody"]["content"]["application/json"]
        assert part["example"] == shown.body
        check(part["schema"], shown.body, tree)
    if shown.reply is not None:
        part = operation["responses"][str(ROUTES[name].status)]["content"]["application/json"]
        assert part["example"] == shown.reply
        check(part["schema"], shown.reply, tree)


def check(schema: Mapping[str, Any], value: Any, tree: Mapping[str, Any]) -> None:
    whole = {**schema, "components": tree["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


@pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: f"{route.method} {route.path}")
async def test_what_is_shown_is_what_comes_back(shop: Shop, route: Route) -> None:
    example = EXAMPLES[route.method, route.path]
    opened = listed_shop(shop.edge.executor) if "/segments/{name}" in route.path else shop  # type: ignore[arg-type]
    await live_in(opened)
    body = b"" if example.body is None else example.body
    key = None if route.scope == OPEN else "shop-key"
    reply = await opened.call(route.method, example.target, body, key=key)  # checks the schema too
    assert reply.status == route.status, reply
    if example.reply is not None:
        assert shape(reply.json) == shape(example.reply)


async def live_in(shop: Shop) -> None:
    """Somebody of whom something is known, and items."""
    await shop.consent("ada", training=True)
    await shop.call("PUT", "/v1/items", [{"item_id": "p1", "title": "Milk", "price": 1.99}])
    await shop.act("purchase", "p9")
    await shop.act("add_to_cart", "p1")


def shape(value: Any) -> Any:
    """The names of a reply, not its values."""
    return (
        {name: None if name in BY_NAME else shape(below) for name, below in value.items()}
        if isinstance(value, dict)
        else None
    )


async def test_control_another_shape_is_noticed() -> None:
    assert shape({"a": {"b": 1}}) != shape({"a": {"c": 1}})
