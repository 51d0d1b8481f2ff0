"""The table of the administration's routes, and its description."""

from collections.abc import Callable
from typing import Any

from deployments.edge.admin import schemas
from deployments.edge.admin.desk import Desk
from deployments.edge.admin.documents import YAML, Documents, PutQuery
from deployments.edge.admin.examples import EXAMPLES
from deployments.edge.admin.generations import KeptGenerations
from deployments.edge.admin.keys import ApiKeys
from deployments.edge.admin.purge import post_purge
from deployments.edge.openapi import describe
from deployments.edge.routes import Route
from deployments.edge.scopes import ADMIN

HEAD = "/admin"


def admin_routes(desk: Desk, random: Callable[[int], bytes]) -> list[Route]:
    """Every call. What stands first is tried first."""
    documents, generations, keys = Documents(desk), KeptGenerations(desk), ApiKeys(desk, random)
    document = f"{HEAD}/{{kind}}"
    return [
        Route(
            "GET",
            f"{HEAD}/generations",
            generations.get_generations,
            ADMIN,
            "What is live and what is kept",
            schemas.Generations,
        ),
        Route(
            "PUT",
            f"{HEAD}/generations/{{kind}}",
            generations.put_generation,
            ADMIN,
            "Make a generation live that is kept",
            schemas.MadeLive,
            schemas.GenerationIn,
            conflict="There is no way back from a purge",
        ),
        Route("GET", f"{HEAD}/keys", keys.get_keys, ADMIN, "Who may call", schemas.Keys),
        Route(
            "POST",
            f"{HEAD}/keys",
            keys.post_key,
            ADMIN,
            "Make a key; it is told this once",
            schemas.KeyMade,
            schemas.KeyIn,
            status=201,
            conflict="The name is taken",
        ),
        Route(
            "DELETE",
            f"{HEAD}/keys/{{name}}",
            keys.delete_key,
            ADMIN,
            "Take a key away",
            schemas.KeyRevoked,
            conflict="The key stands in the settings",
        ),
        Route(
            "POST",
            f"{HEAD}/purge",
            post_purge,
            ADMIN,
            "Have edges and content networks forget",
            schemas.Purged,
            schemas.PurgeIn,
        ),
        Route("GET", document, documents.get_document, ADMIN, "The document that is live"),
        Route(
            "PUT",
            document,
            documents.put_document,
            ADMIN,
            "Check a document and make it live",
            schemas.Activated,
            str,
            PutQuery,
        ),
        Route(
            "POST",
            f"{document}/rollback",
            documents.roll_back,
            ADMIN,
            "Make the document of before live again",
            schemas.Activated,
            conflict="There is none to go back to",
        ),
    ]


def describe_admin(routes: list[Route]) -> dict[str, Any]:
    """`/admin/openapi.json`: documents are YAML, and there are so many kinds of them."""
    found = describe(routes, "rayce: administration", EXAMPLES)
    text = {YAML: {"schema": {"type": "string"}}}
    for path, operations in found["paths"].items():
        if not path.startswith(f"{HEAD}/{{kind}}"):
            continue
        for operation in operations.values():
            kind = next(parameter for parameter in operation["parameters"] if parameter["name"] == "kind")
            kind["schema"] = {"type": "string", "enum": list(schemas.DOCUMENT_KINDS)}
        operations.get("get", {}).get("responses", {}).get("200", {}).update(content=text)
        if "put" in operations:
            operations["put"]["requestBody"]["content"] = text
    return found
