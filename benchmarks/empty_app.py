"""The baseline: a Serve deployment that does nothing, under the same ingress and settings as the edge."""

from typing import Any

from ray import serve
from ray.serve import Application
from starlette.requests import Request
from starlette.responses import Response

NAME, PREFIX = "empty", "/empty"


@serve.deployment
class Empty:
    """Answers two bytes."""

    async def __call__(self, request: Request) -> Response:
        return Response(b"{}", media_type="application/json")


def build(args: dict[str, str]) -> Application:
    """The application."""
    return Empty.bind()


def add_empty_app(config: dict[str, Any]) -> None:
    """Put the empty deployment beside the edge, with the edge's own options."""
    (rayce,) = config["applications"]
    (edge,) = (d for d in rayce["deployments"] if d["name"] == "EdgeRouter")
    config["applications"].append(
        {
            "name": NAME,
            "route_prefix": PREFIX,
            "import_path": "benchmarks.empty_app:build",
            "deployments": [{**edge, "name": "Empty"}],
        }
    )
