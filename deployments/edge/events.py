"""`POST /v1/events`: validate → consent → pseudonym and allow-list → log; 202 once Kafka has acknowledged."""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Raw
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from deployments.edge.callers import Caller
from deployments.edge.contexts import asks_for_privacy, said_privacy
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import read_body, reply
from deployments.edge.schemas import Accepted
from rayce.consent import PERSONALIZATION
from rayce.context import permitted
from rayce.decision import impression_of
from rayce.errors import InvalidInput
from rayce.event import Event, Scalar, encode_event
from rayce.ingest import Row, read_rows, split_rows
from rayce.stores.interfaces import EVENTS

LINES = ("application/x-ndjson", "application/jsonl", "application/jsonlines")


async def post_events(edge: Edge, caller: Caller, request: Request) -> Response:
    """Good rows go through, each bad one is named; rows of people without consent are answered and not kept."""
    limits = edge.settings.edge
    body = await read_body(request, limits.max_body_bytes)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        raws = split_rows(body, kind in LINES, limits.max_batch_events)
    except InvalidInput as error:
        status = 413 if isinstance(error.value, int) else 422
        raise Problem(status, str(error), error.key, error.value) from None
    return await accept(edge, caller, request.scope, raws, edge.contexts.of_events(request.scope, edge.now_ms()))


async def accept(
    edge: Edge, caller: Caller, scope: Scope, raws: Sequence[bytes | Raw], detected: Mapping[str, Scalar]
) -> Response:
    """The reply to rows, once the log has the good ones; `detected` is the context of a browser that sends them."""
    good, bad = read_rows(raws, edge.now_ms(), edge.settings.edge.future_tolerance_s)
    if not good:
        first = bad[0]
        raise Problem(422, f"{first.path}: {first.message}", first.path, first.value, errors=bad)
    events = await _permitted(edge, caller, good, asks_for_privacy(scope), detected)
    records = [(event.person, encode_event(event)) for event in events]
    if records:
        await edge.log.write(EVENTS, records)
    for exposure in filter(None, map(impression_of, events)):
        edge.decisions.tell(exposure)
    edge.metrics.add("rayce_events_accepted_total", len(records))
    edge.metrics.add("rayce_events_refused_total", len(bad))
    edge.metrics.add("rayce_events_not_stored_total", len(good) - len(records))
    return reply(Accepted(len(records), len(good) - len(records), bad), 202)


async def _permitted(
    edge: Edge, caller: Caller, rows: list[Row], has_gpc: bool, detected: Mapping[str, Scalar]
) -> list[Event]:
    """The events to write. Under Global Privacy Control they are neither for marketing nor for training."""
    users = {row.event.user_id for row in rows}
    person_of = {user: edge.pseudonymizer.person(caller.tenant, user) for user in users}
    found = await asyncio.gather(*(edge.people.purposes(person_of[user]) for user in person_of))
    purposes = dict(zip(person_of, found, strict=True))
    events, words = [], edge.words_of(caller.tenant)
    for row in rows:
        user = row.event.user_id
        if purposes[user] & PERSONALIZATION:
            allowed = permitted(purposes[user], has_gpc or said_privacy(row.event.context))
            events.append(edge.stamper.stamp(row, caller.tenant, person_of[user], allowed, words, detected))
    return events
