"""`POST /v1/beacon`: events of a page that is about to go, as `navigator.sendBeacon` can send them.

A beacon has no headers of its own, and none may be asked for beforehand: so the key stands in the body, which is sent as
`text/plain`. It is a key for browsers (scope `events`), it is not in the address, where logs would keep it, and as it is in
no cookie nobody else's page can make a browser send it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.edge import Edge
from deployments.edge.events import accept
from deployments.edge.requests import read_json
from rayce.ingest import EventIn

MAX_EVENTS = 100
"""Of one beacon: a browser lets it carry 64 KiB (Fetch, on keepalive)."""


class Beacon(Struct, frozen=True, forbid_unknown_fields=True):
    """Events of a page with the key that lets it send them; its zone, and the host of the page before ("": there was none)."""

    key: Annotated[str, Meta(min_length=1, max_length=256)]
    events: Annotated[list[EventIn], Meta(min_length=1, max_length=MAX_EVENTS)]
    timezone: Annotated[str, Meta(max_length=64)] = ""
    referrer: Annotated[str, Meta(max_length=256)] | None = None


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    """The same with rows as they are, so that a bad one is named by itself."""

    key: Annotated[str, Meta(min_length=1, max_length=256)]
    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_EVENTS)]
    timezone: Annotated[str, Meta(max_length=64)] = ""
    referrer: Annotated[str, Meta(max_length=256)] | None = None


async def post_beacon(edge: Edge, caller: None, request: Request) -> Response:
    """As `POST /v1/events`, for pages: good rows go through, each bad one is named; 202 once Kafka has acknowledged."""
    sent = await read_json(request, _Envelope, edge.settings.edge.max_body_bytes)
    found = edge.callers.find(f"Bearer {sent.key}", "events")
    detected = edge.contexts.of_events(request.scope, edge.now_ms(), sent.timezone, sent.referrer)
    return await accept(edge, found, request.scope, sent.events, detected)
