"""What outlives a worker in these tests: the log, both memories, the dead letters; and workers that can be killed."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cluster.stream.reading import Record
from cluster.stream.worker import Worker
from rayce.errors import Unavailable
from rayce.event import Event, encode_event
from rayce.features.feature_set import ALL
from rayce.fold import fold
from rayce.profile import Profile, decode_profile, encode_profile
from rayce.segments.catalogue import Catalogue, load_catalogue
from rayce.segments.change import SegmentChange, decode_change, difference
from rayce.segments.evaluation import Scorer, evaluate
from rayce.segments.tally import Tally
from rayce.settings import StreamSettings
from rayce.stores.interfaces import CHANGES, EVENTS
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from rayce.stores.memory_log import MemoryLog
from tests.samples import T0

WITHIN_S = 30.0
PARTITIONS = 2


class Killed(BaseException):
    """The process is gone: no handler of the program may catch it."""


class Process:
    """A process that dies at its nth call to the outside, before or after the call has had its effect."""

    def __init__(self, dies_at: int | None = None, after: bool = False) -> None:
        self._dies_at = dies_at
        self._after = after
        self._calls = 0
        self._lock = threading.Lock()
        self.dead = False

    def kill(self) -> None:
        self.dead = True

    def call(self, act: Callable[..., Any], *arguments: Any) -> Any:
        with self._lock:
            self._calls += 1
            dies = self._calls == self._dies_at
        if self.dead or (dies and not self._after):
            self.dead = True
            raise Killed
        found = act(*arguments)
        if dies:
            self.dead = True
            raise Killed
        return found


class Through:
    """An object all of whose calls go through a process."""

    def __init__(self, process: Process, inner: Any) -> None:
        self._process, self._inner = process, inner

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._inner, name)
        return (lambda *arguments: self._process.call(act, *arguments)) if callable(act) else act


class Running:
    """A worker in a thread."""

    def __init__(self, worker: Worker, process: Process) -> None:
        self.worker, self.process = worker, process
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            self.error = error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def kill(self) -> None:
        """As `kill -9` does: nothing more of it has any effect."""
        self.process.kill()
        self._thread.join(WITHIN_S)

    def stop(self) -> None:
        """In order."""
        self.worker.stop()
        self._thread.join(WITHIN_S)
        assert not self.alive

    def ends(self) -> BaseException | None:
        """Waits until it has ended by itself; why."""
        self._thread.join(WITHIN_S)
        assert not self.alive
        return self.error


class World:
    """The log and the stores; everything a worker leaves behind."""

    def __init__(self, catalogue: Catalogue | None = None, models: Mapping[str, Scorer] | None = None) -> None:
        self.log, self.durable, self.hot = MemoryLog(PARTITIONS), MemoryDurable(), MemoryHot()
        self.dead: list[tuple[Record, str]] = []
        self.dead_letters_away = False
        self.catalogue = catalogue or load_catalogue()
        self.catalogue_of: Callable[[], Catalogue] = lambda: self.catalogue
        self.models = models or {}
        self.features = ALL
        self.sent: list[Event] = []

    def send(self, events: Iterable[Event]) -> None:
        """Into the log."""
        events = list(events)
        self.sent += events
        asyncio.run(self.log.write(EVENTS, [(event.person, encode_event(event)) for event in events]))

    def send_raw(self, *values: bytes, key: str = "k") -> None:
        """Into the log, whatever it is."""
        asyncio.run(self.log.write(EVENTS, [(key, value) for value in values]))

    def worker(
        self,
        process: Process | None = None,
        partitions: Sequence[int] = range(PARTITIONS),
        waits: bool = False,
        clock: Callable[[], float] = time.monotonic,
        threaded: bool = True,
        **settings: int,
    ) -> Worker:
        """A worker that is not running yet."""
        process = process or Process()
        knobs = StreamSettings(**{"flush_interval_ms": 5, **settings})
        return Worker(
            partitions=list(partitions),
            reader=Through(process, self.log.reader((), knobs.poll_max_records)),  # type: ignore[arg-type]
            durable=Through(process, self.durable),  # type: ignore[arg-type]
            hot=Through(process, self.hot),  # type: ignore[arg-type]
            dead_letter=lambda record, reason: process.call(self._bury, record, reason),
            catalogue_of=self.catalogue_of,
            models_of=lambda tenant: self.models,  # type: ignore[arg-type,return-value]
            settings=knobs,
            announcer=Through(process, self.log.announcer()),  # type: ignore[arg-type]
            waits=waits,
            clock=clock,
            now_ms=lambda: T0,
            threaded=threaded,
            features=self.features,
        )

    def start(self, process: Process | None = None, **settings: Any) -> Running:
        """A running worker of all partitions."""
        process = process or Process()
        return Running(self.worker(process, **settings), process)

    def _bury(self, record: Record, reason: str) -> None:
        if self.dead_letters_away:
            raise Unavailable("kafka", "dead letters are switched away")
        self.dead.append((record, reason))

    def ends(self) -> dict[int, int]:
        """Positions after the last record."""
        return {p: self.log.end(p) for p in range(PARTITIONS) if self.log.end(p)}

    @property
    def committed(self) -> dict[int, int]:
        """Committed positions, those that were never moved left out."""
        return {partition: at for partition, at in self.log.committed.items() if at}

    def work_off(self, running: Running) -> None:
        """Waits until all that was sent is committed; `running` may die meanwhile."""
        wait_until(lambda: self.committed == self.ends() or not running.alive)

    def work_off_in_order(self, **settings: Any) -> None:
        """A worker comes, works all off, and goes."""
        running = self.start(**settings)
        self.work_off(running)
        running.stop()
        if running.error is not None:
            raise running.error

    def states(self) -> dict[str, bytes]:
        """Durable state by person."""
        people = {event.person for event in self.sent}
        return {person: stored.state for person, stored in self.durable.load_profiles(people).items()}

    def expected(self) -> dict[str, bytes]:
        """What folding the log once, in order, gives; people of whom nothing is kept left out."""
        people: dict[str, Profile] = {}
        for event in self.sent:
            before = people.get(event.person, Profile())
            after = fold(before, event)
            if after is not before:
                people[event.person] = evaluate(after, event, self.catalogue, self.models)  # type: ignore[arg-type]
        return {person: encode_profile(profile) for person, profile in people.items()}

    def announced(self) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
        """What subscribers were told: person, causing event, entered, left; in order of each person."""
        records = [r for p in range(PARTITIONS) for r in self.log.read(p, 0, 1_000_000, CHANGES)]
        changes = [decode_change(record.value) for record in records]
        assert [change.person.encode() for change in changes] == [record.key for record in records]
        return sorted(map(_told, changes), key=lambda told: told[0])

    def expected_announcements(self) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
        """What folding the log once, in order, has to tell."""
        people: dict[str, Profile] = {}
        told = []
        for event in self.sent:
            before = people.get(event.person, Profile())
            after = fold(before, event)
            if after is not before:
                after = evaluate(after, event, self.catalogue, self.models)  # type: ignore[arg-type]
                people[event.person] = after
                entered, left = difference(before, after, event.timestamp_ms, self.catalogue.names)
                if entered or left:
                    told.append((event.person, event.event_id, tuple(each.name for each in entered), left))
        return sorted(told, key=lambda each: each[0])

    def sizes(self) -> dict[tuple[int, int], int]:
        """Durable tallies: people by bit and moment, at moments when short-lived memberships end."""
        whole = Tally()
        for partition in range(PARTITIONS):
            whole.merge(Tally.from_bytes(self.durable._tallies.get(partition, b"")))
        return self._sizes(whole)

    def recounted_sizes(self) -> dict[tuple[int, int], int]:
        """The same counted from what is durable of each person."""
        whole = Tally()
        for state in self.states().values():
            profile = decode_profile(state)
            whole.change(0, (), profile.flags, profile.short_lived, 0, profile.tenant)
        return self._sizes(whole)

    def _sizes(self, tally: Tally) -> dict[tuple[int, int], int]:
        moments = range(T0 // 1000, T0 // 1000 + 6 * 86_400, 1_800)
        return {
            (bit, at): size for bit in self.catalogue.names for at in moments if (size := tally.size(bit, at, "shop"))
        }

    def shown(self) -> dict[str, bytes]:
        """State in hot memory by person."""
        people = sorted({event.person for event in self.sent})
        rows = asyncio.run(self.hot.read_states(people))
        return {person: row.value for person, row in zip(people, rows, strict=True) if row.value is not None}


def _told(change: SegmentChange) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    return change.person, change.cause.event_id, tuple(each.name for each in change.entered), change.left


def wait_until(holds: Callable[[], bool]) -> None:
    """Gives up, and fails, only when something is stuck for good."""
    until_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < until_s, "stuck"
        time.sleep(0.002)
