"""Every kind of server, by role, the preferred one first; and which of them a mode allows."""

from typing import Literal

from cluster.local.dynamodb_local import DYNAMODB_LOCAL
from cluster.local.errors import UnknownServer
from cluster.local.kafka_broker import KAFKA
from cluster.local.ministack_server import MINISTACK
from cluster.local.mock_broker import MOCK_KAFKA
from cluster.local.server_kind import ServerKind
from cluster.local.valkey import REDIS, VALKEY

Mode = Literal["auto", "real", "embedded"]

ROLES = ("redis", "dynamodb", "kafka")
"""In the order of starting: what a client of the stack sees first is started last, and stopped first."""

_ALL = (VALKEY, REDIS, DYNAMODB_LOCAL, MINISTACK, KAFKA, MOCK_KAFKA)


def candidates(role: str, mode: Mode) -> list[ServerKind]:
    """The kinds that may play a role, in the order they are tried."""
    return [kind for kind in _ALL if kind.role == role and _allowed(kind, mode)]


def _allowed(kind: ServerKind, mode: Mode) -> bool:
    return mode == "auto" or (kind.real if mode == "real" else kind.embedded)


def by_name(kind: str) -> ServerKind:
    """The kind with this name. Raises `UnknownServer`."""
    for known in _ALL:
        if known.kind == kind:
            return known
    raise UnknownServer(f"no kind of server is called {kind!r}; there are {', '.join(k.kind for k in _ALL)}")
