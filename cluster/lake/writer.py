"""The lake's writer: both topics in turn, upkeep of both tables now and then, and what it tells of itself.

It can be late without harm. What it waits for stays in the log; while the log or the object store is away it tries again, less
and less often. It is the only one that changes the tables, so upkeep and appends never meet.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from cluster.lake.appending import Appending
from cluster.lake.telling import Told
from rayce.errors import LakeConflict, Unavailable
from rayce.lake.compacting import compact
from rayce.lake.settings import LakeSettings
from rayce.lake.upkeep import crowding, keep
from rayce.stores.interfaces import HotWriter

log = structlog.get_logger(__name__)

FETCH_S = 0.2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
FIRST_UPKEEP_S = 300.0
TELL_EVERY_S = 2.0


class Writer:
    """Runs in the calling thread until `stop()`. `appendings` are of the events and, after them, of the decisions."""

    def __init__(
        self,
        appendings: Sequence[Appending],
        settings: LakeSettings,
        hot: HotWriter,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self.appendings = appendings
        """See the class."""
        self._settings = settings
        self._hot = hot
        self._clock = clock
        self._now_ms = now_ms
        self._stop = threading.Event()
        self._failures: dict[str, int] = {}
        self._again_s: dict[str, float] = {}
        self._upkeep_s = clock() + min(settings.upkeep_s, FIRST_UPKEEP_S)
        self._told_s = float("-inf")
        self._compacted_at: dict[str, int] = {}
        self.told = Told()
        """What it tells of itself."""

    def stop(self) -> None:
        """Ask the writer to append what it has gathered, and return."""
        self._stop.set()

    def run(self) -> None:
        """The loop."""
        try:
            while not self._stop.is_set():
                if not self.step():
                    self._stop.wait(FETCH_S)
        finally:
            for each in self.appendings:
                with suppress(Unavailable, LakeConflict):  # it is in the log: whoever comes next appends it
                    each.close()

    def step(self) -> bool:
        """Come round once; whether there was anybody to work for."""
        now = self._clock()
        ready = [each for each in self.appendings if now >= self._again_s.get(each.name, now)]
        for each in ready:
            self._guard(each, lambda each=each: self._work(each))  # type: ignore[misc]
        if now >= self._upkeep_s:
            self._upkeep_s = now + self._settings.upkeep_s
            self._keep()
        if now - self._told_s >= TELL_EVERY_S:
            self._told_s = now
            with suppress(Unavailable):
                self._hot.put_status({"lake": self.told.status(self.appendings)})
        return bool(ready)

    def _work(self, each: Appending) -> None:
        each.work(FETCH_S / len(self.appendings))
        if each.table is not None:
            self._failures.pop(each.name, None)
        self._put_together(each)

    def _put_together(self, each: Appending) -> None:
        """Appends leave small files; of these there are never many more than allowed."""
        appends = each.counts.appends
        if each.table is None or appends - self._compacted_at.get(each.name, 0) < self._settings.small_files:
            return
        self._compacted_at[each.name] = appends
        if crowding(each.table) >= self._settings.small_files:
            log.info("lake_compacted", table=each.name, fewer=compact(each.table))

    def _keep(self) -> None:
        events = self.appendings[0]
        for each in self.appendings:
            self._guard(each, lambda each=each: self._keep_one(events, each))  # type: ignore[misc]

    def _keep_one(self, events: Appending, each: Appending) -> None:
        if events.table is None or each.table is None:
            return
        done = keep(events.table, each.table, self._now_ms())
        self.told.kept(each.name, done, len(each.table.files()))
        log.info("lake_kept", table=each.name, **done._asdict())

    def _guard(self, each: Appending, work: Callable[[], None]) -> None:
        """What fails is dropped and begun anew, later and later."""
        try:
            work()
        except (Unavailable, LakeConflict) as error:
            each.drop()
            self.told.failed(each.name)
            failures = self._failures[each.name] = self._failures.get(each.name, 0) + 1
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (failures - 1))
            self._again_s[each.name] = self._clock() + wait_s
            log.warning("lake_paused", table=each.name, reason=str(error), wait_s=wait_s)
