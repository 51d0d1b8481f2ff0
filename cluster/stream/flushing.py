"""Makes folded profiles durable in the background, so that folding never waits for DynamoDB."""

import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cluster.stream.announcing import Announcer
from cluster.stream.folding import Due
from cluster.stream.partition import Partition
from cluster.stream.saving import Saving
from rayce.errors import Fenced, Unavailable
from rayce.stores.interfaces import DurableProfiles

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
STOP_WITHIN_S = 10.0

Done = Callable[[list[Fenced]], None]
"""Told when a flush is done, with the partitions that turned out not to be ours any more: theirs is not durable."""


class Job(NamedTuple):
    """What is to be made durable."""

    savings: list[Saving]
    done: Done


class Flusher:
    """One flush at a time in a thread of its own; a store that is away is tried again until it is back.

    Without `threaded` nothing happens by itself: `turn()` does what it can at once.
    """

    def __init__(
        self,
        durable: DurableProfiles,
        now_ms: Callable[[], int],
        announcer: Announcer | None = None,
        threaded: bool = True,
    ) -> None:
        self._durable = durable
        self._now_ms = now_ms
        self._announcer = announcer
        self._job: Job | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self.ended: Exception | None = None
        """The bug that has ended the thread. Then nothing more becomes durable here."""
        self.failing: Unavailable | None = None
        """The store that did not take something at the last try."""
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        if threaded:
            self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether the last flush is done."""
        return self._job is None

    def flush(self, dues: Mapping[Partition, Due], done: Done) -> None:
        """Make all durable, then call `done` (from the flusher's thread). Only when `idle`.

        Where nothing is due of a partition, it is made sure that it is still ours.
        """
        savings = [
            Saving(partition, due, self._durable, self._announcer, self._now_ms) for partition, due in dues.items()
        ]
        with self._wake:
            self._job = Job(savings, done)
            self._wake.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until idle or ended; False if it took longer."""
        with self._wake:
            return self._wake.wait_for(lambda: self._job is None or self.ended is not None, timeout_s)

    def stop(self) -> None:
        """Give up what is not done. A call that hangs is not waited for for ever."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN_S)

    def turn(self) -> None:
        """Do once what there is to do; what a store does not take now is done at a later turn."""
        job = self._job
        if job is None:
            return
        try:
            for saving in job.savings:
                saving.proceed()
        except Unavailable as error:
            self.failing = error
            return
        self.failing = None
        job.done([saving.fenced for saving in job.savings if saving.fenced])
        with self._wake:
            self._job = None
            self._wake.notify_all()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # told to the worker, which stops: a flusher that is gone must not go unnoticed
            with self._wake:
                self.ended = error
                self._wake.notify_all()

    def _work(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._job is not None or self._stopping)
            if self._stopping:
                return
            self.turn()
            if self.failing is None:
                pause_s = FIRST_PAUSE_S
                continue
            with self._wake:
                self._wake.wait_for(lambda: self._stopping, pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
