"""`/admin/{kind}`: rules, slots, model routing and the segment catalogue, as YAML: read, tried, made live, taken back."""

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.admin.announcing import announce
from deployments.edge.admin.desk import Desk
from deployments.edge.admin.kinds import KINDS, DocumentKind
from deployments.edge.admin.schemas import Activated
from deployments.edge.admin.tenancy import admit, need
from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import read_body, read_query, reply
from rayce.errors import InvalidInput

MAX_BYTES: Final = 262_144
"""Of a document: reading one takes this process seconds for each megabyte. The command line takes larger ones."""
YAML = "application/yaml"


class PutQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query: whether the document is only tried."""

    dry_run: bool = False


class Documents:
    """The calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get_document(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """The text that is live, as it was sent; its generation is in the header `rayce-generation`. 404 where nothing was
        activated (of segments: the catalogue of the settings is live then).
        """
        name, kind, tenant = _asked(caller, request)
        found = await self._desk.do(lambda: kind.live(edge, tenant))
        if found is None:
            raise Problem(404, f"no {name} were activated", "kind", name)
        headers = {"rayce-generation": str(found.number), "cache-control": "no-store"}
        return Response(found.text.encode(), headers=headers, media_type=YAML)

    async def put_document(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Checks the document, as edges will read it and with the segments that are live, and makes it live; every process
        takes it up within a second or so. 422 names key and value of what does not hold together. What is live already stays as
        it is. With `dry_run=true` nothing is made live.
        """
        name, kind, tenant = _asked(caller, request)
        need(caller, kind.scope)
        asked = read_query(request, PutQuery)
        body = await read_body(request, min(MAX_BYTES, edge.settings.edge.max_body_bytes))
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise Problem(422, f"not UTF-8 at byte {error.start}", "", None) from None
        done = await self._desk.do(lambda: _put(edge, name, kind, tenant, text, asked.dry_run))
        if done.generation != done.before:
            await announce(edge, caller, kind.name(tenant), done.generation)
        return reply(done, headers={"cache-control": "no-store"})

    async def roll_back(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Makes the document live again that was so before the present one; 409 where there is none to go back to."""
        name, kind, tenant = _asked(caller, request)
        need(caller, kind.scope)
        done = await self._desk.do(lambda: _roll_back(edge, name, kind, tenant))
        await announce(edge, caller, kind.name(tenant), done.generation)
        return reply(done, headers={"cache-control": "no-store"})


def _asked(caller: Caller, request: Request) -> tuple[str, DocumentKind, str]:
    name = request.path_params["kind"]
    kind = KINDS.get(name)
    if kind is None:
        raise Problem(404, f"no such kind of documents; there are {', '.join(KINDS)}", "kind", name[:64])
    return name, kind, admit(caller)


def _put(edge: Edge, name: str, kind: DocumentKind, tenant: str, text: str, is_dry: bool) -> Activated:
    before = edge.durable.live(kind.name(tenant)).get(kind.name(tenant), 0)
    notes = kind.check(edge, tenant, text)
    if is_dry:
        return Activated(name, before, before, False, notes)
    return Activated(name, kind.activate(edge, tenant, text), before, True, notes)


def _roll_back(edge: Edge, name: str, kind: DocumentKind, tenant: str) -> Activated:
    before = edge.durable.live(kind.name(tenant)).get(kind.name(tenant), 0)
    try:
        number = kind.roll_back(edge, tenant)
    except InvalidInput as error:
        raise Problem(409, str(error), error.key, error.value) from None
    return Activated(name, number, before, True, [])
