"""What every benchmark has in common: arguments, a cluster of its own, progress on standard error, one JSON line at the end."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.local_cluster import LocalCluster


def arguments(about: str | None) -> argparse.ArgumentParser:
    """A parser with `--quick`."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    return parser


def say(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


def finish(name: str, metrics: dict[str, Any], settings: dict[str, Any]) -> None:
    """The last line."""
    print(json.dumps({"benchmark": name, "metrics": metrics, "settings": settings | machine()}), flush=True)


def machine() -> dict[str, Any]:
    """What it ran on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory_gib),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "load_before": round(load, 1),
    }


@contextmanager
def cluster(
    overrides: dict[str, Any] | None = None, adapt: Callable[[dict[str, Any]], None] | None = None
) -> Iterator[LocalCluster]:
    """A cluster with real servers in a temporary folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rayce-bench-") as root:
        with LocalCluster(Path(root), mode="real", overrides=overrides, adapt=adapt, progress=say) as running:
            yield running


def cpu_s(pids: list[int]) -> float:
    """CPU seconds that the processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """Processes below `root`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {root})
