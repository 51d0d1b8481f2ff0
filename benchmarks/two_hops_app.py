"""The baseline of a recommendation: a deployment that asks two others, which do nothing, under the same settings."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import Response

NAME, PREFIX = "two_hops", "/two-hops"


@serve.deployment
class First:
    """Answers two bytes."""

    async def ask(self, question: bytes) -> bytes:
        """Does nothing."""
        return b"{}"


@serve.deployment
class Second:
    """Answers two bytes."""

    async def ask(self, question: bytes) -> bytes:
        """Does nothing."""
        return b"{}"


@serve.deployment
class Ingress:
    """Asks one after the other."""

    def __init__(self, first: DeploymentHandle[Any], second: DeploymentHandle[Any]) -> None:
        self._first, self._second = first, second

    async def __call__(self, request: Request) -> Response:
        found = await self._second.ask.remote(await self._first.ask.remote(b"{}"))
        return Response(found, media_type="application/json")


def build(args: dict[str, str]) -> Application:
    """The application."""
    return Ingress.bind(First.bind(), Second.bind())


def add_two_hops_app(config: dict[str, Any]) -> None:
    """Put it beside rayce, each of its deployments with the options of rayce's in that place."""
    (rayce,) = config["applications"]
    options = {deployment["name"]: deployment for deployment in rayce["deployments"]}
    places = {"Ingress": "EdgeRouter", "First": "FeatureReaderDeployment", "Second": "RankerDeployment"}
    config["applications"].append(
        {
            "name": NAME,
            "route_prefix": PREFIX,
            "import_path": "benchmarks.two_hops_app:build",
            "deployments": [{**options[of], "name": name} for name, of in places.items()],
        }
    )
