"""How many workers there should be, from how far they are behind. A pure function, with what it has to remember."""

from typing import NamedTuple

from rayce.settings import StreamSettings

PATIENCE = 10
"""Times `scale_after_s` that it has to be quiet before a worker goes: coming is urgent, going is not."""


class Trend(NamedTuple):
    """How many are wanted, and since when (clock of the caller, None: it is not) the lag has been high or low."""

    workers: int
    high_since_s: float | None = None
    low_since_s: float | None = None


def follow(trend: Trend, lag_events: int, most: int, settings: StreamSettings, now_s: float) -> Trend:
    """The trend after a look at the lag of all partitions. One worker more or fewer at a time, then the wait begins anew.

    `most` is the number of partitions: more workers would have nothing to do.
    """
    least = min(settings.min_workers, most)
    limit = max(least, min(settings.max_workers, most))
    workers = min(max(trend.workers, least), limit)
    per_worker = lag_events / workers
    high_since_s = _since(per_worker > settings.scale_up_lag_events, trend.high_since_s, now_s)
    low_since_s = _since(per_worker < settings.scale_down_lag_events, trend.low_since_s, now_s)
    if high_since_s is not None and now_s - high_since_s >= settings.scale_after_s and workers < limit:
        return Trend(workers + 1)
    if low_since_s is not None and now_s - low_since_s >= PATIENCE * settings.scale_after_s and workers > least:
        return Trend(workers - 1)
    return Trend(workers, high_since_s, low_since_s)


def _since(holds: bool, since_s: float | None, now_s: float) -> float | None:
    if not holds:
        return None
    return now_s if since_s is None else since_s
