"""Who calls: API keys are known by their SHA-256 only; a key belongs to one tenant and has scopes."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from deployments.edge.problems import Problem
from rayce.settings import ApiKey

MAX_REMEMBERED = 1_000


class Caller(NamedTuple):
    """The tenant a request speaks for, and what it may do."""

    tenant: str
    scopes: frozenset[str]


class Callers:
    """Finds the caller of an `Authorization` header. Good keys are remembered, bad ones never."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._by_hash = {key.sha256: Caller(key.tenant, frozenset(key.scopes)) for key in keys.values()}
        self._remembered: dict[str, Caller] = {}

    def find(self, authorization: str | None, scope: str) -> Caller:
        """The caller, if the key is known and has the scope; a `Problem` (401, 403) otherwise."""
        caller = self._remembered.get(authorization or "")
        if caller is None:
            caller = self._look_up(authorization)
        if scope not in caller.scopes:
            raise Problem(403, f"this API key lacks the scope `{scope}`", "Authorization", scope)
        return caller

    def _look_up(self, authorization: str | None) -> Caller:
        word, _, token = (authorization or "").partition(" ")
        if word.lower() != "bearer" or not token:
            raise Problem(401, "send `Authorization: Bearer <api key>`", "Authorization", None)
        caller = self._by_hash.get(sha256(token.strip().encode()).hexdigest())
        if caller is None:
            raise Problem(401, "this API key is not known", "Authorization", "(hidden)")
        if len(self._remembered) < MAX_REMEMBERED:
            self._remembered[authorization or ""] = caller
        return caller
