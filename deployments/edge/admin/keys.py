"""`/admin/keys`: who may call. Names, tenants and scopes are told, a new key once, a hash never."""

from collections.abc import Callable
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.admin.announcing import announce
from deployments.edge.admin.desk import Desk
from deployments.edge.admin.schemas import Key, KeyIn, KeyMade, KeyRevoked, Keys
from deployments.edge.admin.tenancy import admit, is_operator, need
from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, read_json, reply
from deployments.edge.scopes import OPERATOR
from rayce.api_keys import MAX_NAME, RANDOM_BYTES, add_key, hash_of, live_keys, make_key, revoke_key
from rayce.documents import EVERYBODY, KEYS
from rayce.generations import generation_name
from rayce.settings import ApiKey

DOCUMENT = generation_name(EVERYBODY, KEYS)
MAX_BODY_BYTES = 10_000
NOT_KEPT = {"cache-control": "no-store"}


class ApiKeys:
    """The calls."""

    def __init__(self, desk: Desk, random: Callable[[int], bytes]) -> None:
        """`random` gives so many bytes that nobody can guess."""
        self._desk = desk
        self._random = random

    async def get_keys(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """The keys of the caller's tenant; with the scope `operator` everybody's."""
        admit(caller)
        document = await self._desk.do(lambda: live_keys(edge.durable))
        found = [_told(name, key, "settings") for name, key in edge.settings.edge.api_keys.items()]
        found += [_told(name, key, "document") for name, key in document.items()]
        seen = [key for key in found if is_operator(caller) or key.tenant == caller.tenant]
        return reply(Keys(sorted(seen, key=lambda key: (key.name, key.source))), headers=NOT_KEPT)

    async def post_key(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Makes a key and tells it, this once: only its hash is kept. Edges know it within a second or so. 409 where the name
        is taken. A key for another tenant, or with the scope `operator`, only an operator can make.
        """
        tenant = admit(caller)
        asked = await read_json(request, KeyIn, min(MAX_BODY_BYTES, edge.settings.edge.max_body_bytes))
        of = asked.tenant or tenant
        if of != tenant or OPERATOR in asked.scopes:
            need(caller, OPERATOR)
        key = make_key(self._random(RANDOM_BYTES))
        row = ApiKey(hash_of(key), of, asked.scopes, asked.rate_per_s, asked.burst, asked.priority, asked.until)
        number = await self._desk.do(lambda: _add(edge, asked.name, row))
        await announce(edge, caller, DOCUMENT, number)
        return reply(KeyMade(asked.name, of, key, number), 201, NOT_KEPT)

    async def delete_key(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """Takes a key away: edges refuse it within a second or so. 404 where the tenant has none of that name, 409 for a key of
        the settings. An operator's key only an operator can take away.
        """
        admit(caller)
        name = path_id(request, "name", MAX_NAME)
        number = await self._desk.do(lambda: _revoke(edge, caller, name))
        await announce(edge, caller, DOCUMENT, number)
        return reply(KeyRevoked(name, number), headers=NOT_KEPT)


def _told(name: str, key: ApiKey, source: Literal["settings", "document"]) -> Key:
    return Key(name, key.tenant, list(key.scopes), key.rate_per_s, key.burst, key.priority, key.until, source)


def _add(edge: Edge, name: str, row: ApiKey) -> int:
    if name in live_keys(edge.durable):
        raise Problem(409, f"there is a key named `{name}`: revoke it, or take another name", "$.name", name)
    return add_key(edge.durable, name, row, edge.now_ms())


def _revoke(edge: Edge, caller: Caller, name: str) -> int:
    key = live_keys(edge.durable).get(name)
    if key is None or not (is_operator(caller) or key.tenant == caller.tenant):
        fixed = edge.settings.edge.api_keys.get(name)
        if fixed is not None and (is_operator(caller) or fixed.tenant == caller.tenant):
            raise Problem(409, f"`{name}` stands in the settings: take it out there", "name", name)
        raise Problem(404, "no key of this name", "name", name)
    if OPERATOR in key.scopes:
        need(caller, OPERATOR)
    return revoke_key(edge.durable, name, edge.now_ms())
