"""What is remembered about a started server, so that a later process can find, re-use and stop it."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cluster.local.process import OwnedProcess


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """One server: what it is, its ports (kept over restarts) and its process (None while it is stopped)."""

    name: str
    kind: str
    ports: tuple[int, ...]
    pid: int | None = None
    started: str = ""
    started_at: float = 0.0

    @property
    def process(self) -> OwnedProcess | None:
        """The process, whether it still runs or not."""
        return OwnedProcess(self.pid, self.started) if self.pid is not None else None

    def alive(self) -> bool:
        """Whether the server's own process runs. A stranger with the same pid does not count."""
        process = self.process
        return process is not None and process.alive()

    def stopped(self) -> "ServerRecord":
        """The same server without a process; its ports stay its own."""
        return replace(self, pid=None, started="", started_at=0.0)

    def save(self, path: Path) -> None:
        """Write it so that a reader sees the old record or the new one, never half of one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self)))
        os.replace(draft, path)

    @classmethod
    def load(cls, path: Path) -> "ServerRecord | None":
        """The record in a file; None when there is none or it cannot be read (it is then as good as none)."""
        try:
            fields = json.loads(path.read_text())
            return cls(**{**fields, "ports": tuple(fields["ports"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None
