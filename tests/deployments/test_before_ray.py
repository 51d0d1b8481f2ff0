"""The edge before Ray's part: found once Ray says what the process serves, and not there in any other process."""

import asyncio
from typing import Any

import pytest
from ray.serve.exceptions import RayServeException
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments import before_ray
from deployments.before_ray import BeforeRay, middlewares
from tests.deployments.asgi import call

pytestmark = pytest.mark.anyio


def says(text: bytes) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text})

    return app


class Served:
    """A deployment that hosts an application on the running loop."""

    def __init__(self) -> None:
        self.edge_app, self.loop = says(b"edge"), asyncio.get_running_loop()


class Replica:
    """What Ray says this process serves: nothing yet, a replica's object, or that it is none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, served: Any = None) -> None:
        self.served = served
        monkeypatch.setattr(before_ray.serve, "get_replica_context", lambda: self)
        self.app: ASGIApp = BeforeRay(says(b"ray"))

    @property
    def servable_object(self) -> Any:
        if isinstance(self.served, Exception):
            raise self.served
        return self.served

    async def call(self, path: str = "/v1/trending") -> bytes:
        return (await call(self.app, "GET", path)).body


def test_ray_is_given_it_to_put_first() -> None:
    (middleware,) = middlewares()
    assert middleware.cls is BeforeRay


async def test_until_ray_says_what_is_served_ray_answers_and_then_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica(monkeypatch)
    assert await replica.call() == b"ray"
    replica.served = Served()
    assert await replica.call() == b"edge"
    replica.served = RayServeException("asked again")
    assert await replica.call() == b"edge"


@pytest.mark.parametrize("path", ["/-/healthz", "/-/routes"])
async def test_what_ray_asks_its_replicas_is_rays(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert await Replica(monkeypatch, Served()).call(path) == b"ray"


async def test_what_is_no_http_is_rays(monkeypatch: pytest.MonkeyPatch) -> None:
    replica, seen = Replica(monkeypatch, Served()), []

    async def rays(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await BeforeRay(rays)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
    assert await replica.call() == b"edge"


async def test_in_another_process_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for served in (object(), RayServeException("no replica")):
        assert await Replica(monkeypatch, served).call() == b"ray"


async def test_an_application_of_another_loop_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    served = Served()
    served.loop = asyncio.new_event_loop()
    assert await Replica(monkeypatch, served).call() == b"ray"
    served.loop.close()
