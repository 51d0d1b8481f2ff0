"""Real stores and the stream's real Ray actors, without Serve; and the actors' processes, to do them harm."""

import os
import signal
import time
from contextlib import suppress
from typing import Any, Self

import ray
from ray.exceptions import GetTimeoutError, RayActorError

from cluster.local_cluster import LocalCluster
from cluster.prepare import prepare_stores
from cluster.stream.actors import NAMESPACE, SUPERVISOR, start_stream
from rayce.settings import load_settings

ANSWER_WITHIN_S = 60.0


class StreamCluster(LocalCluster):
    """A `LocalCluster` whose HTTP side is not there."""

    def __enter__(self) -> Self:
        self.up()
        return self

    def _up(self) -> None:
        self.stack.up()
        self._write_settings()
        self.settings = load_settings(self.settings_path, {})
        prepare_stores(self.settings)
        self._progress("starting Ray")
        self._start_ray()
        self._progress("starting the stream")
        start_stream(self.settings)
        self._wait_for_stream()

    def supervisor(self) -> Any:
        """The actor."""
        return ray.get_actor(SUPERVISOR, NAMESPACE)

    def workers(self) -> list[str]:
        """Names of the workers there are."""
        found: list[str] = ray.get(self.supervisor().workers.remote(), timeout=ANSWER_WITHIN_S)
        return found

    def epochs(self) -> dict[str, dict[int, int]]:
        """By worker that answers, the partitions it owns with their epochs."""
        found = {}
        for name in self.workers():
            with suppress(RayActorError, GetTimeoutError, ValueError):
                actor = ray.get_actor(name, NAMESPACE)
                found[name] = dict(ray.get(actor.report.remote(), timeout=1).claims.wanted)
        return found

    def is_even(self) -> bool:
        """Whether every partition has an owner, and each of the workers as many as the others or one more."""
        owned = [epochs for epochs in self.epochs().values() if epochs]
        numbers = sorted(number for epochs in owned for number in epochs)
        sizes = [len(epochs) for epochs in owned]
        return (
            numbers == list(range(self.settings.kafka.partitions))
            and all(epoch for epochs in owned for epoch in epochs.values())
            and len(sizes) >= min(self.settings.stream.min_workers, len(numbers))
            and max(sizes) - min(sizes) <= 1
        )

    def drain_stream(self) -> None:
        """Workers and supervisor stop in order."""
        self._drain()

    def ask(self, worker: str, method: str, *arguments: Any) -> Any:
        """What a worker answers, once it is there; `TimeoutError` where it does not come back."""
        until_s = time.monotonic() + ANSWER_WITHIN_S
        while time.monotonic() < until_s:
            with suppress(RayActorError, GetTimeoutError, ValueError):
                actor = ray.get_actor(worker, NAMESPACE)
                return ray.get(getattr(actor, method).remote(*arguments), timeout=5)
            time.sleep(0.1)
        raise TimeoutError(f"{worker} did not answer within {ANSWER_WITHIN_S:g} s")


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; False where the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
