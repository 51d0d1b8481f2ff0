"""For those who run it: `/healthz`, `/readyz`, `/metrics`."""

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.requests import reply
from deployments.edge.schemas import Health
from deployments.edge.scopes import OPERATOR, READ
from deployments.telling import models_left
from rayce.errors import Unavailable
from rayce.metrics import Metrics


async def healthz(edge: Edge, caller: Caller | None, request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


async def readyz(edge: Edge, caller: Caller | None, request: Request) -> Response:
    """What is away; to keys that may read also what is live for their tenant, to the operator for all.

    Always 200: a replica without its stores still answers from the lower rungs.
    """
    stores = {
        "redis": await _redis(edge),
        "dynamodb": edge.live.errors.get("") or ("away" if edge.people.durable_breaker.is_open else "up"),
        "kafka": "up" if edge.log.connected() else "away",
    }
    halted, left = await _halted(edge), await _models_left(edge)
    away = [name for name, state in stores.items() if state != "up"]
    away += [name for name, is_off in (("stream", halted), ("ranker", left)) if is_off]
    plain = {name: "up" if state == "up" else "away" for name, state in stores.items()}
    body = Health(status="degraded" if away else "ready", away=away, stores=plain)
    asking = edge.callers.known(request.headers.get("authorization"))
    if asking is not None and not asking.scopes.isdisjoint((READ, OPERATOR)):
        is_operator = OPERATOR in asking.scopes
        tenants = sorted(edge.callers.tenants()) if is_operator else [asking.tenant]
        own = "" if is_operator else f"{asking.tenant}/"
        body = msgspec.structs.replace(
            body,
            stores=stores if is_operator else plain,
            generations={tenant: edge.live.numbers(tenant) for tenant in tenants},
            catalogue_version=edge.catalogue.version,
            halted_partitions=halted,
            shedding=edge.door.admission.shedding(),
            models_left={name: why for name, why in left.items() if name.startswith(own)},
            knowledge_age_s=edge.live.age_s(),
            behind=[name for name in edge.live.behind() if name.startswith(own)],
            hears_changes=edge.caches is not None and edge.caches.bus.hears_now(),
        )
    return reply(body, headers={"cache-control": "no-store"})


async def metrics(edge: Edge, caller: Caller | None, request: Request) -> Response:
    """The whole system's metrics, as far as hot memory knows them; this replica's alone where it is away."""
    merged = Metrics()
    try:
        for snapshot in (await edge.hot.read_status()).values():
            merged.merge(snapshot)
    except Unavailable:
        merged.merge(edge.metrics.to_bytes())
    return PlainTextResponse(merged.text(), media_type="text/plain; version=0.0.4")


async def _halted(edge: Edge) -> list[int]:
    """Partitions of the stream that stand still, as far as hot memory knows."""
    merged = Metrics()
    try:
        for name, snapshot in (await edge.hot.read_status()).items():
            if name.startswith("stream:"):
                merged.merge(snapshot)
    except Unavailable:
        return []
    return sorted(int(labels[0]) for labels, value in merged.values("rayce_stream_halted") if value)


async def _models_left(edge: Edge) -> dict[str, str]:
    """As far as hot memory knows."""
    try:
        return models_left(await edge.hot.read_status(), edge.now_ms())
    except Unavailable:
        return {}


async def _redis(edge: Edge) -> str:
    try:
        await edge.hot.read_status()
    except Unavailable as error:
        return error.reason
    return "up"
