"""The local stack: Redis, Kafka and DynamoDB on loopback, their data and what runs remembered below one folder."""

import random
import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.local import launcher, settings_file
from cluster.local.errors import LocalStackError, ServerUnavailable, UnknownServer
from cluster.local.kinds import ROLES, Mode, by_name, candidates
from cluster.local.ports import free_ports, is_free
from cluster.local.root_folder import RootFolder
from cluster.local.server_kind import Launch, ServerKind
from cluster.local.server_record import ServerRecord
from cluster.local.server_status import ServerStatus, observe


class LocalStack:
    """Servers of one root folder. They outlive this object and this process unless it is used in a `with` block.

    Another process may hold the same root: what runs is read from disk each time, and starting and stopping are
    serialised by a lock. As a context manager it stops what its own `up` started, and leaves alone what ran before.
    """

    def __init__(
        self,
        root: Path,
        *,
        mode: Mode = "auto",
        only: Collection[str] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        unknown = set(only or ()) - set(ROLES)
        if unknown:
            raise UnknownServer(f"no server is called {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
        self._root = RootFolder(Path(root))
        self._mode: Mode = mode
        self._names = [name for name in ROLES if only is None or name in only]
        self._say = progress or (lambda line: None)
        self._rng = random.Random()
        self._started: list[str] = []
        self.settings_path = self._root.settings

    @property
    def real(self) -> bool:
        """Whether all chosen servers are the real ones (as they run now, or ran last). False before the first `up`."""
        records = [self._record(name) for name in self._names]
        return all(record is not None and by_name(record.kind).real for record in records)

    def up(self) -> None:
        """Start what does not run yet and wait until all serve; then write the settings.

        If anything fails, or Ctrl-C arrives, what this call has started is stopped again.
        Raises `ServerUnavailable` or `ServerFailed`.
        """
        with self._root.locked(self._say):
            before = len(self._started)
            try:
                running = [self._running(name) or self._start_first(name) for name in self._names]
                for record in running:
                    self._wait(record)
                settings_file.write(self._root, running)
            except BaseException:
                for name in self._started[before:]:
                    self._stop(name)
                del self._started[before:]
                raise

    def down(self) -> None:
        """Stop the servers of this root, the last started first. Nothing else is touched, whatever the files say."""
        with self._root.locked(self._say):
            for name in reversed(self._names):
                self._stop(name)
            self._started.clear()

    def stop_server(self, name: str) -> None:
        """Stop one server in order. It keeps its port and data."""
        with self._root.locked(self._say):
            self._known(name)
            self._stop(name)

    def kill_server(self, name: str) -> None:
        """SIGKILL one server and wait until it is gone. It keeps its port and what it had written."""
        process = self._known(name).process
        if process is not None:
            process.kill()
        self._say(f"{name}: killed")

    def start_server(self, name: str) -> None:
        """Start one server again on its own port, with its data; wait until it serves."""
        with self._root.locked(self._say):
            record = self._known(name)
            if not record.alive():
                data = self._root.data / record.kind
                record = self._spawn(record, by_name(record.kind).launch(record.ports, data, self._say))
            self._wait(record)

    def status(self) -> list[ServerStatus]:
        """How the chosen servers are doing. Those that were never started are left out."""
        return [observe(record) for name in self._names if (record := self._record(name)) is not None]

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._root.locked(self._say):
            while self._started:
                self._stop(self._started.pop())

    def _record(self, name: str) -> ServerRecord | None:
        return ServerRecord.load(self._root.record(name))

    def _known(self, name: str) -> ServerRecord:
        record = self._record(name)
        if record is None:
            raise UnknownServer(f"{name!r} was never started in {self._root.path}; call `up` first")
        return record

    def _running(self, name: str) -> ServerRecord | None:
        record = self._record(name)
        if record is None or not record.alive():
            return None
        if by_name(record.kind) not in candidates(name, self._mode):
            raise LocalStackError(f"{name} already runs as {record.kind}, which is not {self._mode}: stop it first")
        return record

    def _start_first(self, name: str) -> ServerRecord:
        """Start the first kind that can be had."""
        refused: list[str] = []
        for kind in candidates(name, self._mode):
            record = ServerRecord(name, kind.kind, self._ports(name, kind))
            try:
                launch = kind.launch(record.ports, self._root.data / kind.kind, self._say)
            except ServerUnavailable as reason:
                refused.append(str(reason))
                self._say(f"{name}: no {kind.kind}: {reason}")
                continue
            if kind.forgets:
                self._say(f"{name}: {kind.kind} stands in for the real server; it {kind.forgets}")
            return self._spawn(record, launch)
        raise ServerUnavailable(f"{name} cannot be started ({self._mode}):\n  " + "\n  ".join(refused))

    def _ports(self, name: str, kind: ServerKind) -> tuple[int, ...]:
        """The ports it had, if they are still free; otherwise new ones."""
        last = self._record(name)
        if last is not None and len(last.ports) == kind.port_count and all(is_free(port) for port in last.ports):
            return last.ports
        others = [record for role in ROLES if (record := self._record(role)) is not None]
        taken = {port for record in others for port in record.ports}
        return free_ports(kind.port_count, taken, self._rng)

    def _spawn(self, record: ServerRecord, launch: Launch) -> ServerRecord:
        self._say(f"{record.name}: starting {record.kind} on 127.0.0.1:{record.ports[0]}")
        self._started.append(record.name)
        return launcher.start(self._root, record, launch)

    def _wait(self, record: ServerRecord) -> None:
        launcher.wait_ready(self._root, record)
        self._say(f"{record.name}: ready after {time.time() - record.started_at:.1f} s (pid {record.pid})")

    def _stop(self, name: str) -> None:
        record = self._record(name)
        if record is None or record.pid is None:
            return
        in_order = launcher.stop(self._root, record)
        self._say(f"{name}: stopped" if in_order else f"{name}: did not stop in time, killed")
