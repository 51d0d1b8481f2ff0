"""The Ray shell of the lake's writer: one detached actor, restarted by Ray wherever there is room.

Two of them at once, one of them forgotten by everybody, can do no harm: the table refuses the one that is behind.
"""

import os
import threading
from typing import Any

import ray
import structlog
from ray.actor import ActorHandle

from cluster.lake.build import build_writer
from cluster.stream.actors import NAMESPACE
from rayce.logs import start_logging
from rayce.settings import Settings

log = structlog.get_logger(__name__)

NAME = "lake-writer"
DRAIN_WITHIN_S = 30.0


@ray.remote(num_cpus=0.1, max_restarts=-1, max_concurrency=2)
class LakeWriter:
    """Hosts a `Writer` in a thread of its own. If that ends unasked, so does the process, and Ray starts anew."""

    def __init__(self, settings: Settings) -> None:
        start_logging()
        self._writer = build_writer(settings)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="lake-writer", daemon=True)
        self._thread.start()

    def pid(self) -> int:
        """The process, for tests that kill it."""
        return os.getpid()

    def drain(self) -> None:
        """Append what is gathered, and stop."""
        self._stopping = True
        self._writer.stop()
        self._thread.join(DRAIN_WITHIN_S)

    def _run(self) -> None:
        try:
            self._writer.run()
        except Exception:  # a bug: logged, and the process ends so that Ray starts a new one
            log.exception("lake_writer_ended")
        if not self._stopping:
            os._exit(1)


def start_lake(settings: Settings) -> "ActorHandle[Any] | None":
    """The writer, started if it is not there; None where the settings name no lake."""
    if not settings.lake.path:
        return None
    return LakeWriter.options(  # type: ignore[attr-defined]
        name=NAME, namespace=NAMESPACE, lifetime="detached", get_if_exists=True
    ).remote(settings)


def stop_lake() -> None:
    """Let the writer append what it has gathered, and end it; harmless where there is none."""
    try:
        writer = ray.get_actor(NAME, NAMESPACE)
    except ValueError:
        return
    ray.wait([writer.drain.remote()], timeout=DRAIN_WITHIN_S)
    ray.kill(writer, no_restart=True)
