"""`python -m benchmarks.lake_program`: the lake's writer without Ray, in a process that can be asked, stopped and killed.

Reads one command a line: `tell` prints one JSON line (CPU, memory, rows appended, lag), `stop` appends what is gathered and
ends.
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

import msgspec
import structlog

from benchmarks.worker_program import resident_mib
from cluster.lake import appending
from cluster.lake.build import build_writer
from cluster.lake.writer import Writer
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from rayce.settings import load_settings

STOP_WITHIN_S = 60.0
COMMITS_APART = 5
"""The mutant's notes, as of a consumer group that commits now and then: every so many appends."""


class Forgetful(LakeTable):
    """Breaks the promise: the position is noted beside the table, after the append, and not in its commit."""

    def __init__(self, name: str, settings: LakeSettings, version: int | None = None) -> None:
        super().__init__(name, settings, version)
        self._notes = Path(settings.path) / f"{name}.positions"
        self._number = 0

    def positions(self) -> dict[int, int]:
        """What was noted last."""
        return msgspec.json.decode(self._notes.read_bytes(), type=dict[int, int]) if self._notes.exists() else {}

    def append(self, batches: Any, reached: Any, partitions: int) -> None:
        """Append, and note where that was now and then."""
        super().append(batches, reached, partitions)
        self._number += 1
        if self._number % COMMITS_APART == 0:
            self._notes.write_bytes(msgspec.json.encode(super().positions()))


class Host:
    """Runs the writer in a thread of its own, as the actor does, and answers for it."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._thread = threading.Thread(target=self._guarded, name="lake-writer")
        self._thread.start()

    def tell(self) -> dict[str, Any]:
        """CPU seconds and memory of the process, and of the events the rows appended, the lag, and what was missed."""
        events = self._writer.appendings[0]
        lags = events.lags()
        return {
            "cpu_s": time.process_time(),
            "rss_mib": resident_mib(),
            "rows": events.counts.rows,
            "missed": events.counts.missed,
            "lag": -1 if -1 in lags.values() else sum(lags.values()),
        }

    def stop(self) -> None:
        """Append what is gathered."""
        self._writer.stop()
        self._thread.join(STOP_WITHIN_S)

    def _guarded(self) -> None:
        try:
            self._writer.run()
        except Exception as error:  # as the actor: whatever it was, the process ends
            print(f"writer ended: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(3)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True)
    parser.add_argument("--mutant", action="store_true", help="note positions beside the table, for a negative control")
    options = parser.parse_args()
    replies = _own_standard_output()
    settings = load_settings(options.settings, {})
    table = Forgetful if options.mutant else appending.LakeTable
    began_cpu_s = time.process_time()
    host = Host(build_writer(settings, table))
    print(json.dumps({"cpu_s": began_cpu_s}), file=replies, flush=True)
    for line in sys.stdin:
        if line.strip() == "tell":
            print(json.dumps(host.tell()), file=replies, flush=True)
        elif line.strip() == "stop":
            break
    host.stop()
    print(json.dumps(host.tell()), file=replies, flush=True)
    os._exit(0)


def _own_standard_output() -> TextIO:
    """What we say goes to standard output; what others print goes nowhere unless it matters."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    return ours


if __name__ == "__main__":
    main()
