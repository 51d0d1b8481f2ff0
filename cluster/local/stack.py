"""The local stack: Redis, Kafka and DynamoDB on loopback, their data and what runs remembered below one folder."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster.local import launcher, settings_file
from cluster.local.errors import UnknownServer
from cluster.local.kinds import ROLES, Mode, by_name, candidates
from cluster.local.mock_broker import TOPICS_FILE
from cluster.local.plan import Planned, plan
from cluster.local.root_folder import RootFolder
from cluster.local.server_record import ServerRecord
from cluster.local.server_status import ServerStatus, observe


class LocalStack:
    """The servers of one root folder. They outlive this object and this process, unless it is used in a `with` block.

    Another process may hold the same root: what runs is read from disk each time, and starting and stopping are
    serialised by a lock. As a context manager it stops what its own `up` started and leaves alone what ran before.
    `topics` (name to number of partitions) matters to the mock broker only, which cannot be asked to create any.
    """

    def __init__(
        self,
        root: Path,
        *,
        mode: Mode = "auto",
        only: Collection[str] | None = None,
        progress: Callable[[str], None] | None = None,
        topics: Mapping[str, int] | None = None,
    ) -> None:
        unknown = set(only or ()) - set(ROLES)
        if unknown:
            raise UnknownServer(f"no server is called {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
        self._root = RootFolder(Path(root))
        self._mode: Mode = mode
        self._names = [name for name in ROLES if only is None or name in only]
        self._say = progress or (lambda line: None)
        self._topics = topics
        self._started: set[str] = set()
        self.settings_path = self._root.settings

    @property
    def real(self) -> bool:
        """Whether all chosen servers are the real ones (as they run now, or ran last). False before the first `up`."""
        records = [self._record(name) for name in self._names]
        return all(record is not None and by_name(record.kind).real for record in records)

    def up(self) -> None:
        """Start what does not run yet, wait until all serve, and write the settings.

        If anything fails, or Ctrl-C arrives, what this call has started is stopped again.
        Raises `ServerUnavailable` or `ServerFailed`.
        """
        with self._root.locked(self._say):
            self._write_topics()
            planned = [plan(self._root, name, self._mode, self._say) for name in self._names]
            new = {each.record.name for each in planned if each.launch is not None}
            self._started |= new
            try:
                running = [self._begin(each) for each in planned]
                for record in running:
                    self._wait(record, record.name in new)
                settings_file.write(self._root, running)
            except BaseException:
                self._abandon(new)
                raise

    def down(self) -> None:
        """Stop the chosen servers of this root, Kafka first and Redis last. Never touches any other process."""
        with self._root.locked(self._say):
            self._stop(self._names)

    def reset(self) -> None:
        """Stop the chosen servers and delete their data and logs. The settings, with their secrets, are kept."""
        with self._root.locked(self._say):
            self._stop(self._names)
            for name in self._names:
                for kind in candidates(name, "auto"):
                    shutil.rmtree(self._root.data / kind.kind, ignore_errors=True)
                self._root.log(name).unlink(missing_ok=True)
                self._root.record(name).unlink(missing_ok=True)
                self._say(f"{name}: data and log deleted")

    def stop_server(self, name: str) -> None:
        """Stop one server in order. It keeps its port and data."""
        with self._root.locked(self._say):
            self._known(name)
            self._stop([name])

    def kill_server(self, name: str) -> None:
        """SIGKILL one server and wait until it is gone. It keeps its port and what it had written."""
        process = self._known(name).process
        if process is not None:
            process.kill()
        self._say(f"{name}: killed")

    def start_server(self, name: str) -> None:
        """Start one server again on its own port, with its data; wait until it serves. Raises `ServerFailed`."""
        with self._root.locked(self._say):
            record = self._known(name)
            launch = None
            if not record.alive():
                launch = by_name(record.kind).launch(record.ports, self._root.data / record.kind, self._say)
                self._started.add(name)
            self._wait(self._begin(Planned(record, launch)))

    def status(self, *, probe: bool = True) -> list[ServerStatus]:
        """How the chosen servers are doing; without `probe` only their processes are looked at, and `ready` is False.

        Those that were never started are left out.
        """
        records = [self._record(name) for name in self._names]
        return [observe(record, probe=probe) for record in records if record is not None]

    def describe(self, name: str, what: str) -> str:
        """A sentence about a server (`what` is its predicate), with the name and the last lines of its log."""
        return launcher.failure(self._root, self._known(name), what)

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._root.locked(self._say):
            self._stop(self._started)

    def _record(self, name: str) -> ServerRecord | None:
        return ServerRecord.load(self._root.record(name))

    def _known(self, name: str) -> ServerRecord:
        record = self._record(name)
        if record is None:
            raise UnknownServer(f"{name!r} was never started in {self._root.path}: run `up` first")
        return record

    def _write_topics(self) -> None:
        if self._topics is not None:
            self._root.data.mkdir(parents=True, exist_ok=True)
            (self._root.data / TOPICS_FILE).write_text(json.dumps(dict(self._topics)))

    def _begin(self, planned: Planned) -> ServerRecord:
        record = planned.record
        if planned.launch is None:
            self._say(f"{record.name}: {record.kind} already runs on 127.0.0.1:{record.ports[0]}")
            return record
        self._say(f"{record.name}: starting {record.kind} on 127.0.0.1:{record.ports[0]}")
        return launcher.start(self._root, record, planned.launch)

    def _wait(self, record: ServerRecord, new: bool = True) -> None:
        launcher.wait_ready(self._root, record)
        after = f" after {time.time() - record.started_at:.1f} s" if new else ""
        self._say(f"{record.name}: ready{after} (pid {record.pid})")

    def _stop(self, names: Collection[str]) -> None:
        for name in reversed([name for name in ROLES if name in names]):
            record = self._record(name)
            if record is not None and record.pid is not None:
                in_order = launcher.stop(self._root, record)
                self._say(f"{name}: stopped" if in_order else f"{name}: did not stop in time, killed")
            self._started.discard(name)

    def _abandon(self, names: Collection[str]) -> None:
        """Stop all at once: who presses Ctrl-C once may press it again, and by then each should have its signal."""
        for name in names:
            if (record := self._record(name)) is not None and record.process is not None:
                record.process.send(signal.SIGTERM)
        self._stop(names)
