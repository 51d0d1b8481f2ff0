"""The folder that holds everything of one local stack: data, logs, what runs, and the settings written for rayce."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cluster.local.errors import StackBusy


class RootFolder:
    """Names every path below the root. Creating it makes only the root itself."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.settings = self.path / "settings.yaml"
        self.api_key = self.path / "api-key"
        self.logs = self.path / "logs"
        self.data = self.path / "data"
        self.run = self.path / "run"

    def log(self, name: str) -> Path:
        """The log file of one server."""
        return self.logs / f"{name}.log"

    def record(self, name: str) -> Path:
        """The file that says which process serves `name`."""
        return self.run / f"{name}.json"

    @contextlib.contextmanager
    def locked(self, say: Callable[[str], None], timeout_s: float = 300) -> Iterator[None]:
        """Only one process at a time starts or stops servers of this root. Raises `StackBusy`."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)  # Data about people: for the owner only.
        with (self.path / "lock").open("w") as handle:
            deadline = time.monotonic() + timeout_s
            told = False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise StackBusy(f"another process has held {handle.name} for {timeout_s:.0f} s") from None
                if not told:
                    say("waiting for another process that works on this stack")
                    told = True
                time.sleep(0.05)
            yield
