"""`POST /admin/purge`: what edges and content networks keep of the caller's tenant is forgotten."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.admin.announcing import note
from deployments.edge.admin.desk import LATE, WITHIN_S
from deployments.edge.admin.schemas import Purged, PurgeIn
from deployments.edge.admin.tenancy import admit
from deployments.edge.cache_version import PURGE
from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.purging import keys_of, purge
from deployments.edge.requests import read_json, reply
from rayce.generations import generation_name

MAX_BODY_BYTES = 200_000


async def post_purge(edge: Edge, caller: Caller, request: Request) -> Response:
    """Content networks forget what holds the items, is for the slots or has the surrogate keys, or with `everything` all of the
    tenant; every edge replica forgets all replies of the tenant at once. Other tenants' are left alone. `failed` says which
    content networks could not be told, and why.
    """
    tenant = admit(caller)
    asked = await read_json(request, PurgeIn, min(MAX_BODY_BYTES, edge.settings.edge.max_body_bytes))
    keys = list(dict.fromkeys([*keys_of(tenant, asked.items, asked.slots), *asked.keys]))
    if asked.everything == bool(keys):
        raise Problem(422, "either `everything`, or `items`, `slots` and `keys`", "$.everything", asked.everything)
    try:
        async with asyncio.timeout(WITHIN_S):
            number, failed = await purge(edge, tenant, keys)
    except TimeoutError:
        raise Problem(503, LATE) from None
    note(caller, generation_name(tenant, PURGE), number)
    return reply(Purged(number, keys, failed), headers={"cache-control": "no-store"})
