"""The status of the servers as a table for people."""

import time
from collections.abc import Sequence

from rich.table import Table

from cluster.local.server_status import ServerStatus


def table(servers: Sequence[ServerStatus], now: float) -> Table:
    """One row a server."""
    rows = Table(box=None, pad_edge=False)
    for column in ("server", "kind", "state", "address", "pid", "memory", "up for"):
        rows.add_column(column, justify="right" if column in ("pid", "memory", "up for") else "left")
    for server in servers:
        rows.add_row(
            server.name,
            server.kind,
            _state(server),
            f"127.0.0.1:{server.port}",
            str(server.pid or ""),
            f"{server.rss_bytes / 2**20:.0f} MiB" if server.alive else "",
            _age(now - server.started_at) if server.started_at is not None else "",
        )
    return rows


def _state(server: ServerStatus) -> str:
    if server.ready:
        return "[green]ready[/]"
    return "[yellow]not ready[/]" if server.alive else "[red]stopped[/]"


def _age(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) if seconds < 86_400 else f"{seconds / 86_400:.0f} d"
