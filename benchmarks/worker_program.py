"""`python -m benchmarks.worker_program`: a partition worker without Ray, in a process that can be asked, stopped and killed.

Reads one command a line: `tell` prints one JSON line (CPU, memory and writes so far), `stop` drains and ends.
"""

import argparse
import cProfile
import json
import os
import pstats
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import structlog

from benchmarks.mutants import MUTANTS
from cluster.stream import flushing
from cluster.stream.build import build_worker
from cluster.stream.worker import Worker
from rayce.settings import load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.redis_view import RedisWriter

DRAIN_WITHIN_S = 60.0


class Counted:
    """How often, and with how many rows, the worker writes to its stores."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._count(DynamoStore, "save_profiles", "durable", 2)
        self._count(RedisWriter, "show", "hot", 0)

    def _count(self, kind: type, method: str, name: str, at: int) -> None:
        inner = getattr(kind, method)

        def counted(itself: object, *arguments: Any, **more: Any) -> Any:
            found = inner(itself, *arguments, **more)
            self.counts[f"{name}_calls"] += 1
            self.counts[f"{name}_rows"] += len(arguments[at])
            return found

        setattr(kind, method, counted)


class Host:
    """Runs the worker in a thread of its own, as the actor does, and answers for it."""

    def __init__(self, worker: Worker, counted: Counted, profiles: list[cProfile.Profile] | None) -> None:
        self._worker, self._counted = worker, counted
        self._run: Callable[[], None] = worker.run if profiles is None else profiled(worker.run, profiles)
        self._thread = threading.Thread(target=self._guarded, name="partition-worker")
        self._thread.start()

    def tell(self) -> dict[str, Any]:
        """CPU seconds of the process and by thread, memory, and writes so far."""
        threads = {}
        for thread in threading.enumerate():
            if thread.ident is not None and thread.is_alive():
                threads[thread.name] = round(time.clock_gettime(time.pthread_getcpuclockid(thread.ident)), 6)
        return {
            "cpu_s": time.process_time(),
            "threads_cpu_s": threads,
            "rss_mib": resident_mib(),
            "writes": dict(self._counted.counts),
        }

    def stop(self) -> None:
        """Drain."""
        self._worker.stop()
        self._thread.join(DRAIN_WITHIN_S)

    def _guarded(self) -> None:
        try:
            self._run()
        except Exception as error:  # as the actor: whatever it was, the process ends
            print(f"worker ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(3)


def profiled(run: Callable[[], None], into: list[cProfile.Profile]) -> Callable[[], None]:
    """The same, with a profile of the thread that it runs in."""

    def inner() -> None:
        profile = cProfile.Profile()
        into.append(profile)
        profile.runcall(run)

    return inner


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 2)


def report(profiles: list[cProfile.Profile], path: str) -> None:
    """Where the time went, thread by thread."""
    with Path(path).open("w", encoding="utf-8") as out:
        for profile in profiles:
            pstats.Stats(profile, stream=out).sort_stats("tottime").print_stats(45)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True)
    parser.add_argument("--partitions", required=True, help="comma-separated")
    parser.add_argument("--profile", help="write where the time went to this file at the end")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break one promise, for a negative control")
    options = parser.parse_args()
    replies = _own_standard_output()
    sys.setswitchinterval(0.001)
    if options.mutant:
        MUTANTS[options.mutant]()
    profiles: list[cProfile.Profile] | None = [] if options.profile else None
    if profiles is not None:
        flushing.Flusher._run = _profiled_method(flushing.Flusher._run, profiles)  # type: ignore[method-assign]
    counted = Counted()
    began_cpu_s = time.process_time()
    worker = build_worker(load_settings(options.settings, {}), [int(p) for p in options.partitions.split(",")])
    host = Host(worker, counted, profiles)
    print(json.dumps({"cpu_s": began_cpu_s}), file=replies, flush=True)
    for line in sys.stdin:
        if line.strip() == "tell":
            print(json.dumps(host.tell()), file=replies, flush=True)
        elif line.strip() == "stop":
            break
    host.stop()
    if profiles is not None:
        report(profiles, options.profile)
    print(json.dumps(host.tell()), file=replies, flush=True)
    os._exit(0)


def _profiled_method(run: Callable[[Any], None], into: list[cProfile.Profile]) -> Callable[[Any], None]:
    return lambda itself: profiled(lambda: run(itself), into)()


def _own_standard_output() -> TextIO:
    """What we say goes to standard output; what others print goes to standard error."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return ours


if __name__ == "__main__":
    main()
