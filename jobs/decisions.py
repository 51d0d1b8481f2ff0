"""Where a job's decisions come from: beside its events, in the lake or in Kafka, or in files of their own."""

import argparse
from collections.abc import Iterable, Iterator

from jobs.job import Job
from jobs.sources import Log
from rayce.stores.interfaces import DECISIONS
from rayce.stores.kafka_log import LogReader

_POLL_RECORDS = 5_000


def add_decisions(parser: argparse.ArgumentParser) -> None:
    """The option `--decisions`."""
    parser.add_argument(
        "--decisions", metavar="FILE", nargs="+", help="read decisions from these files (JSON lines) instead"
    )


def decision_records(job: Job) -> Iterable[bytes]:
    """The records of `rayce.decisions`, of all tenants; none where the events come from files and no decisions are named."""
    files = getattr(job.options, "decisions", None)
    if files:
        return _lines(files)
    if job.lake() is not None:
        from rayce.lake.reading import open_lake  # it loads deltalake and pyarrow

        return open_lake(job.settings.lake, "decisions").records(job.tenant)
    if job.input is not None and isinstance(job.input.source, Log):
        return _replay(job)
    return ()


def _lines(files: Iterable[str]) -> Iterator[bytes]:
    for file in files:
        with open(file, "rb") as lines:
            yield from filter(None, map(bytes.strip, lines))


def _replay(job: Job) -> Iterator[bytes]:
    settings = job.settings.kafka
    reader = LogReader(settings, range(settings.partitions), _POLL_RECORDS, topic=DECISIONS)
    try:
        for record in reader.replay():
            yield record.value
    finally:
        reader.close()
