"""The early door: found once Ray says what the process serves, and not there in any other process."""

from hashlib import sha256
from random import Random
from typing import Any

import pytest
from ray.serve.exceptions import RayServeException
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments import early_door
from deployments.early_door import NO_WATCH, EarlyDoor, middlewares
from deployments.edge.callers import Callers
from deployments.edge.door import open_door
from rayce.metrics import Metrics
from rayce.settings import ApiKey, EdgeSettings
from tests.deployments.asgi import call

pytestmark = pytest.mark.anyio


class Replica:
    """What Ray says this process serves: nothing yet, a replica's object, or that it is none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.served: Any = None
        self.scopes: list[Scope] = []
        monkeypatch.setattr(early_door.serve, "get_replica_context", lambda: self)
        (self.middleware,) = middlewares()
        self.app: ASGIApp = EarlyDoor(self.behind)

    @property
    def servable_object(self) -> Any:
        if isinstance(self.served, Exception):
            raise self.served
        return self.served

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async def call(self, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await call(self.app, "GET", "/v1/trending", b"", {"authorization": "Bearer key", **sent})).status


class Served:
    def __init__(self) -> None:
        keys = {"page": ApiKey(sha256(b"key").hexdigest(), "shop")}
        self.door = open_door(EdgeSettings(), Callers(keys), Metrics(), lambda: 0.0, Random(1))


async def test_ray_is_given_the_door_to_put_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Replica(monkeypatch).middleware.cls is EarlyDoor


async def test_until_ray_says_what_is_served_requests_go_through_and_then_the_door_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replica = Replica(monkeypatch)
    assert await replica.call(rayce_deadline_ms="0") == 200
    replica.served = Served()
    assert await replica.call(rayce_deadline_ms="0") == 503
    assert await replica.call() == 200
    assert len(replica.scopes) == 2
    assert NO_WATCH not in replica.scopes[0]["headers"] and NO_WATCH in replica.scopes[1]["headers"]
    assert replica.served.door.admission.in_flight == 0


@pytest.mark.parametrize("served", [object(), RayServeException("no replica")], ids=["another", "proxy"])
async def test_in_another_process_nothing_changes(monkeypatch: pytest.MonkeyPatch, served: Any) -> None:
    replica = Replica(monkeypatch)
    replica.served = served
    assert await replica.call(rayce_deadline_ms="0") == 200
    assert NO_WATCH not in replica.scopes[0]["headers"]
