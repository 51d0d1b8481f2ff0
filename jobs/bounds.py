"""A job's bounds: the memory it may take, watched while it works, and what it took in the end.

Where the bound is passed the job ends by itself, with a message, before the kernel's OOM killer ends it (or a neighbour)
without one. What is live stays, and finished blocks are kept. Memory is watched rather than limited (`RLIMIT_AS`), because
address space says little: Arrow, numba and threads reserve far more of it than they use.
"""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

GIB = 1 << 30
LOOK_EVERY_S = 0.05
SHARE = 0.9
"""Of what the machine or container allows."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class MemoryBound:
    """While it is entered: `exceeded(resident bytes)` is called once, on a thread of its own, when the bound is passed."""

    def __init__(self, bytes_: int, exceeded: Callable[[int], None], resident: Callable[[], int] | None = None) -> None:
        self._bytes = bytes_
        self._exceeded = exceeded
        self._resident = resident or resident_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-bound", daemon=True)

    def __enter__(self) -> "MemoryBound":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            resident = self._resident()
            if resident > self._bytes:
                self._exceeded(resident)
                return


def bound_bytes(memory_gib: float, allowed_bytes: int | None = None) -> int:
    """The bound of a setting; 0 stands for `SHARE` of what is allowed here."""
    if memory_gib > 0:
        return int(memory_gib * GIB)
    return int((allowed_bytes or allowed()) * SHARE)


def allowed() -> int:
    """Bytes that this machine has, or this container may take if that is less."""
    machine = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    limits = [int(text) for path in _CGROUP_LIMITS if (text := _text(path)).isdigit()]
    return min(machine, *limits) if limits else machine


def resident_bytes() -> int:
    """What this process has in memory now."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * _PAGE_BYTES


def taken() -> dict[str, float]:
    """`cpu_s` and `peak_rss_gib` of this process since its start, ended children included; tasks under Ray are not."""
    unit = 1 if sys.platform == "darwin" else 1024
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(own.ru_maxrss, children.ru_maxrss) * unit
    cpu_s = time.process_time() + children.ru_utime + children.ru_stime
    return {"cpu_s": round(cpu_s, 2), "peak_rss_gib": round(peak / GIB, 3)}


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
