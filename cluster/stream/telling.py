"""What a worker tells of itself: by partition, so that the next owner's words replace those of the former."""

from collections.abc import Mapping
from typing import NamedTuple

from cluster.stream.folding import Folding
from cluster.stream.owning import Owning
from cluster.stream.partition import Partition
from cluster.stream.pausing import Pauses
from cluster.stream.reading import Reader
from cluster.stream.showing import Showing
from rayce.metrics import Metrics

SEGMENTS = "segments:"
"""Statuses of this name and a partition's number hold the partition's tally: `rayce.segments.tally`."""


class Standing(NamedTuple):
    """How a partition is doing, for the supervisor: its epoch, events not folded yet (None: not known), why it is halted."""

    epoch: int
    lag: int | None
    halted: str | None


class Telling:
    """Builds the statuses that `Showing` puts into hot memory."""

    def __init__(self, name: str, reader: Reader, owning: Owning, folding: Folding, showing: Showing) -> None:
        self._name = name
        self._reader = reader
        self._owning = owning
        self._folding = folding
        self._showing = showing
        self.metrics = Metrics()
        """Of the whole worker: how long things take."""

    def statuses(self, pauses: Pauses) -> Mapping[str, bytes]:
        """Bodies by name: `stream:<partition>`, `segments:<partition>`, `stream-worker:<name>`."""
        ends = self._reader.known_end()
        told: dict[str, bytes] = {}
        for number, partition in self._owning.partitions.items():
            told[f"stream:{number}"] = self._of(partition, ends.get(number)).to_bytes()
            told[f"{SEGMENTS}{number}"] = partition.durable_tally
        for store, count in pauses.counts.items():
            self.metrics.set("rayce_stream_pauses_total", count, store)
            self.metrics.set("rayce_stream_paused_seconds_total", pauses.seconds.get(store, 0.0), store)
        self.metrics.set("rayce_stream_trimmed_users_total", self._showing.trimmed)
        self._tell_evaluations()
        told[f"stream-worker:{self._name}"] = self.metrics.to_bytes()
        return told

    def _tell_evaluations(self) -> None:
        counts, told = self._folding.counts, self.metrics
        told.set("rayce_stream_evaluated_events_total", counts.events)
        told.set("rayce_stream_events_with_inference_total", counts.events_with_inference)
        told.set("rayce_stream_inferences_total", counts.inferences)
        told.set("rayce_stream_inferences_spared_total", counts.spared)
        told.set("rayce_stream_overrides_total", counts.overrides, "done")
        told.set("rayce_stream_overrides_total", counts.overrides_refused, "refused")

    def standings(self) -> dict[int, Standing]:
        """By partition."""
        ends = self._reader.known_end()
        return {
            number: Standing(each.epoch, ends[number] - each.next if number in ends else None, each.halted)
            for number, each in self._owning.partitions.items()
        }

    def _of(self, partition: Partition, end: int | None) -> Metrics:
        """How the partition is doing: counts since this worker took it, lags in events (-1: not known yet)."""
        told = Metrics()
        place = (str(partition.number),)
        told.set("rayce_stream_events_total", partition.events, *place)
        told.set("rayce_stream_dead_letters_total", partition.dead_letters, *place)
        told.set("rayce_stream_changes_total", partition.changes, *place)
        told.set("rayce_stream_halted", int(partition.halted is not None), *place)
        told.set("rayce_stream_epoch", partition.epoch, *place)
        told.set("rayce_stream_lag_events", -1 if end is None else end - partition.next, *place)
        told.set("rayce_stream_durable_lag_events", -1 if end is None else end - partition.durable_next, *place)
        told.set("rayce_stream_waiting_for_hot_users", len(self._showing.waiting), *place)
        told.set("rayce_stream_waiting_for_durable_users", len(self._folding.dirty), *place)
        return told
