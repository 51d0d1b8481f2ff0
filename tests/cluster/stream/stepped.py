"""Workers that go one step at a time: what they do to the outside waits until the test lets it happen; no clock decides.

The worker itself runs unchanged, in its own threads. Its loop is held each time it asks the log for more (`fetch`); what its
other threads do (make durable) is held call by call. So every interleaving can be had, and can be had again.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.cluster.stream.world import WITHIN_S, Killed, Process, World


class Gate:
    """Where threads wait until they are let through, one call each."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._permits = 0
        self._open = False
        self.waiting = 0

    def arrive(self, process: Process) -> None:
        """Wait for a permit; `Killed` where the process dies meanwhile."""
        with self._changed:
            self.waiting += 1
            self._changed.notify_all()
            let_go = self._changed.wait_for(lambda: self._open or self._permits or process.dead, WITHIN_S)
            self.waiting -= 1
            if process.dead or not let_go:
                raise Killed
            self._permits = max(0, self._permits - 1)

    def let_one_go(self) -> None:
        """Until it has left; it may come back at once."""
        with self._changed:
            self._permits += 1
            self._changed.notify_all()

    def open(self) -> None:
        """Hold nobody any more."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    @property
    def holds(self) -> bool:
        """Whether somebody waits, and all who were let go have gone."""
        return bool(self.waiting and not self._permits and not self._open)


class SteppedProcess(Process):
    """Holds its loop at `fetch`, and its other threads at every call. `doom` lets it die at a later call of any of them."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.loop, self.background = Gate(self.changed), Gate(self.changed)
        self.thread: threading.Thread | None = None
        self.now_s = 0.0
        """Its clock; it stands still unless somebody moves it."""
        self.fetched = -1
        """Records that the last fetch gave; -1: none was asked for yet."""
        self._maker = threading.current_thread()

    def doom(self, calls: int, after: bool) -> None:
        """Die at the `calls`-th call from here on, before or after its effect."""
        self._dies_at, self._after = self._calls + calls, after

    def kill(self) -> None:
        """Now."""
        with self.changed:
            self.dead = True
            self.changed.notify_all()

    def call(self, act: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """See the class."""
        here = threading.current_thread()
        fetching = here is self.thread and getattr(act, "__name__", "") == "fetch"
        if fetching:
            self.loop.arrive(self)
            arguments = (0,)
        elif here is not self.thread and here is not self._maker:
            self.background.arrive(self)
        try:
            found = super().call(act, *arguments, **more)
        except Killed:
            self.kill()
            raise
        if fetching:
            self.fetched = sum(map(len, found.values()))
        return found


class Stepped:
    """A worker, held at its first fetch. It waits for partitions to be given to it, as the actors' workers do."""

    def __init__(self, world: World, partitions: Iterable[int], **settings: int) -> None:
        self.process = process = SteppedProcess()
        self.error: BaseException | None = None
        self.worker = world.worker(
            process,
            sorted(partitions),
            waits=True,
            clock=lambda: process.now_s,
            **{"flush_interval_ms": 0, "poll_max_records": 7, **settings},
        )
        self._thread = process.thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._rest()

    @property
    def alive(self) -> bool:
        """Whether its loop goes on."""
        return self._thread.is_alive()

    @property
    def flushing(self) -> bool:
        """Whether something is on its way to durable memory."""
        flusher = self.worker._flusher
        return self.alive and not flusher.idle and flusher.ended is None

    @property
    def busy(self) -> bool:
        """Whether there was something to do when it last looked."""
        return self.alive and (self.flushing or self.process.fetched != 0)

    def claimed(self) -> set[int]:
        """Partitions that it owns, is about to own, or has not let go yet."""
        claims = self.worker.claims()
        return {*claims.wanted, *claims.leaving}

    def turn(self) -> None:
        """From one fetch to the next: fold, show, hand over to the flusher, commit what it has done."""
        if self.alive:
            self.process.loop.let_one_go()
            self._rest()

    def flush(self, calls: int = 1_000) -> None:
        """Let what is on its way become durable, at most so many calls of it."""
        for _call in range(calls):
            if not self.flushing:
                return
            self.process.background.let_one_go()
            self._rest()

    def work_until_gone(self, partition: int) -> None:
        """Go on until the partition is not claimed any more, for a while."""
        for _round in range(8):
            if partition in self.claimed():
                self.turn()
                self.flush()

    def wake(self) -> None:
        """After a long time it goes on where it was; nothing holds its flusher any more."""
        self.process.now_s += 1_000
        self.process.background.open()
        self.turn()

    def doom(self, calls: int, after: bool) -> None:
        """Die at the `calls`-th call from here on, before or after its effect."""
        self.process.doom(calls, after)

    def kill(self) -> None:
        """As `kill -9` does: nothing more of it has any effect."""
        self.process.kill()
        self._thread.join(WITHIN_S)
        assert not self.alive, "stuck"

    def _rest(self) -> None:
        """Until the loop is held at its fetch and the flusher at a call, or they have nothing to do, or are gone."""
        until_s = time.monotonic() + WITHIN_S
        with self.process.changed:
            while not self._at_rest():
                assert time.monotonic() < until_s, "stuck"
                self.process.changed.wait(0.0002)  # the flusher tells nobody when it has nothing more to do
        if self.process.dead:
            self.kill()

    def _at_rest(self) -> bool:
        process = self.process
        if not self.alive or process.dead:
            return True
        in_doubt = self.worker._in_doubt  # then the loop asks the log for nothing before it has made sure
        return (process.loop.holds and not self.flushing) or (
            (process.loop.holds or in_doubt) and process.background.holds
        )

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            self.error = error
        finally:
            with self.process.changed:
                self.process.changed.notify_all()
