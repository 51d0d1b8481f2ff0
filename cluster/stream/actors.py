"""The Ray shells of the stream: one actor a worker, and a supervisor that keeps them alive.

Both are detached and restarted by Ray wherever there is room when their process or node dies; a restarted worker raises
the epochs of its partitions first, so a former one that is still breathing somewhere is fenced at the durable store.
"""

import os
import sys
import threading
import time
from typing import Any

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError

from cluster.stream.build import build_worker
from cluster.stream.sharing import share_out
from rayce.settings import Settings

log = structlog.get_logger(__name__)

NAMESPACE = "rayce"
SUPERVISOR = "stream-supervisor"
LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 5.0
START_WITHIN_S = 60.0
DRAIN_WITHIN_S = 20.0


@ray.remote(num_cpus=0.1, max_restarts=-1, max_concurrency=4)
class PartitionWorker:
    """Hosts a `Worker` in a thread of its own. If the worker ends unasked, so does the process, and Ray starts anew."""

    def __init__(self, settings: Settings, partitions: list[int]) -> None:
        sys.setswitchinterval(0.001)
        self._worker = build_worker(settings, partitions)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="partition-worker", daemon=True)
        self._thread.start()

    def silent_s(self) -> float:
        """Seconds since the worker's loop last came round."""
        return time.monotonic() - self._worker.beat_s

    def pid(self) -> int:
        """The process, for tests that kill it."""
        return os.getpid()

    def drain(self) -> None:
        """Make everything folded durable, commit, and stop."""
        self._stopping = True
        self._worker.stop()
        self._thread.join(DRAIN_WITHIN_S)

    def _run(self) -> None:
        try:
            self._worker.run()
        except Exception:  # fenced, or a bug: logged, and the process ends so that Ray starts a new one
            log.exception("worker_ended")
        if not self._stopping:
            os._exit(1)


@ray.remote(num_cpus=0, max_restarts=-1, max_concurrency=4)
class StreamSupervisor:
    """Makes the workers, and replaces those that hang. It holds no state: restarted, it finds the workers by name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shares = share_out(settings.kafka.partitions, settings.stream.workers)
        self._born_s: dict[str, float] = {}
        self._answered: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def workers(self) -> list[str]:
        """Names of the workers."""
        return [_name(i) for i in range(len(self._shares))]

    def ready(self) -> bool:
        """Whether every worker has come up."""
        return self._answered.issuperset(self.workers())

    def drain(self) -> None:
        """Stop every worker in order: durable first, then gone."""
        self._stop.set()
        self._thread.join()
        handles = [ray.get_actor(name, NAMESPACE) for name in self.workers()]
        draining = [handle.drain.remote() for handle in handles]
        ray.wait(draining, num_returns=len(draining), timeout=DRAIN_WITHIN_S)
        for handle in handles:
            ray.kill(handle, no_restart=True)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S if self._born_s else 0):
            for i, partitions in enumerate(self._shares):
                try:
                    self._look_after(_name(i), partitions)
                except Exception:  # the supervisor must outlive any surprise: logged, tried again
                    log.exception("supervision_failed", worker=_name(i))

    def _look_after(self, name: str, partitions: list[int]) -> None:
        if name not in self._born_s:
            self._born_s[name] = time.monotonic()
        worker = PartitionWorker.options(  # type: ignore[attr-defined]
            name=name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, scheduling_strategy="SPREAD"
        ).remote(self._settings, partitions)
        try:
            silent_s = ray.get(worker.silent_s.remote(), timeout=ANSWER_WITHIN_S)
        except GetTimeoutError:
            silent_s = time.monotonic() - self._born_s[name] - START_WITHIN_S
        except RayActorError:
            return  # Ray is restarting it
        if silent_s > self._settings.stream.hang_timeout_s:
            log.warning("worker_replaced", worker=name, silent_s=silent_s)
            self._born_s[name] = time.monotonic()
            ray.kill(worker, no_restart=False)
        elif silent_s >= 0:
            self._answered.add(name)
            self._born_s[name] = time.monotonic() - START_WITHIN_S


def start_stream(settings: Settings) -> "ActorHandle[Any]":
    """The supervisor, started if it is not there."""
    return StreamSupervisor.options(  # type: ignore[attr-defined]
        name=SUPERVISOR, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
    ).remote(settings)


def _name(i: int) -> str:
    return f"stream-worker-{i}"
