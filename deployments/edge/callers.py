"""Who calls: API keys are known by their SHA-256 only; a key belongs to one tenant, has scopes, and may have a rate and an end.

Keys come from the settings and from the document that `rayce keys` writes; where that changes what was remembered is dropped.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple

from deployments.edge.priorities import INTERACTIVE, NAMES
from deployments.edge.problems import Problem
from deployments.edge.rate_limits import Limit
from deployments.edge.scopes import with_held
from rayce.api_keys import Keys, until_ms
from rayce.settings import ApiKey

MAX_REMEMBERED = 1_000
NO_LIMIT = Limit()
Document = Callable[[], Keys | None]
"""The keys of the live document; the same object as long as it is the same document. None: there is none."""


class Caller(NamedTuple):
    """The tenant a request speaks for, and what it may do."""

    tenant: str
    scopes: frozenset[str]
    name: str = ""
    """Of the key; what is counted per key is counted by it."""
    priority: int = INTERACTIVE
    """The highest that its requests have."""
    limit: Limit | None = None
    """None: it may make as many requests as it likes."""
    until_ms: int | None = None


class Callers:
    """Finds the caller of an `Authorization` header. Good keys are remembered, bad ones never."""

    def __init__(
        self,
        keys: Mapping[str, ApiKey],
        document: Document = lambda: None,
        now_ms: Callable[[], int] = lambda: 0,
        limit: Limit = NO_LIMIT,
    ) -> None:
        """`keys` of the settings; `now_ms` says when a key has ended; `limit` of keys that have none of their own."""
        self._settings = keys
        self._document = document
        self._now_ms = now_ms
        self._limit = limit
        self._remembered: dict[str, Caller] = {}
        self._seen: Keys | None = None
        self._by_hash = self._table()

    def find(self, authorization: str | None, scope: str) -> Caller:
        """The caller, if the key is known and has the scope; a `Problem` (401, 403) otherwise."""
        caller = self.known(authorization)
        if caller is None:
            raise _refusal(authorization)
        if scope not in caller.scopes:
            raise Problem(403, f"this API key lacks the scope `{scope}`", "Authorization", scope)
        return caller

    def known(self, authorization: str | None) -> Caller | None:
        """The caller, or None where the header names no key that is known and has not ended."""
        if self._document() is not self._seen:
            self._by_hash = self._table()
            self._remembered.clear()
        caller = self._remembered.get(authorization or "")
        if caller is None:
            caller = self._by_hash.get(sha256(_token(authorization).encode()).hexdigest())
            if caller is not None and len(self._remembered) < MAX_REMEMBERED:
                self._remembered[authorization or ""] = caller
        if caller is not None and caller.until_ms is not None and self._now_ms() >= caller.until_ms:
            return None
        return caller

    def tenants(self) -> set[str]:
        """Tenants that have a key."""
        self.known(None)
        return {caller.tenant for caller in self._by_hash.values()}

    def _table(self) -> dict[str, Caller]:
        """By hash. A key of the settings wins: it is the operator's."""
        self._seen = self._document()
        both = [(f"document:{name}", key) for name, key in (self._seen or {}).items()]
        both += [(f"settings:{name}", key) for name, key in self._settings.items()]
        return {key.sha256: self._caller(name, key) for name, key in both}

    def _caller(self, name: str, key: ApiKey) -> Caller:
        rate_per_s = self._limit.rate_per_s if key.rate_per_s is None else key.rate_per_s
        burst = (self._limit.burst if key.burst is None else key.burst) or rate_per_s
        limit = Limit(rate_per_s, burst) if rate_per_s else None
        return Caller(key.tenant, with_held(key.scopes), name, NAMES.index(key.priority), limit, until_ms(key))


def _token(authorization: str | None) -> str:
    word, _, token = (authorization or "").partition(" ")
    return token.strip() if word.lower() == "bearer" else ""


def _refusal(authorization: str | None) -> Problem:
    if not _token(authorization):
        return Problem(401, "send `Authorization: Bearer <api key>`", "Authorization", None)
    return Problem(401, "this API key is not known, or it has ended", "Authorization", "(hidden)")
