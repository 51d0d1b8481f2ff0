"""`/openapi.json`, made from the table of routes and the types of its bodies and replies."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from deployments.edge.examples import EXAMPLES, Example
from deployments.edge.routes import OPEN, Route
from deployments.edge.schemas import ProblemOut
from rayce import __version__
from rayce.item import PLAIN

REF = "#/components/schemas/{name}"
TEXT = {"schema": {"type": "string"}}
NO_EXAMPLE = Example("")
PATH_LIMITS = {"kind": 128, "user_id": 256, "item_id": 128, "name": 64, "cohort": 200}
PATH_IDS = ("user_id", "item_id", "name")


def describe(
    routes: Sequence[Route], title: str = "rayce", examples: Mapping[tuple[str, str], Example] = EXAMPLES
) -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    types = {kind for route in routes for kind in (route.reply, route.body) if kind is not None}
    ordered = sorted([*types, ProblemOut], key=str)
    schemas, components = msgspec.json.schema_components(ordered, ref_template=REF)
    schema_of = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, examples)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schema_of: dict[Any, Any], examples: Mapping[tuple[str, str], Example]) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": schema_of[ProblemOut]}}}
    keyless = route.scope == OPEN and not route.keyed
    codes = {} if keyless else {"401": "No valid API key", "403": "The key lacks the scope"}
    if "{" in route.path:
        codes["404"] = "Not found"
    if route.conflict:
        codes["409"] = route.conflict
    if route.body is not None:
        codes["408"] = "The body did not come in time"
        codes["413"] = "Too large"
        codes["415"] = "Compressed: send it as it is"
    if not keyless:
        codes |= {"400": "Not HTTP as it should be", "422": "Wrong input: key and value are named"}
        codes |= {"429": "More requests a second than the key may make: see `Retry-After` and `RateLimit`"}
        codes |= {"503": "A store did not answer, or too many requests at once: see `Retry-After`"}
    good: dict[str, Any] = {"description": "Done"}
    good["content"] = (
        {"application/json": {"schema": schema_of[route.reply]}} if route.reply is not None else {"text/plain": TEXT}
    )
    example = examples.get((route.method, route.path), NO_EXAMPLE)
    if example.reply is not None and route.reply is not None:
        good["content"]["application/json"]["example"] = example.reply
    operation: dict[str, Any] = {
        "summary": route.summary,
        "description": (route.handler.__doc__ or "").strip(),
        "operationId": route.handler.__name__ + ("" if route.method == "POST" else "_" + route.method.lower()),
        "parameters": _parameters(route),
        "responses": {str(route.status): good, **{c: {"description": d, **problem} for c, d in codes.items()}},
    }
    if route.validated:
        operation["responses"]["304"] = {"description": "The caller has this reply already, by its `If-None-Match`"}
    if route.scope != OPEN:
        operation["security"] = [{"key": []}]
    if route.body is not None:
        content: dict[str, Any] = {"application/json": {"schema": schema_of[route.body]}}
        if example.body is not None:
            content["application/json"]["example"] = example.body
        if route.keyed:
            content["text/plain"] = TEXT
        if route.lines:
            content["application/x-ndjson"] = TEXT
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": PATH_LIMITS[name],
                **({"pattern": PLAIN} if name in PATH_IDS else {}),
            },
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        (_ref,), components = msgspec.json.schema_components([route.query], ref_template=REF)
        schema = components[route.query.__name__]
        for name, kind in schema["properties"].items():
            required = name in schema.get("required", ())
            found.append({"name": name, "in": "query", "required": required, "schema": _without_null(kind)})
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
