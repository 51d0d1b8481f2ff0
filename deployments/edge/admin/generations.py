"""`/admin/generations`: what is live and what is kept of the caller's tenant; and which generation is to be live."""

from collections.abc import Callable, Mapping
from re import fullmatch
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.admin.announcing import announce
from deployments.edge.admin.desk import Desk
from deployments.edge.admin.schemas import Generation, GenerationIn, Generations, MadeLive
from deployments.edge.admin.tenancy import admit
from deployments.edge.cache_version import PURGE
from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import read_json, reply
from rayce.documents import MODELS, RULES, SLOTS, document_parser
from rayce.generations import generation_name
from rayce.model_routing import parse_routing
from rayce.rules.rule_set import parse_rules
from rayce.slots.book import parse_slots

PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {RULES: parse_rules, SLOTS: parse_slots, MODELS: parse_routing}
"""Tried before they go live; what jobs have published is tried by those who load it, and left aside where it is bad."""
MAX_BODY_BYTES = 10_000


class KeptGenerations:
    """The calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get_generations(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Each kind that is live with the generations that are kept of it: there is a way back to these."""
        tenant = admit(caller)
        found = await self._desk.do(lambda: _all(edge, tenant))
        return reply(Generations(found, edge.live.age_s()), headers={"cache-control": "no-store"})

    async def put_generation(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Makes a generation live that is kept: forward or back. 404 where none of the kind is live or kept under that number.
        A document is tried before. A replica that cannot load what jobs have published stays with what it has.
        """
        tenant, kind = admit(caller), _kind(request)
        asked = await read_json(request, GenerationIn, min(MAX_BODY_BYTES, edge.settings.edge.max_body_bytes))
        done = await self._desk.do(lambda: _make_live(edge, tenant, kind, asked.number))
        if done.generation != done.before:
            await announce(edge, caller, generation_name(tenant, kind), done.generation)
        return reply(done, headers={"cache-control": "no-store"})


def _kind(request: Request) -> str:
    kind: str = request.path_params["kind"]
    if not fullmatch(r"[a-z][a-zA-Z0-9_.-]{0,127}", kind):
        raise Problem(404, "nothing of this kind is live", "kind", kind[:64])
    if kind == PURGE:
        raise Problem(409, "there is no way back from a purge", "kind", kind)
    return kind


def _all(edge: Edge, tenant: str) -> list[Generation]:
    prefix = generation_name(tenant, "")
    loaded = edge.live.numbers(tenant)
    return [
        Generation(
            kind=(kind := name.removeprefix(prefix)),
            live=number,
            kept=edge.durable.numbers(name),
            loaded=loaded.get(kind),
            error=edge.live.errors.get(name),
        )
        for name, number in sorted(edge.durable.live(prefix).items())
    ]


def _make_live(edge: Edge, tenant: str, kind: str, number: int) -> MadeLive:
    name = generation_name(tenant, kind)
    before = edge.durable.live(name).get(name, 0)
    if not before:
        raise Problem(404, "nothing of this kind is live", "kind", kind)
    if number not in edge.durable.numbers(name):
        raise Problem(404, f"no generation {number} of {kind} is kept", "$.number", number)
    if kind in PARSERS:
        document_parser(PARSERS[kind])(edge.durable.load_generation(name, number))
    if number != before:
        edge.durable.make_live(name, number)
    return MadeLive(kind, number, before)
