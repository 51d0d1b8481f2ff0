"""Every call, the administration's too, tried with all that its description allows, and much that it does not.

No server error, and every reply as promised; with all stores up, and again with all of them away: then nothing that a page
waits for may fail, and what cannot do without a store says 503 and when to come again. `make fuzz` sends 2,000 of each, new
ones each time; `make test` a few, always the same.
"""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import Receive, Scope, Send

from deployments.edge.admin.desk import Desk
from deployments.edge.admin.routes import HEAD, admin_routes, describe_admin
from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.routes import routes
from tests.deployments.administration import DOCUMENTS
from tests.deployments.shop import Shop

FEW = 25
CASES = int(os.environ.get("RAYCE_FUZZ_CASES", FEW))
MANY = settings(max_examples=CASES, deadline=None, derandomize=CASES <= FEW, database=None)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NEEDS_A_STORE = {
    ("POST", "/v1/events"),
    ("POST", "/v1/beacon"),
    ("GET", "/v1/segments"),
    ("GET", "/v1/segments/{name}"),
    ("GET", "/v1/segments/{name}/members"),
    ("GET", "/v1/users/{user_id}/profile"),
    ("GET", "/v1/users/{user_id}/consent"),
    ("PUT", "/v1/users/{user_id}/consent"),
    ("PUT", "/v1/items"),
    ("GET", "/v1/items"),
    ("PUT", "/v1/items/{item_id}"),
    ("GET", "/v1/items/{item_id}"),
    ("DELETE", "/v1/items/{item_id}"),
}
"""May say 503 while stores are away, and the administration may; nothing else."""

open_shop: list[Shop] = []


@schemathesis.serializer("application/x-ndjson")
def json_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """JSON lines are text."""
    return str(value).encode("utf-8", "replace")


@schemathesis.serializer("application/yaml")
def document(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """A document is text; what schemathesis thinks of becomes a good one, a bad one, or is sent as it is."""
    text = str(value)
    found = [*DOCUMENTS.values(), text, f"version: 1\n{text}"]
    return found[len(text) % len(found)].encode("utf-8", "replace")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of the shop that is open now."""
    await open_shop[0].app(scope, receive, send)


def loaded(description: dict[str, Any]) -> Any:
    found = schemathesis.openapi.from_dict(description)
    found.app = application
    found.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return found


api = loaded(describe(routes(cast(Ladder, None))))
administration = loaded(describe_admin(admin_routes(Desk(), bytes)))


@pytest.fixture(autouse=True)
def shop() -> Iterator[Shop]:
    """A shop with somebody in it of whom something is known."""
    with ThreadPoolExecutor(4) as executor:
        opened = Shop(executor)
        opened.publish()
        asyncio.run(_visit(opened))
        open_shop.append(opened)
        yield opened
        open_shop.clear()


async def _visit(shop: Shop) -> None:
    await shop.consent("0")
    await shop.act("purchase", "p1", "p2", user="0")
    await shop.call("PUT", "/v1/items", [{"item_id": "0", "price": 1.5, "attributes": {"size": 3}}])


def send(case: Case, checks: list[Any]) -> None:
    key = "operator-key" if case.path.startswith(HEAD) else "shop-key"
    response = case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=checks)
    assert response.status_code != 503 or "retry-after" in response.headers


def send_with_stores_away(case: Case) -> None:
    """503 where a store is needed; no other server error, and no reply that was not promised."""
    shop = open_shop[0]
    shop.hot.away = shop.durable.away = shop.log.away = True
    may = case.path.startswith(HEAD) or (case.method.upper(), case.path) in NEEDS_A_STORE
    key = "operator-key" if case.path.startswith(HEAD) else "shop-key"
    response = case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS[1:] if may else CHECKS)
    assert response.status_code < 500 or (response.status_code == 503 and "retry-after" in response.headers)


@pytest.mark.timeout(3_600)
@api.parametrize()
@MANY
def test_whatever_is_sent_the_reply_is_as_promised(case: Case) -> None:
    send(case, CHECKS)


@pytest.mark.timeout(3_600)
@api.parametrize()
@MANY
def test_with_all_stores_away_too_and_what_a_page_waits_for_does_not_fail(case: Case) -> None:
    send_with_stores_away(case)


@pytest.mark.timeout(3_600)
@administration.parametrize()
@MANY
def test_whatever_is_sent_to_the_administration_the_reply_is_as_promised(case: Case) -> None:
    send(case, CHECKS)


@pytest.mark.timeout(3_600)
@administration.parametrize()
@MANY
def test_with_all_stores_away_the_administration_says_so(case: Case) -> None:
    send_with_stores_away(case)


@pytest.mark.parametrize("away", [False, True])
def test_control_a_server_error_would_be_noticed(shop: Shop, away: bool) -> None:
    def broken(*_arguments: object) -> Any:
        raise RuntimeError

    shop.durable.load_items = broken  # type: ignore[method-assign]
    case = api["/v1/items/{item_id}"]["GET"].Case(path_parameters={"item_id": "p1"})
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        send_with_stores_away(case) if away else send(case, CHECKS)


def test_control_a_page_that_fails_for_the_sake_of_a_store_would_be_noticed() -> None:
    case = api["/v1/items/{item_id}"]["GET"].Case(path_parameters={"item_id": "p1"})
    send_with_stores_away(case)
    NEEDS_A_STORE.discard(("GET", "/v1/items/{item_id}"))
    try:
        with pytest.raises((AssertionError, BaseExceptionGroup)):
            send_with_stores_away(case)
    finally:
        NEEDS_A_STORE.add(("GET", "/v1/items/{item_id}"))
