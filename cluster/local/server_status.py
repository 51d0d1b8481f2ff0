"""How one server of the stack is doing right now."""

from dataclasses import dataclass

from cluster.local.kinds import by_name
from cluster.local.server_record import ServerRecord


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """`started_at` is in seconds since the epoch; `pid` and `started_at` are None while it does not run."""

    name: str
    kind: str
    port: int
    pid: int | None
    alive: bool
    ready: bool
    rss_bytes: int
    started_at: float | None


def observe(record: ServerRecord, *, probe: bool = True) -> ServerStatus:
    """Look at the process and ask the server itself."""
    process = record.process
    alive = process is not None and process.alive()
    return ServerStatus(
        name=record.name,
        kind=record.kind,
        port=record.ports[0],
        pid=record.pid if alive else None,
        alive=alive,
        ready=probe and alive and by_name(record.kind).ready(record.ports[0]),
        rss_bytes=process.rss_bytes() if process is not None and alive else 0,
        started_at=record.started_at if alive else None,
    )
