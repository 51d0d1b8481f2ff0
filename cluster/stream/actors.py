"""The Ray shells of the stream: one actor a worker, and a supervisor that looks after them.

Both are detached and restarted by Ray wherever there is room when their process or node dies. A worker begins with nothing
and is given partitions; whoever is given one raises its epoch first, so a former owner that is still breathing somewhere is
fenced at the durable store.
"""

import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

import ray
import structlog
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from cluster.stream.build import build_worker
from cluster.stream.supervising import Report, Supervising
from rayce.logs import start_logging
from rayce.settings import Settings

log = structlog.get_logger(__name__)

NAMESPACE = "rayce"
SUPERVISOR = "stream-supervisor"
LOOK_EVERY_S = 1.0
LOOK_AGAIN_S = 0.2
ANSWER_WITHIN_S = 2.0
DRAIN_WITHIN_S = 20.0


@ray.remote(num_cpus=0.1, max_restarts=-1, max_concurrency=4)
class PartitionWorker:
    """Hosts a `Worker` in a thread of its own. If the worker ends unasked, so does the process, and Ray starts anew."""

    def __init__(self, settings: Settings, name: str) -> None:
        start_logging()
        sys.setswitchinterval(0.001)
        self._worker = build_worker(settings, name=name, waits=True)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="partition-worker", daemon=True)
        self._thread.start()

    def report(self) -> Report:
        """How it is, what it has, how that is doing."""
        return Report(time.monotonic() - self._worker.beat_s, self._worker.claims(), self._worker.standings)

    def tell(self, take: list[int], release: list[int]) -> None:
        """Own these too, own those no more."""
        self._worker.release(release)
        self._worker.take(take)

    def resume(self, partitions: list[int]) -> None:
        """Go on with these, should they be halted."""
        self._worker.resume(partitions)

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
        except Exception:  # a bug: logged, and the process ends so that Ray starts a new one
            log.exception("worker_ended")
        if not self._stopping:
            os._exit(1)


class RayCrew:
    """The workers as actors, found by name. See `Crew`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def members(self) -> list[str]:
        """See `Crew.members`."""
        return [name for name in map(worker_name, range(self._settings.kafka.partitions)) if _find(name) is not None]

    def ask(self, names: Iterable[str]) -> dict[str, Report | None]:
        """See `Crew.ask`."""
        asked = {name: handle.report.remote() for name in names if (handle := _find(name)) is not None}
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=ANSWER_WITHIN_S) if asked else None
        said: dict[str, Report | None] = {}
        for name, answer in asked.items():
            try:
                said[name] = ray.get(answer, timeout=0)
            except GetTimeoutError:
                said[name] = None
            except RayActorError:
                continue  # dead: Ray is restarting it
        return said

    def tell(self, name: str, take: list[int], release: list[int]) -> None:
        """See `Crew.tell`."""
        if (handle := _find(name)) is not None:
            handle.tell.remote(take, release)

    def hire(self, name: str) -> None:
        """See `Crew.hire`."""
        PartitionWorker.options(  # type: ignore[attr-defined]
            name=name, namespace=NAMESPACE, lifetime="detached", get_if_exists=True, scheduling_strategy="SPREAD"
        ).remote(self._settings, name)

    def replace(self, name: str) -> None:
        """See `Crew.replace`."""
        if (handle := _find(name)) is not None:
            ray.kill(handle, no_restart=False)

    def dismiss(self, name: str) -> None:
        """See `Crew.dismiss`."""
        if (handle := _find(name)) is not None:
            ray.wait([handle.drain.remote()], timeout=DRAIN_WITHIN_S)
            ray.kill(handle, no_restart=True)


@ray.remote(num_cpus=0, max_restarts=-1, max_concurrency=4)
class StreamSupervisor:
    """Hosts `Supervising` in a thread of its own. It holds no state: restarted, it finds the workers by name and asks them."""

    def __init__(self, settings: Settings) -> None:
        start_logging()
        self._crew = RayCrew(settings)
        self._supervising = Supervising(
            self._crew, settings.kafka.partitions, settings.stream, time.monotonic, worker_name
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def workers(self) -> list[str]:
        """Names of the workers."""
        return self._crew.members()

    def ready(self) -> bool:
        """Whether every partition has an owner that answers."""
        return self._supervising.complete

    def halted(self) -> dict[int, str]:
        """Partitions that are halted, and why."""
        return self._supervising.halted

    def resume(self, partitions: list[int]) -> None:
        """Go on with these: whoever has them is told."""
        for name in self._crew.members():
            if (handle := _find(name)) is not None:
                handle.resume.remote(partitions)

    def drain(self) -> None:
        """Stop every worker in order: durable first, then gone."""
        self._stop.set()
        self._thread.join()
        handles = [handle for name in self._crew.members() if (handle := _find(name)) is not None]
        draining = [handle.drain.remote() for handle in handles]
        if draining:
            ray.wait(draining, num_returns=len(draining), timeout=DRAIN_WITHIN_S)
        for handle in handles:
            ray.kill(handle, no_restart=True)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            try:
                self._supervising.look()
            except Exception:  # the supervisor must outlive any surprise: logged, tried again
                log.exception("supervision_failed")
            wait_s = LOOK_EVERY_S if self._supervising.complete else LOOK_AGAIN_S


def start_stream(settings: Settings) -> "ActorHandle[Any]":
    """The supervisor, started if it is not there."""
    return StreamSupervisor.options(  # type: ignore[attr-defined]
        name=SUPERVISOR, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
    ).remote(settings)


def worker_name(number: int) -> str:
    """The actor's name."""
    return f"stream-worker-{number}"


def _find(name: str) -> "ActorHandle[Any] | None":
    try:
        return ray.get_actor(name, NAMESPACE)
    except (ValueError, RayError):  # there is none, or Ray cannot say
        return None
