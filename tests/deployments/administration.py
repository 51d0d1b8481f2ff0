"""Calls to the administration as tests make them: each reply is held against `/admin/openapi.json`."""

from importlib.resources import files
from typing import Any

import jsonschema
import msgspec

from tests.deployments.asgi import Reply, call
from tests.deployments.shop import Shop

RULES = """\
version: 1
rules:
  - name: no-garden
    items: {category: [garden]}
    filter: drop
"""
NO_RULES = "version: 1\nrules: []\n"
SLOTS = """\
version: 1
slots:
  - name: hero
    fallback: plain
    variants: [{name: plain, payload: {image: /a.jpg}}, {name: loud}]
    rules: [{name: everybody, show: loud}]
"""
MODELS = "version: 1\nsplit: [{model: shuffle, share: 0.5}, {model: next, share: 0.1}]\n"
STARTER = (files("rayce.segments") / "starter.yaml").read_text(encoding="utf-8")
SEGMENTS = f"{STARTER}\n  - {{name: chosen, bit: 200, kind: batch}}\n"
DOCUMENTS = {"rules": RULES, "slots": SLOTS, "models": MODELS, "segments": SEGMENTS}


async def manage(shop: Shop, method: str, target: str, body: Any = b"", key: str | None = "admin-key") -> Reply:
    """One request; text is sent as YAML, anything else that is not bytes as JSON."""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    reply = await call(shop.app, method, target, raw, headers)
    await check(shop, method, target.partition("?")[0], reply)
    return reply


async def put(shop: Shop, kind: str, text: str, key: str = "operator-key") -> int:
    """Make a document live; the number of its generation, which the edge has loaded."""
    reply = await manage(shop, "PUT", f"/admin/{kind}", text, key)
    assert reply.status == 200, reply
    shop.live.refresh()
    number: int = reply.json["generation"]
    return number


async def check(shop: Shop, method: str, path: str, reply: Reply) -> None:
    """The reply is one that the description promises."""
    described = (await call(shop.app, "GET", "/admin/openapi.json")).json
    operation = described["paths"][_template(described, method, path)][method.lower()]
    promised = operation["responses"]
    assert str(reply.status) in promised, (method, path, reply)
    content = promised[str(reply.status)]["content"]
    kind = reply.headers["content-type"].partition(";")[0]
    assert kind in content, (method, path, reply)
    if "json" in kind:
        schema = {**content[kind]["schema"], "components": described["components"]}
        jsonschema.Draft202012Validator(schema).validate(reply.json)


def _template(described: Any, method: str, path: str) -> str:
    for template, operations in sorted(described["paths"].items(), key=lambda each: each[0].count("{")):
        wanted, given = template.split("/"), path.split("/")
        fits = len(wanted) == len(given) and all(
            w.startswith("{") or w == g for w, g in zip(wanted, given, strict=True)
        )
        if fits and method.lower() in operations:
            found: str = template
            return found
    raise AssertionError(f"nothing is promised of {method} {path}")
