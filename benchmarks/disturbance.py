"""What is done to the stream's workers while they work, and how long it takes until every partition moves on."""

import random
import signal
import time
from collections.abc import Callable, Mapping

from benchmarks.event_log import EventLog
from benchmarks.program import say
from benchmarks.stream_cluster import StreamCluster, send
from benchmarks.worker_process import WorkerProcess

MOVES_ON_WITHIN_S = 90.0


class Disturbance:
    """Each method is one disturbance. It sends events before and after, so that there is work in every partition."""

    def __init__(
        self, cluster: StreamCluster, log: EventLog, send_events: Callable[[], None], chance: random.Random
    ) -> None:
        self._cluster, self._log, self._send_events, self._chance = cluster, log, send_events, chance
        self.restarts_s: list[float] = []
        self.rebalances_s: list[float] = []
        self.woken = self.fenced = 0

    def kill(self) -> None:
        """kill -9 of one worker, at any moment of its work."""
        _name, pid = self._victim()
        self._send_events()
        time.sleep(self._chance.uniform(0, 0.5))
        send(pid, signal.SIGKILL)
        began_s = time.monotonic()
        self._until_all_move()
        self.restarts_s.append(time.monotonic() - began_s)
        say(f"  consuming again after {self.restarts_s[-1]:.2f} s")

    def zombie(self) -> None:
        """A worker is stopped, another process takes its partitions over and works, and then it is woken.

        It counts as fenced once the actors have taken the partitions anew: the zombie has let go of them.
        """
        name, pid = self._victim()
        before = self._cluster.epochs()[name]
        self._send_events()
        send(pid, signal.SIGSTOP)
        try:
            with WorkerProcess(self._cluster.settings_path, sorted(before)):
                self._until_all_move()
                self.woken += send(pid, signal.SIGCONT)
                self._until(lambda: self._newest_epochs_of(before, 2))
            self.fenced += 1
        finally:
            send(pid, signal.SIGCONT)

    def rebalance(self) -> None:
        """A worker takes one more from another without asking it; then the supervisor evens out: let go here, taken there."""
        self._until(self._cluster.is_even)
        owned = {name: epochs for name, epochs in self._cluster.epochs().items() if epochs}
        giver, taker = self._chance.sample(sorted(owned), 2)
        number = self._chance.choice(sorted(owned[giver]))
        self._send_events()
        began_s = time.monotonic()

        def taken() -> bool:
            """The supervisor may undo it before the taker has come round; then it is done again."""
            self._cluster.ask(taker, "tell", [number], [])
            time.sleep(0.3)
            return self._newest_epochs_of({number: owned[giver][number]}, 1)

        self._until(taken)
        self._until(self._cluster.is_even)
        self._until_all_move()
        self.rebalances_s.append(time.monotonic() - began_s)
        say(f"  {number} taken from {giver} by {taker}, even again after {self.rebalances_s[-1]:.2f} s")

    def _victim(self) -> tuple[str, int]:
        self._until(self._cluster.is_even)
        name = self._chance.choice([name for name, epochs in self._cluster.epochs().items() if epochs])
        return name, self._cluster.ask(name, "pid")

    def _newest_epochs_of(self, before: Mapping[int, int], more: int) -> bool:
        """Whether the actors own each of these at an epoch that is at least so much newer."""
        newest: dict[int, int] = {}
        for epochs in self._cluster.epochs().values():
            for number, epoch in epochs.items():
                newest[number] = max(epoch, newest.get(number, 0))
        return all(newest.get(number, 0) >= epoch + more for number, epoch in before.items())

    def _until(self, holds: Callable[[], bool]) -> None:
        until_s = time.monotonic() + MOVES_ON_WITHIN_S
        while not holds():
            if time.monotonic() > until_s:
                raise TimeoutError(f"the workers have {self._cluster.epochs()} after {MOVES_ON_WITHIN_S:g} s")
            time.sleep(0.1)

    def _until_all_move(self) -> None:
        """Until the committed position of every partition has moved on; there is more to do in each."""
        before, began_s = self._log.committed(), time.monotonic()
        self._send_events()
        waiting = set(before)
        while waiting:
            time.sleep(0.02)
            now = self._log.committed()
            waiting = {p for p in waiting if now[p] <= before[p]}
            if time.monotonic() - began_s > MOVES_ON_WITHIN_S:
                raise TimeoutError(f"partitions {sorted(waiting)} did not move on within {MOVES_ON_WITHIN_S:g} s")
