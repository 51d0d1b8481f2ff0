"""A partition worker: reads its partitions, folds, shows, makes durable, commits. In this order, so committed means all before.

    poll ▶ decode ▶ load the people not in memory ▶ fold ▶ show (Redis, at once)
                                                         ▶ flush (in its own thread, every few hundred ms): announce the
                                                           changes of segments, save profiles (DynamoDB) ▶ commit

After a crash the successor starts at the committed position and passes over what each person's watermark says is folded.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog

from cluster.stream.announcing import Announcer
from cluster.stream.decoding import Batch, DeadLetter, decode_batch
from cluster.stream.flushing import Flusher
from cluster.stream.folding import Due, Folding
from cluster.stream.owning import Owning
from cluster.stream.pausing import Pauses
from cluster.stream.rate import Rate
from cluster.stream.reading import Reader, Record
from cluster.stream.sharing import Claims
from cluster.stream.showing import Showing
from cluster.stream.telling import Standing, Telling
from cluster.stream.trimming import Trimming
from rayce.errors import Fenced, Unavailable
from rayce.features.feature_set import ALL, FeatureSet
from rayce.segments.catalogue import Catalogue
from rayce.segments.evaluation import Scorers
from rayce.settings import StreamSettings
from rayce.stores.interfaces import Durable, HotWriter

log = structlog.get_logger(__name__)

IDLE_POLL_MS = 50
PAUSE_S = 0.05
DRAIN_WITHIN_S = 5.0
STANDINGS_EVERY_S = 0.5
GATHER_ABOVE_PER_S = 400
"""Below, there is CPU enough to fetch every event as it comes."""
NOTHING = Due([], [], {})


class Worker:
    """Runs in the calling thread until `stop()`. What it owns may change meanwhile (`take`, `release`).

    Raises `Fenced` when all its partitions have gone to somebody else, unless it `waits` for others to be given.
    Without `threaded` it does everything in `step`, and never sleeps: for tests.
    """

    def __init__(
        self,
        reader: Reader,
        durable: Durable,
        hot: HotWriter,
        dead_letter: Callable[[Record, str], None],
        catalogue_of: Callable[[], Catalogue],
        models_of: Callable[[str], Scorers],
        settings: StreamSettings,
        partitions: Iterable[int] = (),
        announcer: Announcer | None = None,
        name: str = "worker",
        waits: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        threaded: bool = True,
        features: FeatureSet = ALL,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._dead_letter = dead_letter
        self._announcer = announcer
        self._waits = waits
        self._clock = clock
        self._threaded = threaded
        self._owning = Owning(durable, reader, settings.dead_letter_limit)
        self._folding = Folding(durable, catalogue_of, models_of, settings.cached_users, features)
        trimming = Trimming(hot, self._folding.latest_expiry_s, self._folding.packed, settings.cached_users, now_ms)
        self._showing = Showing(hot, self._folding.shown_again, trimming)
        self._folding.pinned = self._showing.waiting
        self._flusher = Flusher(durable, now_ms, announcer, threaded)
        self._telling = Telling(name, reader, self._owning, self._folding, self._showing)
        self._pauses = Pauses(clock)
        self._stop = threading.Event()
        self._batch: Batch | None = None
        self._dead: list[DeadLetter] = []
        self._lost: list[Fenced] = []
        self._doubts = self._assured = 0
        self._flushed_s = self._stood_s = self._fetched_s = float("-inf")
        self._fetched = 0
        self._rate = Rate(clock())
        self.standings: dict[int, Standing] = {}
        """How the partitions are doing, as of half a second ago."""
        self.beat_s = clock()
        """When the loop last came round."""
        self._owning.take(partitions)

    def take(self, partitions: Iterable[int]) -> None:
        """Own these too; whoever does so now is fenced. From any thread; done when the loop comes round."""
        self._owning.take(partitions)

    def release(self, partitions: Iterable[int]) -> None:
        """Own these no more, once what is folded of them is durable and committed. The others are not disturbed."""
        self._owning.release(partitions)

    def resume(self, partitions: Iterable[int]) -> None:
        """Go on with these, should they be halted for too many dead letters."""
        self._owning.resume(partitions)

    def claims(self) -> Claims:
        """Partitions that are owned or about to be, and those that are still being released. From any thread."""
        return self._owning.claims()

    def stop(self) -> None:
        """Ask the worker to fold what it has, make it durable, commit, and return."""
        self._stop.set()

    def run(self) -> None:
        """The loop."""
        try:
            while not self._stop.is_set():
                self.step()
            self._drain()
        finally:
            self._flusher.stop()
            self._reader.close()
            if self._announcer is not None:
                self._announcer.close()

    def step(self) -> None:
        """Come round once."""
        self._beat()
        try:
            self._owning.attend(may_release=not self._showing.waiting)
            if not self._in_doubt:
                self._work()
            elif self._threaded:
                self._stop.wait(PAUSE_S)
        except Unavailable as error:
            self._pause(error.store, error.reason)
        self._tend()

    def _beat(self) -> None:
        """So long a silence may have cost us partitions: look before anything is shown."""
        now = self._clock()
        if now - self.beat_s > self._settings.hang_timeout_s / 2:
            self._doubts += 1
        self.beat_s = now

    @property
    def _in_doubt(self) -> bool:
        """Whether to make sure first that what we own is still ours."""
        return self._doubts != self._assured

    def _work(self) -> None:
        self._batch = self._batch or self._read()
        self._beat()  # the log is where a worker spends its time, so it is there that it falls asleep
        if self._in_doubt:
            return
        if self._batch is not None:
            self._fold(self._batch)
            self._batch = None
        self._bury()

    def _read(self) -> Batch | None:
        """The next records; none while too much waits for a store (the rest stays in the log, nothing is lost)."""
        full = self._full()
        if full:
            self._pause(full, "too much waits for it")
            return None
        self._gather()
        found = self._reader.fetch(IDLE_POLL_MS if self._threaded else 0)
        self._fetched_s, self._fetched = self._clock(), sum(map(len, found.values()))
        self._rate.add(self._fetched, self._fetched_s)
        self._pauses.end()
        return decode_batch(found, self._owning.partitions, self._owning.halt) if found else None

    def _gather(self) -> None:
        """Let events gather where they come fast in small portions: fetching then costs more than folding."""
        fetched = self._fetched
        if self._threaded and fetched < self._settings.poll_max_records // 4 and self._rate.per_s > GATHER_ABOVE_PER_S:
            wait_s = self._fetched_s + self._settings.gather_ms / 1000 - self._clock()
            if wait_s > 0:
                self._stop.wait(wait_s)

    def _full(self) -> str | None:
        """The store for which too much waits."""
        limit = self._settings.max_dirty_users
        if len(self._folding.dirty) > limit:
            return self._flusher.failing.store if self._flusher.failing else "dynamodb"
        if len(self._showing.waiting) > limit:
            return "redis"
        return "kafka" if self._dead or self._folding.waiting_changes > limit else None

    def _pause(self, store: str, reason: str) -> None:
        self._pauses.begin(store, reason)
        with suppress(Unavailable):
            self._reader.idle()
        if self._threaded:
            self._stop.wait(PAUSE_S)

    def _fold(self, batch: Batch) -> None:
        """Where the fold's dead letters become too many, the partition is halted, and stands before the one too many."""
        partitions = self._owning.partitions
        dead, stopped = list(batch.dead), dict[int, int]()

        def fails(record: Record, reason: str) -> bool:
            partition = partitions[record.partition]
            if not partition.circuit.admits():
                stopped[record.partition] = record.offset
                self._owning.halt(partition, record.offset, reason)
                return False
            dead.append((record, reason))
            return True

        started_s = self._clock()
        rows = self._folding.fold(batch.entries, fails)
        self._telling.metrics.observe("rayce_stream_fold_seconds", self._clock() - started_s)
        self._showing.show(rows)
        if stopped:
            dead = [
                letter for letter in dead if letter[0].offset < stopped.get(letter[0].partition, letter[0].offset + 1)
            ]
        self._dead += dead
        for number, count in batch.counts.items():
            partition, reached = partitions[number], batch.reached[number]
            at = stopped.get(number, reached)
            partition.next = at
            partition.events += count - (reached - at)
            partition.circuit.passed(count)

    def _bury(self) -> None:
        """Dead letters are written before anything after them is made durable."""
        while self._dead:
            record, reason = self._dead[0]
            self._dead_letter(record, reason)
            log.error("dead_letter", partition=record.partition, offset=record.offset, reason=reason)
            self._owning.partitions[record.partition].dead_letters += 1
            del self._dead[0]

    def _tend(self) -> None:
        """What has to be done every now and then."""
        if not self._threaded:
            self._flusher.turn()
        if self._flusher.ended is not None:
            raise self._flusher.ended
        self._let_go_of_lost()
        now = self._clock()
        if self._flusher.idle and now - self._flushed_s >= self._settings.flush_interval_ms / 1000:
            self._flushed_s = now
            self._flush()
        self._commit(wait=False)
        self._let_go_of_settled()
        if not self._in_doubt:
            self._showing.catch_up(lambda: self._telling.statuses(self._pauses))
        if now - self._stood_s >= STANDINGS_EVERY_S:
            self._stood_s, self.standings = now, self._telling.standings()

    def _flush(self) -> None:
        """Hand over all that is not durable. Where nothing is, that the partition is still ours is made sure all the same.

        Nothing after a dead letter becomes durable before that is buried.
        """
        partitions = self._owning.partitions.values()
        behind = [p for p in partitions if p.next != p.durable_next] if not self._dead else []
        if not behind and not self._in_doubt:
            return
        taken = self._folding.take_dirty() if behind else {}
        asked = partitions if self._in_doubt else [p for p in partitions if p in behind or p.number in taken]
        dues = {p: taken.get(p.number, NOTHING) for p in asked}
        reached = {partition: partition.next for partition in behind}
        started_s, doubts = self._clock(), self._doubts

        def done(fenced: list[Fenced]) -> None:
            self._folding.flushed()
            self._telling.metrics.observe("rayce_stream_flush_seconds", self._clock() - started_s)
            lost = {error.partition for error in fenced}
            for partition, at in reached.items():
                if partition.number not in lost:
                    partition.durable_next = at
            self._lost += fenced
            self._assured = doubts

        self._flusher.flush(dues, done)

    def _commit(self, wait: bool) -> None:
        """Not while rows wait for hot memory: should we die now, the successor replays their events and shows them."""
        if self._showing.waiting:
            return
        behind = [p for p in self._owning.partitions.values() if p.committed != p.durable_next]
        if not behind and not wait:
            return
        reached = {partition: partition.durable_next for partition in behind}
        try:
            self._reader.commit({partition.number: at for partition, at in reached.items()}, wait)
        except Unavailable as error:
            log.warning("commit_failed", reason=error.reason)
            return
        for partition, at in reached.items():
            partition.committed = at

    def _let_go_of_lost(self) -> None:
        """A partition that is somebody else's now is dropped without writing anything more of it. Are the others still ours?"""
        while self._lost:
            self._doubts += 1
            error = self._lost.pop()
            owned = self._owning.partitions.get(error.partition)
            if owned is not None and owned.epoch == error.epoch:
                log.warning("partition_lost", partition=error.partition, epoch=error.epoch)
                self._drop(error.partition)
            if not self._waits and not self._owning.claims().wanted:
                raise error

    def _let_go_of_settled(self) -> None:
        """What is being released goes once it is durable, committed and shown: the next owner begins where this one ended."""
        for partition in list(self._owning.partitions.values()):
            if not partition.leaving or partition.next != partition.durable_next or self._showing.waiting or self._dead:
                continue
            if self._batch is not None and partition.number in self._batch.counts:
                continue
            try:
                self._reader.commit({partition.number: partition.durable_next}, True)
            except Unavailable as error:
                log.warning("commit_failed", reason=error.reason)
                continue
            self._drop(partition.number)
            log.info("partition_released", partition=partition.number, offset=partition.durable_next)

    def _drop(self, number: int) -> None:
        self._showing.drop(self._folding.leave(number))
        self._batch = self._batch.without(number) if self._batch is not None else None
        self._dead = [letter for letter in self._dead if letter[0].partition != number]
        self._owning.drop(number)
        if self._announcer is not None:
            self._announcer.leave(number)

    def _drain(self) -> None:
        """Order matters: what is folded becomes durable, then the position is committed, then the log is let go."""
        if self._settle() and self._flusher.ended is None:
            self._flush()
            self._settle()
        if self._flusher.ended is not None:
            raise self._flusher.ended
        self._let_go_of_lost()
        for partition in self._owning.partitions.values():
            partition.committed = -1  # what was sent and not waited for may not have arrived
        self._commit(wait=True)

    def _settle(self) -> bool:
        """Wait for the flush that is under way."""
        if not self._threaded:
            self._flusher.turn()
        return self._flusher.wait(DRAIN_WITHIN_S if self._threaded else 0)
