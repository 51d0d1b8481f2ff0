"""`GET /v1/segments/{name}/members`: who is in a segment, by pseudonym, page by page; of segments that keep a list only."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, read_query, reply
from deployments.edge.schemas import SegmentMembers
from deployments.edge.segments import MAX_NAME
from deployments.edge.users import within_s
from rayce.consent import PERSONALIZATION
from rayce.segments.flags import unpack_flags

MAX_PAGE = 1_000


class MembersQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query: where the page begins (`next` of the page before), and about how many it may hold."""

    cursor: Annotated[str, Meta(max_length=128)] = ""
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100


async def get_members(edge: Edge, caller: Caller, request: Request) -> Response:
    """A page of a segment's members. Whoever has left it or withdrawn by now is not on it, so it may hold fewer than `limit`,
    or none; the end is where `next` is null. 409 where the segment keeps no list. 503 while hot memory is away.
    """
    name, catalogue = path_id(request, "name", MAX_NAME), edge.catalogue
    asked = read_query(request, MembersQuery)
    segment = catalogue.by_name.get(name)
    if segment is None:
        raise Problem(404, "the live catalogue has no such segment", "name", name)
    if not segment.listed:
        raise Problem(
            409, f"no list of members is kept of `{name}`: `listed: true` in the catalogue asks for one", "name", name
        )
    page = await edge.hot.read_members(caller.tenant, segment.bit, asked.cursor, asked.limit)
    members = await _members(edge, list(dict.fromkeys(page.people)), segment.bit)
    return reply(SegmentMembers(name, segment.bit, members, page.cursor, catalogue.version))


async def _members(edge: Edge, people: Sequence[str], bit: int) -> list[str]:
    """Those of whom it may be known that they have the bit: by one read of all, and by durable memory where that does not say.

    A list is in line with the flags, but who withdrew while hot memory was away may be on it for as long as the log takes.
    """
    sure, unsure = set[str](), list[str]()
    for person, row in zip(people, await edge.hot.read_flags(people), strict=True):
        if row.consent is None or (row.value is None and row.consent.allows(PERSONALIZATION)):
            unsure.append(person)
        elif row.consent.allows(PERSONALIZATION) and _has(row.value, bit):
            sure.add(person)
    found = await asyncio.gather(*(edge.people.flags(person, within_s(edge)) for person in unsure))
    sure |= {person for person, each in zip(unsure, found, strict=True) if _has(each.value, bit)}
    return [person for person in people if person in sure]


def _has(flags: bytes | None, bit: int) -> bool:
    return flags is not None and bool(unpack_flags(flags, 0).permanent >> bit & 1)
