"""Metrics: one closed list of names, counters and histograms that add up over processes, and Prometheus' text format.

Every process keeps its own and tells hot memory a snapshot; whoever is asked for `/metrics` merges the snapshots.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import msgspec

Name = Literal[
    "rayce_requests_total",  # HTTP requests by route and status
    "rayce_request_seconds",  # time from the request's arrival at the replica to its reply, by route
    "rayce_shed_total",  # requests sent away at the door, by priority and reason
    "rayce_in_flight",  # requests that edge replicas work on; a killed one counts with its last word while that is kept
    "rayce_in_flight_limit",  # how many they would let in at once, as they have learnt it
    "rayce_turned_away_part",  # the part (0 to 1) of each priority that HAProxy is told to turn away before it comes here
    "rayce_loop_lag_seconds",  # how late the event loop of an edge replica comes to what is due
    "rayce_served_total",  # recommendations by rung of the ladder
    "rayce_decisions_total",  # decisions taken for the log, by kind
    "rayce_decisions_dropped_total",  # decisions that did not get into the log: Kafka was away for too long
    "rayce_events_accepted_total",  # events acknowledged by Kafka
    "rayce_events_refused_total",  # rows refused because they were wrong
    "rayce_events_not_stored_total",  # events of people without consent
    "rayce_failures_total",  # calls to a dependency that failed, by dependency
    "rayce_calls_total",  # calls of an edge to another deployment
    "rayce_call_asks_total",  # questions that these calls carried: divided by them, how many share one
    "rayce_flags_cache_total",  # look-ups of flags in a replica's memory, by outcome; a miss is a read of hot memory
    "rayce_reply_cache_total",  # replies through the cache of replies, by outcome
    "rayce_purges_total",  # content networks told to forget, by outcome
    "rayce_session_events_total",  # events that ranker replicas have read for the sessions of what comes next
    "rayce_session_rows",  # products touched since the shelf was built that they remember
    "rayce_item_changes_total",  # changes of items laid over live shelves; times that items could not be read
    "rayce_bus_people_total",  # changes of people that replicas have heard of
    "rayce_bus_deaf_total",  # times that a replica could not be sure to hear of changes, and kept nothing
    "rayce_hedged_reads_total",  # reads of hot memory that took so long that another connection was asked too
    "rayce_ranked_total",  # replies ranked, by the model that did
    "rayce_models_left_total",  # generations of a model that a replica has left aside: refused at the trial, or returned from
    "rayce_shadows_total",  # questions that a shadow has scored beside the model that ranked, by the shadow's model
    "rayce_shadow_overlap_total",  # sum over these of the share of the ten best that both have
    "rayce_shadow_correlation_total",  # sum over these of the rank correlation of both
    "rayce_stream_events_total",  # records worked off, by partition, since the worker started
    "rayce_stream_changes_total",  # changes of membership announced, by partition
    "rayce_stream_fold_seconds",  # time to fold a batch of records, with loading the people who were not in memory
    "rayce_stream_flush_seconds",  # time to announce and make durable what was folded since the last flush
    "rayce_stream_pauses_total",  # times a worker paused, by the store it waited for
    "rayce_stream_paused_seconds_total",  # how long it did
    "rayce_stream_halted",  # 1: too many dead letters, the partition stands still until somebody resumes it
    "rayce_stream_evaluated_events_total",  # events whose segments were brought up to date
    "rayce_stream_events_with_inference_total",  # those of them for which a model was asked
    "rayce_stream_inferences_total",  # times a model was asked
    "rayce_stream_inferences_spared_total",  # times a model was not asked because nothing that its score depends on had changed
    "rayce_stream_overrides_total",  # segments that jobs set or took back, by outcome
    "rayce_stream_dead_letters_total",  # records sent to the dead letters, by partition
    "rayce_stream_epoch",  # times the partition has changed hands
    "rayce_stream_lag_events",  # records not yet folded; -1: not known yet
    "rayce_stream_durable_lag_events",  # records not yet durable; -1: not known yet
    "rayce_stream_waiting_for_hot_users",  # people whose change hot memory has not taken yet
    "rayce_stream_trimmed_users_total",  # people whose expired short-lived flags were taken out of hot memory
    "rayce_stream_waiting_for_durable_users",  # people whose change durable memory has not taken yet
    "rayce_lake_rows_total",  # rows appended to a table of the lake, since its writer started
    "rayce_lake_appends_total",  # commits that they took
    "rayce_lake_missed_total",  # records that the log had lost before they were in the lake
    "rayce_lake_failures_total",  # times that the writer had to begin anew: the log or the object store was away
    "rayce_lake_lag_events",  # records of a partition that are not in the lake yet; -1: not known
    "rayce_lake_files",  # files of a table after the last upkeep
    "rayce_lake_removed_rows_total",  # rows removed by upkeep, because they were old or erased people's
    "rayce_job_started_timestamp",  # when a job's last run has begun, seconds since the epoch
    "rayce_job_exit_code",  # how its last run ended: 0 well; -1 at work, or killed
    "rayce_job_success_timestamp",  # when its last run that ended well did: alarm on the age of this one
    "rayce_job_success_took",  # what that run took: seconds, cpu_s (CPU seconds), peak_rss_gib
    "rayce_schedule_due_timestamp",  # when the scheduler will run a schedule next, seconds since the epoch
    "rayce_schedule_runs_total",  # runs that the scheduler has submitted, by outcome
]

LABELS: dict[Name, tuple[str, ...]] = {
    "rayce_requests_total": ("route", "status"),
    "rayce_request_seconds": ("route",),
    "rayce_shed_total": ("priority", "reason"),
    "rayce_in_flight": (),
    "rayce_in_flight_limit": (),
    "rayce_turned_away_part": ("priority",),
    "rayce_loop_lag_seconds": (),
    "rayce_served_total": ("rung",),
    "rayce_decisions_total": ("kind",),
    "rayce_decisions_dropped_total": (),
    "rayce_events_accepted_total": (),
    "rayce_events_refused_total": (),
    "rayce_events_not_stored_total": (),
    "rayce_failures_total": ("dependency",),
    "rayce_calls_total": ("dependency",),
    "rayce_call_asks_total": ("dependency",),
    "rayce_flags_cache_total": ("outcome",),
    "rayce_reply_cache_total": ("outcome",),
    "rayce_purges_total": ("outcome",),
    "rayce_session_events_total": (),
    "rayce_session_rows": (),
    "rayce_item_changes_total": ("outcome",),
    "rayce_bus_people_total": (),
    "rayce_bus_deaf_total": (),
    "rayce_hedged_reads_total": (),
    "rayce_ranked_total": ("model",),
    "rayce_models_left_total": ("model", "outcome"),
    "rayce_shadows_total": ("model",),
    "rayce_shadow_overlap_total": ("model",),
    "rayce_shadow_correlation_total": ("model",),
    "rayce_stream_events_total": ("partition",),
    "rayce_stream_changes_total": ("partition",),
    "rayce_stream_fold_seconds": (),
    "rayce_stream_flush_seconds": (),
    "rayce_stream_pauses_total": ("store",),
    "rayce_stream_paused_seconds_total": ("store",),
    "rayce_stream_halted": ("partition",),
    "rayce_stream_evaluated_events_total": (),
    "rayce_stream_events_with_inference_total": (),
    "rayce_stream_inferences_total": (),
    "rayce_stream_inferences_spared_total": (),
    "rayce_stream_overrides_total": ("outcome",),
    "rayce_stream_dead_letters_total": ("partition",),
    "rayce_stream_epoch": ("partition",),
    "rayce_stream_lag_events": ("partition",),
    "rayce_stream_durable_lag_events": ("partition",),
    "rayce_stream_waiting_for_hot_users": ("partition",),
    "rayce_stream_trimmed_users_total": (),
    "rayce_stream_waiting_for_durable_users": ("partition",),
    "rayce_lake_rows_total": ("table",),
    "rayce_lake_appends_total": ("table",),
    "rayce_lake_missed_total": ("table",),
    "rayce_lake_failures_total": ("table",),
    "rayce_lake_lag_events": ("table", "partition"),
    "rayce_lake_files": ("table",),
    "rayce_lake_removed_rows_total": ("table", "reason"),
    "rayce_job_started_timestamp": ("tenant", "job"),
    "rayce_job_exit_code": ("tenant", "job"),
    "rayce_job_success_timestamp": ("tenant", "job"),
    "rayce_job_success_took": ("tenant", "job", "what"),
    "rayce_schedule_due_timestamp": ("schedule",),
    "rayce_schedule_runs_total": ("schedule", "outcome"),
}

BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_ROW = len(BUCKETS_S) + 3
"""Buckets, the one of all that is slower, sum, count."""

Key = tuple[str, ...]
"""Name and label values."""


class _Snapshot(NamedTuple):
    numbers: list[tuple[Key, float]]
    histograms: list[tuple[Key, list[float]]]


class Metrics:
    """What one process has counted.

    >>> m = Metrics(); m.add("rayce_served_total", 2, "live"); print(m.text().splitlines()[1])
    rayce_served_total{rung="live"} 2
    """

    def __init__(self) -> None:
        self._numbers: dict[Key, float] = {}
        self._histograms: dict[Key, list[float]] = {}

    def add(self, name: Name, count: float = 1, *labels: str) -> None:
        """Count up."""
        key = (name, *labels)
        self._numbers[key] = self._numbers.get(key, 0) + count

    def set(self, name: Name, value: float, *labels: str) -> None:
        """Say what it is now."""
        self._numbers[(name, *labels)] = value

    def observe(self, name: Name, value_s: float, *labels: str) -> None:
        """Put a duration into its bucket; the last two numbers are sum and count."""
        key = (name, *labels)
        row = self._histograms.get(key)
        if row is None:
            row = self._histograms[key] = [0.0] * _ROW
        row[bisect_left(BUCKETS_S, value_s)] += 1
        row[-2] += value_s
        row[-1] += 1

    def values(self, name: Name) -> list[tuple[Key, float]]:
        """Label values and value of each number of that name."""
        return [(key[1:], value) for key, value in self._numbers.items() if key[0] == name]

    def to_bytes(self) -> bytes:
        """A snapshot for other processes."""
        return msgspec.msgpack.encode(_Snapshot(list(self._numbers.items()), list(self._histograms.items())))

    def merge(self, snapshot: bytes) -> None:
        """Add another process' snapshot; what is not of our list (another version's) is passed over."""
        try:
            other = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        except msgspec.MsgspecError:
            return
        for key, value in other.numbers:
            if _is_known(key):
                self._numbers[key] = self._numbers.get(key, 0) + value
        for key, row in other.histograms:
            if _is_known(key) and len(row) == _ROW:
                known = self._histograms.get(key, [0.0] * _ROW)
                self._histograms[key] = [a + b for a, b in zip(known, row, strict=True)]

    def text(self) -> str:
        """Prometheus' text format, version 0.0.4."""
        lines: list[str] = []
        for name in get_args(Name):
            rows = list(self._lines(name))
            if rows:
                kind = "histogram" if name.endswith("_seconds") else "counter" if name.endswith("_total") else "gauge"
                lines += [f"# TYPE {name} {kind}", *rows]
        return "\n".join(lines) + "\n"

    def _lines(self, name: Name) -> Iterable[str]:
        for key, value in sorted(self._numbers.items()):
            if key[0] == name:
                yield (
                    f"{name}{_labels(name, key)} {value:g}"
                    if value != int(value)
                    else (f"{name}{_labels(name, key)} {int(value)}")
                )
        for key, row in sorted(self._histograms.items()):
            if key[0] != name:
                continue
            total = 0.0
            for bound, count in zip((*BUCKETS_S, "+Inf"), row, strict=False):
                total += count
                yield f"{name}_bucket{_labels(name, key, f'{bound}')} {int(total)}"
            yield f"{name}_sum{_labels(name, key)} {row[-2]:g}"
            yield f"{name}_count{_labels(name, key)} {int(row[-1])}"


def _is_known(key: Key) -> bool:
    labels: tuple[str, ...] | None = LABELS.get(key[0]) if key else None  # type: ignore[call-overload]
    return labels is not None and len(labels) == len(key) - 1


def _labels(name: Name, key: Key, bound: str = "") -> str:
    pairs = [f'{label}="{value}"' for label, value in zip(LABELS[name], key[1:], strict=True)]
    if bound:
        pairs.append(f'le="{bound}"')
    return "{" + ",".join(pairs) + "}" if pairs else ""
