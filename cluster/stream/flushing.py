"""Makes folded profiles durable in the background, so that folding never waits for DynamoDB."""

import threading
from collections.abc import Callable, Mapping, Sequence

from rayce.errors import Unavailable
from rayce.stores.interfaces import DurableProfiles, Save

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0


class Flusher:
    """One flush at a time in a thread of its own; a store that is away is tried again until it is back."""

    def __init__(self, durable: DurableProfiles, epochs: Mapping[int, int]) -> None:
        self._durable = durable
        self._epochs = epochs
        self._job: tuple[Mapping[int, Sequence[Save]], Callable[[], None]] | None = None
        self._wake = threading.Condition()
        self._stopping = False
        self.ended: Exception | None = None
        """Why the thread has ended unasked: `Fenced`, or a bug. Then nothing more becomes durable here."""
        self.failing: str | None = None
        self._thread = threading.Thread(target=self._run, name="flusher", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether the last flush is done."""
        return self._job is None

    def flush(self, saves: Mapping[int, Sequence[Save]], done: Callable[[], None]) -> None:
        """Make all durable, then call `done` (from the flusher's thread). Only when `idle`."""
        with self._wake:
            self._job = (saves, done)
            self._wake.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until idle or ended; False if it took longer."""
        with self._wake:
            return self._wake.wait_for(lambda: self._job is None or self.ended is not None, timeout_s)

    def stop(self) -> None:
        """Give up what is not done."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # told to the worker, which stops: a flusher that is gone must not go unnoticed
            with self._wake:
                self.ended = error
                self._wake.notify_all()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._job is not None or self._stopping)
                job = self._job
            if self._stopping or job is None:
                return
            saves, done = job
            for partition, batch in saves.items():
                if not self._save(partition, batch):
                    return
            done()
            with self._wake:
                self._job = None
                self._wake.notify_all()

    def _save(self, partition: int, batch: Sequence[Save]) -> bool:
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            try:
                self._durable.save_profiles(partition, self._epochs[partition], batch)
            except Unavailable as error:
                self.failing = str(error)
                with self._wake:
                    self._wake.wait_for(lambda: self._stopping, pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                self.failing = None
                return True
        return False
