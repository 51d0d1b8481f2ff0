"""`GET /v1/segments`: how large segments are, who comes and goes, and how they overlap; from the stream workers' tallies.

No person is read: each worker keeps the tally of its partitions exact and tells it to hot memory once a second.
"""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, reply
from deployments.edge.schemas import Overlap, SegmentDetail, SegmentOut, SegmentsOut
from rayce.errors import InvalidArtifact
from rayce.segments.catalogue import Catalogue, Segment
from rayce.segments.tally import OVERLAP_BITS, Tally

TOLD = "segments:"
"""Name of a partition's tally among what parts tell hot memory, before its number."""
MAX_NAME = 64
DAY_H = 24


class Told(NamedTuple):
    """All partitions' numbers as one, as of a moment, and how many partitions have told theirs."""

    tally: Tally
    partitions: int
    now_s: int


async def get_all_segments(edge: Edge, caller: Caller, request: Request) -> Response:
    """Every segment of the catalogue with its size and who entered and left lately; `partitions_told` of `partitions`
    are counted. 503 while hot memory is away.
    """
    told, catalogue = await told_sizes(edge), edge.catalogue
    found = [SegmentOut(**_numbers(told, segment, caller.tenant)) for segment in catalogue.segments]
    return reply(SegmentsOut(found, catalogue.version, told.partitions, edge.settings.kafka.partitions))


async def get_segment(edge: Edge, caller: Caller, request: Request) -> Response:
    """One segment, and how many of its people are in each other permanent segment too; 404 for an unknown name."""
    name, catalogue = path_id(request, "name", MAX_NAME), edge.catalogue
    segment = catalogue.by_name.get(name)
    if segment is None:
        raise Problem(404, "the live catalogue has no such segment", "name", name)
    told = await told_sizes(edge)
    return reply(
        SegmentDetail(
            **_numbers(told, segment, caller.tenant),
            overlaps=_overlaps(told, segment, catalogue, caller.tenant),
            catalogue_version=catalogue.version,
            partitions_told=told.partitions,
            partitions=edge.settings.kafka.partitions,
        )
    )


async def told_sizes(edge: Edge) -> Told:
    """As of now. `Unavailable` while hot memory is away."""
    merged, partitions = Tally(), 0
    for name, body in (await edge.hot.read_status()).items():
        if not name.startswith(TOLD):
            continue
        try:
            merged.merge(Tally.from_bytes(body))
        except InvalidArtifact:  # of another version: counted as not told
            continue
        partitions += 1
    now_ms = edge.now_ms()
    merged.prune(now_ms)
    return Told(merged, partitions, now_ms // 1000)


def _numbers(told: Told, segment: Segment, tenant: str) -> dict[str, object]:
    hour = told.tally.flow(segment.bit, told.now_s, 1, tenant)
    day = told.tally.flow(segment.bit, told.now_s, DAY_H, tenant)
    return {
        "name": segment.name,
        "bit": segment.bit,
        "kind": segment.kind,
        "description": segment.description,
        "ttl_s": segment.ttl_s,
        "listed": segment.listed,
        "size": told.tally.size(segment.bit, told.now_s, tenant),
        "inflow_1h": hour.inflow,
        "outflow_1h": hour.outflow,
        "inflow_24h": day.inflow,
        "outflow_24h": day.outflow,
    }


def _overlaps(told: Told, segment: Segment, catalogue: Catalogue, tenant: str) -> list[Overlap]:
    """The largest first; none for short-lived segments, as time ends them without anybody counting."""
    if not _has_overlaps(segment):
        return []
    size = told.tally.size(segment.bit, told.now_s, tenant)
    found = []
    for other in catalogue.segments:
        both = told.tally.overlap(segment.bit, other.bit, tenant) if _has_overlaps(other) else 0
        if both and other is not segment:
            either = size + told.tally.size(other.bit, told.now_s, tenant) - both
            found.append(Overlap(other.name, other.bit, both, round(both / either, 6)))
    return sorted(found, key=lambda overlap: (-overlap.users, overlap.bit))


def _has_overlaps(segment: Segment) -> bool:
    return segment.ttl_s is None and segment.bit < OVERLAP_BITS
