"""The writer as a whole: both topics, patience, upkeep, and what it tells."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cluster.lake.appending import Appending
from cluster.lake.writer import FIRST_WAIT_S, LONGEST_WAIT_S, Writer
from rayce.decision import Decision, encode_decision
from rayce.errors import Unavailable
from rayce.history import ERASED
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from rayce.metrics import Metrics
from rayce.stores.memory_hot import MemoryHot
from tests.cluster.lake.fakes import FakeClock, FakeLog, filled_log
from tests.rayce.lake.lakes import FROM_MS, encoded, person

NOW_MS = FROM_MS + 30 * 86_400_000


class Stage:
    """A writer with what it needs."""

    def __init__(self, folder: Path, **knobs: Any) -> None:
        self.settings = LakeSettings(**{"path": str(folder / "lake"), "flush_rows": 20, "flush_s": 1.0, **knobs})
        self.clock, self.hot = FakeClock(), MemoryHot()
        self.events, self.decisions = filled_log(), FakeLog()
        self.failing = False
        self.writer = self.new_writer()

    def new_writer(self) -> Writer:
        logs = {"events": self.events, "decisions": self.decisions}
        appendings = [
            Appending(name, self.settings, log.reader(), 2, self.clock, self.open) for name, log in logs.items()
        ]
        return Writer(appendings, self.settings, self.hot, self.clock, lambda: NOW_MS)

    def open(self, name: str, settings: LakeSettings) -> LakeTable:
        if self.failing:
            raise Unavailable("lake", "the object store is away")
        return LakeTable(name, settings)

    def turn(self, times: int, apart_s: float = 1.0) -> None:
        for _ in range(times):
            self.writer.step()
            self.clock.now_s += apart_s

    def rows(self, table: str = "events") -> list[bytes]:
        return list(open_lake(self.settings, table).records())

    def told(self) -> Metrics:
        metrics = Metrics()
        metrics.merge(asyncio.run(self.hot.read_status())["lake"])
        return metrics


def all_of(log: FakeLog) -> list[bytes]:
    return [value for number in sorted(log.records) for value in log.records[number]]


def decision(number: int) -> bytes:
    return encode_decision(
        Decision(version=1, decision_id=f"d{number}", kind="slot", tenant="shop", at_ms=FROM_MS, person=person(number))
    )


def test_both_topics_come_into_their_tables(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.decisions.write(1, [decision(number) for number in range(9)])
    stage.turn(9)
    assert stage.rows() == all_of(stage.events)
    assert stage.rows("decisions") == all_of(stage.decisions)
    told = stage.told()
    assert dict(told.values("rayce_lake_rows_total")) == {("events",): 73, ("decisions",): 9}
    assert dict(told.values("rayce_lake_lag_events"))[("events", "1")] == 0


def test_while_the_log_is_away_it_tries_less_and_less_often_and_loses_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.turn(2)
    stage.events.away = True
    with capture_logs() as said:
        stage.turn(400, apart_s=0.5)
    waits = [line["wait_s"] for line in said if line["event"] == "lake_paused"]
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S] and waits[-1] == LONGEST_WAIT_S
    assert len(waits) < 15
    stage.events.away = False
    stage.turn(60)
    assert stage.rows() == all_of(stage.events)
    assert dict(stage.told().values("rayce_lake_failures_total"))[("events",)] == len(waits)


def test_while_the_lake_is_away_nothing_is_read_and_the_other_table_goes_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.failing = True
    stage.turn(5)
    assert stage.writer.appendings[0].lags() == {0: -1, 1: -1}
    stage.failing = False
    stage.turn(60)
    assert stage.rows() == all_of(stage.events)


def test_asked_to_stop_it_appends_what_it_has_gathered(tmp_path: Path) -> None:
    stage = Stage(tmp_path, flush_rows=10_000, flush_s=3_600.0)
    stage.turn(8, apart_s=0.0)
    assert stage.rows() == []
    stage.writer.stop()
    stage.writer.run()
    assert stage.rows() == all_of(stage.events)


def test_small_files_are_put_together_before_they_are_many(tmp_path: Path) -> None:
    stage = Stage(tmp_path, flush_rows=1, small_files=4, upkeep_s=1e9)
    stage.turn(12)
    files = open_lake(stage.settings).uris()
    days = {uri.split("/")[-2] for uri in files}
    assert len(files) <= len(days) + 4 + 2 * len(days), (len(files), len(days))
    assert stage.writer.appendings[0].counts.appends > 4
    assert stage.rows() == all_of(stage.events)
    control = Stage(tmp_path / "control", flush_rows=1, small_files=10_000, upkeep_s=1e9)
    control.turn(12)
    assert len(open_lake(control.settings).uris()) > len(files)


def test_upkeep_removes_old_days_and_erased_people_from_both_tables(tmp_path: Path) -> None:
    stage = Stage(tmp_path, upkeep_s=50.0, retention_days=27)
    stage.events.write(0, encoded([3], type=ERASED, timestamp_ms=FROM_MS + 29 * 86_400_000))
    stage.decisions.write(0, [decision(3), decision(4)])
    stage.turn(20)
    before = dict(stage.told().values("rayce_lake_rows_total"))
    stage.turn(60)
    told = dict(stage.told().values("rayce_lake_removed_rows_total"))
    assert told[("events", "expired")] > 0 and told[("events", "erased")] > 0
    assert told[("decisions", "expired")] == 2
    left = [
        row
        for batch in open_lake(stage.settings).batches(["person", "type", "date", "partition"])
        for row in batch.to_pylist()
    ]
    assert [row["type"] for row in left if row["person"] == person(3) and row["partition"] == 0] == [ERASED]
    assert len(left) == before[("events",)] - told[("events", "expired")] - told[("events", "erased")]
    assert min(str(row["date"]) for row in left) >= "2024-10-07"
    stage.events.write(1, encoded(range(5)))
    stage.turn(10)  # and it appends as before
    assert dict(stage.told().values("rayce_lake_rows_total"))[("events",)] == before[("events",)] + 5


@pytest.mark.parametrize("days", [0, 10_000])
def test_retention_that_is_off_or_far_removes_nothing(tmp_path: Path, days: int) -> None:
    stage = Stage(tmp_path, upkeep_s=5.0, retention_days=days)
    stage.turn(20)
    assert stage.rows() == all_of(stage.events)
