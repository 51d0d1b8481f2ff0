"""Ids in bodies are as ids in paths: no control characters, and the refusal names key and value."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.requests import _UNFIT
from rayce.item import PLAIN, PlainItemId
from rayce.refusals import value_at
from tests.deployments.asgi import call
from tests.deployments.shop import Shop

pytestmark = pytest.mark.anyio

NOT_PLAIN = ["p\0", "\x1f", "p1\n", "p\x7fq", "\ufffd"]
REFUSED: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "an item to store": ("PUT", "/v1/items/p1", {"item_id": "{}"}, "$.item_id"),
    "whom to recommend to": ("POST", "/v1/recommendations", {"user_id": "{}"}, "$.user_id"),
    "what to leave out": ("POST", "/v1/recommendations", {"exclude": ["p1", "{}"]}, "$.exclude[1]"),
    "what the session has": ("POST", "/v1/recommendations", {"session_items": ["{}"]}, "$.session_items[0]"),
    "what to choose from": ("POST", "/v1/recommendations", {"candidates": ["{}"]}, "$.candidates[0]"),
    "what to rank": ("POST", "/v1/rank", {"items": ["p1", "{}"]}, "$.items[1]"),
    "for whom to rank": ("POST", "/v1/rank", {"items": ["p1"], "user_id": "{}"}, "$.user_id"),
    "for whom to decide": ("POST", "/v1/decisions", {"slots": ["banner"], "user_id": "{}"}, "$.user_id"),
    "a slot": ("POST", "/v1/decisions", {"slots": ["{}"]}, "$.slots[0]"),
    "whom to look up": ("POST", "/v1/segments/lookup", {"user_ids": ["ada", "{}"]}, "$.user_ids[1]"),
}


def holding(body: Any, text: str) -> Any:
    """The body with a text where `{}` stands."""
    return msgspec.json.decode(msgspec.json.encode(body).replace(b'"{}"', msgspec.json.encode(text)))


@pytest.mark.parametrize("text", NOT_PLAIN)
@pytest.mark.parametrize("name", REFUSED)
async def test_it_is_refused_with_key_and_value(shop: Shop, name: str, text: str) -> None:
    method, path, body, key = REFUSED[name]
    reply = await shop.call(method, path, holding(body, text))
    assert (reply.status, reply.headers["content-type"]) == (422, "application/problem+json")
    assert (reply.json["key"], reply.json["value"]) == (key, text)
    assert name == "a slot" or reply.json["detail"] == f"{key}: control characters, or no UTF-8"


@pytest.mark.parametrize("name", REFUSED)
async def test_control_with_a_plain_id_none_is_refused_for_it(shop: Shop, name: str) -> None:
    method, path, body, _key = REFUSED[name]
    assert (await shop.call(method, path, holding(body, "p1"))).status == 200


@pytest.mark.parametrize("text", NOT_PLAIN)
async def test_of_many_items_the_good_are_stored_and_the_bad_named(shop: Shop, text: str) -> None:
    reply = await shop.call("PUT", "/v1/items", [{"item_id": "good"}, {"item_id": text}])
    assert (reply.status, reply.json["stored"]) == (200, 1)
    assert [(bad["index"], bad["path"], bad["value"]) for bad in reply.json["errors"]] == [(1, "$.item_id", text)]
    assert (await shop.call("GET", "/v1/items?ids=good")).json["items"][0]["item_id"] == "good"


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_a_body_takes_what_a_path_takes(text: str) -> None:
    try:
        taken = msgspec.json.decode(msgspec.json.encode(text), type=PlainItemId) == text
    except msgspec.ValidationError:
        taken = False
    assert taken == (_UNFIT.search(text) is None)


async def test_openapi_says_so_of_every_id_that_a_caller_sends(shop: Shop) -> None:
    description = (await call(shop.app, "GET", "/openapi.json")).json
    schemas = description["components"]["schemas"]
    plain = {
        ("EventIn", "user_id"),
        ("EventIn", "session_id"),
        ("LineIn", "item_id"),
        ("ItemIn", "item_id"),
        ("ItemPatch", "item_id"),
        ("RecommendIn", "user_id"),
        ("RecommendIn", "exclude"),
        ("RecommendIn", "session_items"),
        ("RecommendIn", "candidates"),
        ("RankIn", "items"),
        ("RankIn", "user_id"),
        ("DecideIn", "user_id"),
        ("LookupIn", "user_ids"),
    }
    for kind, name in plain:
        assert PLAIN in _patterns(schemas[kind]["properties"][name]), (kind, name)
    for path, operations in description["paths"].items():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in ("user_id", "item_id"):
                    assert value_at(parameter, "$.schema.pattern") == PLAIN, path


def _patterns(tree: Any) -> set[str]:
    if isinstance(tree, list):
        return set().union(*map(_patterns, tree))
    if not isinstance(tree, dict):
        return set()
    return {text for text in (tree.get("pattern"),) if text}.union(*map(_patterns, tree.values()))
