"""What the lake's writer tells of itself; counts are since it started."""

from collections.abc import Sequence

from cluster.lake.appending import Appending
from rayce.lake.upkeep import Kept
from rayce.metrics import Metrics


class Told:
    """Builds the status that goes to hot memory."""

    def __init__(self) -> None:
        self._metrics = Metrics()

    def failed(self, table: str) -> None:
        """An append, an opening or an upkeep has failed and is tried again."""
        self._metrics.add("rayce_lake_failures_total", 1, table)

    def kept(self, table: str, done: Kept, files: int) -> None:
        """An upkeep has been carried out."""
        self._metrics.add("rayce_lake_removed_rows_total", done.expired, table, "expired")
        self._metrics.add("rayce_lake_removed_rows_total", done.erased, table, "erased")
        self._metrics.set("rayce_lake_files", files, table)

    def status(self, appendings: Sequence[Appending]) -> bytes:
        """A snapshot."""
        for each in appendings:
            self._metrics.set("rayce_lake_rows_total", each.counts.rows, each.name)
            self._metrics.set("rayce_lake_appends_total", each.counts.appends, each.name)
            self._metrics.set("rayce_lake_missed_total", each.counts.missed, each.name)
            for partition, lag in each.lags().items():
                self._metrics.set("rayce_lake_lag_events", lag, each.name, str(partition))
        return self._metrics.to_bytes()
