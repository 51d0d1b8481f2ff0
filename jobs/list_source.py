"""Where lists come from: everybody's histories from the lake's columns where the job reads the lake, else from the fold."""

from collections.abc import Callable, Mapping, Sequence

from jobs.job import Job
from rayce.column_history import COLUMNS, ColumnHistory, interactions_of
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import NotEnoughData
from rayce.history import History
from rayce.lake.reading import Lake
from rayce.lists.source import Source, source_of, source_of_columns


def read_source(job: Job, number: Mapping[str, int]) -> Source:
    """Histories of those who allow personalization; of them may be learned from what was allowed for training too.

    That nothing may be learned from is no failure: a list needs its own person's history more than anybody else's.
    """
    lake = job.lake()
    if lake is not None:
        own, teaching = (_columns(job, lake, number, bits) for bits in (PERSONALIZATION, PERSONALIZATION | TRAINING))
        if not own.events:
            raise NotEnoughData(f"the lake holds no event of {job.tenant} that may be used")
        return source_of_columns(own, teaching)
    history = job.history(PERSONALIZATION)
    try:
        teaching_history = job.history(PERSONALIZATION | TRAINING)
    except NotEnoughData:
        teaching_history = History([])
    return source_of(history, teaching_history, number, job.features)


def _columns(job: Job, lake: Lake, number: Mapping[str, int], purposes: int) -> ColumnHistory:
    batches = job.counted(lake.batches(COLUMNS, job.tenant, ordered=True), "batches of the lake read")
    return interactions_of(batches, number, purposes, _denied(job, purposes))


def _denied(job: Job, purposes: int) -> Callable[[Sequence[str]], set[str]]:
    return lambda persons: job.denied(persons, purposes)
