"""docs/http: a page for each group of calls, and what it says of each call is what the code does."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import yaml

from deployments.edge.admin.desk import Desk
from deployments.edge.admin.examples import EXAMPLES as OF_ADMINISTRATION
from deployments.edge.admin.routes import admin_routes, describe_admin
from deployments.edge.examples import EXAMPLES as OF_CALLERS
from deployments.edge.ladder import Ladder
from deployments.edge.lanes import ALWAYS, BULK_ROUTES
from deployments.edge.openapi import describe
from deployments.edge.routes import OPEN, routes
from tests.deployments.edge.test_examples import live_in
from tests.deployments.listed_shop import listed_shop
from tests.deployments.shop import Shop

DOCS = Path(__file__).parents[3] / "docs"
CALLS = routes(cast(Ladder, None))  # nothing is asked of it here
ADMINISTRATION = admin_routes(Desk(), bytes)
ROUTES = {(route.method, route.path): route for route in (*CALLS, *ADMINISTRATION)}
EXAMPLES = {**OF_CALLERS, **OF_ADMINISTRATION}
DESCRIBED = {**describe(CALLS)["paths"], **describe_admin(ADMINISTRATION)["paths"]}
HEADING = re.compile(r"^## `(GET|PUT|POST|DELETE) (\S+)`$", re.MULTILINE)


class Section(NamedTuple):
    """What a page says of a call."""

    scope: str
    priority: str
    cache_control: str
    replies: list[str]
    target: str
    blocks: list[tuple[str, str]]


def read_sections() -> dict[tuple[str, str], Section]:
    """By method and path; a call that has two sections fails."""
    found: dict[tuple[str, str], Section] = {}
    for page in sorted((DOCS / "http").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        headings = [*HEADING.finditer(text)]
        for heading in headings:
            call = (heading[1], heading[2])
            assert call not in found, f"{call} stands in two places"
            below = re.split(r"^## ", text[heading.end() :], maxsplit=1, flags=re.MULTILINE)[0]
            row = re.search(r"^\|---.*\n\| (.*) \|$", below, re.MULTILINE)
            target = re.search(rf"^```http\n{call[0]} (\S+)\n```", below, re.MULTILINE)
            assert row and target, f"{call} lacks its table or its example"
            scope, priority, kept, replies = row[1].split(" | ")
            blocks = re.findall(r"^```(json|yaml)\n(.*?)^```", below, re.MULTILINE | re.DOTALL)
            found[call] = Section(scope, priority, kept, replies.split(", "), target[1], blocks)
    return found


SECTIONS = read_sections()


def test_every_call_has_its_section_and_no_other_has_one() -> None:
    assert SECTIONS.keys() == ROUTES.keys()


@pytest.mark.parametrize("call", SECTIONS, ids=" ".join)
def test_scope_priority_and_replies_are_those_of_the_code(call: tuple[str, str]) -> None:
    section, route = SECTIONS[call], ROUTES[call]
    assert section.scope.partition(":")[0].strip("`") == (route.scope if route.scope != OPEN else "none")
    wanted = "always let in" if call[1] in ALWAYS else "`bulk`" if call in BULK_ROUTES else "`interactive`"
    assert section.priority == wanted
    assert section.replies == sorted(DESCRIBED[call[1]][call[0].lower()]["responses"])


@pytest.mark.parametrize("call", SECTIONS, ids=" ".join)
def test_the_example_is_the_one_of_the_description_which_is_run(call: tuple[str, str]) -> None:
    section, example = SECTIONS[call], EXAMPLES[call]
    assert section.target == example.target
    shown = [json.loads(body) if kind == "json" else body for kind, body in section.blocks]
    assert shown == [part for part in (example.body, example.reply) if part is not None]


@pytest.mark.anyio
@pytest.mark.parametrize("call", [(route.method, route.path) for route in CALLS], ids=" ".join)
async def test_caches_are_told_what_the_page_says(shop: Shop, call: tuple[str, str]) -> None:
    opened = listed_shop(shop.edge.executor) if "/segments/{name}" in call[1] else shop  # type: ignore[arg-type]
    await live_in(opened)
    example, key = EXAMPLES[call], None if ROUTES[call].scope == OPEN else "shop-key"
    reply = await opened.call(*call[:1], example.target, b"" if example.body is None else example.body, key=key)
    said: Any = reply.headers.get("cache-control", "none")
    assert (said.partition(",")[0] + ", …" if said.startswith("public") else said) == SECTIONS[
        call
    ].cache_control.strip("`")


def test_documents_that_are_shown_can_be_read() -> None:
    for section in SECTIONS.values():
        for kind, body in section.blocks:
            assert isinstance(yaml.safe_load(body), dict | list), (kind, body)


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "http.md").read_text(encoding="utf-8")
    assert {f"http/{page.name}" for page in (DOCS / "http").glob("*.md")} <= set(
        re.findall(r"\]\((http/\w[\w-]*\.md)\)", index)
    )
