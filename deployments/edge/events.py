"""`POST /v1/events`: validate → consent → pseudonym and allow-list → log; 202 once Kafka has acknowledged."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import read_body, reply
from deployments.edge.schemas import Accepted
from rayce.consent import PERSONALIZATION
from rayce.errors import InvalidInput
from rayce.event import encode_event
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
    good, bad = read_rows(raws, edge.now_ms(), limits.future_tolerance_s)
    if not good:
        first = bad[0]
        raise Problem(422, f"{first.path}: {first.message}", first.path, first.value, errors=bad)
    records = await _permitted(edge, caller, good)
    if records:
        await edge.log.write(EVENTS, records)
    edge.metrics.add("rayce_events_accepted_total", len(records))
    edge.metrics.add("rayce_events_refused_total", len(bad))
    edge.metrics.add("rayce_events_not_stored_total", len(good) - len(records))
    return reply(Accepted(len(records), len(good) - len(records), bad), 202)


async def _permitted(edge: Edge, caller: Caller, rows: list[Row]) -> list[tuple[str, bytes]]:
    """Key and value of the records to write."""
    users = {row.event.user_id for row in rows}
    person_of = {user: edge.pseudonymizer.person(caller.tenant, user) for user in users}
    found = await asyncio.gather(*(edge.people.purposes(person_of[user]) for user in person_of))
    purposes = dict(zip(person_of, found, strict=True))
    records, words = [], edge.words_of(caller.tenant)
    for row in rows:
        user = row.event.user_id
        if purposes[user] & PERSONALIZATION:
            event = edge.stamper.stamp(row, caller.tenant, person_of[user], purposes[user], words)
            records.append((event.person, encode_event(event)))
    return records
