"""Every call tried with all that `/openapi.json` allows, and much that it does not: no 5xx, and every reply as promised."""

import asyncio
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

from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.routes import routes
from tests.deployments.shop import Shop

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 60

open_shop: list[Shop] = []


@schemathesis.serializer("application/x-ndjson")
def json_lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """JSON lines are text."""
    return str(value).encode("utf-8", "replace")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of the shop that is open now."""
    await open_shop[0].app(scope, receive, send)


api = schemathesis.openapi.from_dict(describe(routes(cast(Ladder, None))))
api.app = application
api.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module", autouse=True)
def shop() -> Iterator[None]:
    """One shop for all, with somebody in it of whom something is known."""
    with ThreadPoolExecutor(4) as executor:
        opened = Shop(executor)
        opened.publish()
        asyncio.run(_visit(opened))
        open_shop.append(opened)
        yield
        open_shop.clear()


async def _visit(shop: Shop) -> None:
    await shop.consent("0")
    await shop.act("purchase", "p1", "p2", user="0")
    await shop.call("PUT", "/v1/items", [{"item_id": "0", "price": 1.5, "attributes": {"size": 3}}])


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
def test_whatever_is_sent_the_reply_is_as_promised(case: Case) -> None:
    case.call_and_validate(headers={"Authorization": "Bearer shop-key"}, checks=CHECKS)
