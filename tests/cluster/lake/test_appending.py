"""One topic into one table: all of it, once, whatever happens in between."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cluster.lake.appending import Appending
from rayce.errors import LakeConflict, Unavailable
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from tests.cluster.lake.fakes import FakeClock, FakeLog, appending, filled_log
from tests.rayce.lake.lakes import encoded


def in_lake(folder: Path) -> list[bytes]:
    return list(open_lake(LakeSettings(path=str(folder / "lake"))).records())


def all_of(log: FakeLog) -> list[bytes]:
    return [value for number in sorted(log.records) for value in log.records[number]]


def work_off(each: Appending) -> None:
    while each.work(0):
        pass
    each.append()


def test_everything_in_the_log_is_in_the_table_once(tmp_path: Path) -> None:
    log = filled_log()
    each = appending(tmp_path, log, FakeClock())
    work_off(each)
    assert in_lake(tmp_path) == all_of(log)
    assert each.counts.rows == 73 and each.counts.missed == 0 and each.counts.appends == 3
    assert each.lags() == {0: 0, 1: 0}


def test_a_row_waits_for_others_but_not_for_ever(tmp_path: Path) -> None:
    log, clock = FakeLog(), FakeClock()
    each = appending(tmp_path, log, clock, flush_s=60.0)
    log.write(0, encoded(range(3)))
    each.work(0)
    clock.now_s += 59
    each.work(0)
    assert in_lake(tmp_path) == [] and each.lags() == {0: 3, 1: 0}
    clock.now_s += 1
    each.work(0)
    assert len(in_lake(tmp_path)) == 3 and each.lags() == {0: 0, 1: 0}


def test_rows_that_wait_are_bounded_by_memory_too(tmp_path: Path) -> None:
    log = FakeLog(1)
    log.write(0, encoded(range(2), session="s" * 64) * 8_000)
    each = Appending(
        "events", LakeSettings(path=str(tmp_path / "lake"), flush_mib=1), log.reader(1_000), 1, FakeClock()
    )
    most = 0
    while each.work(0):
        most = max(most, each._bytes)
    assert each.counts.appends >= 3 and most < 2 * 2**20


def test_killed_between_any_two_steps_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    log = filled_log()
    for steps in (1, 2, 3, 1, 4, 2, 5, 3):
        each = appending(tmp_path, log, FakeClock())  # another process: it knows nothing of the one before
        for _ in range(steps):
            each.work(0)
    work_off(appending(tmp_path, log, FakeClock()))
    assert in_lake(tmp_path) == all_of(log)


class Deaf(LakeTable):
    """The mutant: it does not ask how far the table has come."""

    def positions(self) -> dict[int, int]:
        return {}


def test_without_the_transaction_ids_rows_are_there_twice(tmp_path: Path) -> None:
    log = filled_log()
    settings = LakeSettings(path=str(tmp_path / "lake"), flush_rows=20)
    for _ in range(2):
        each = Appending("events", settings, log.reader(), 2, FakeClock(), Deaf)
        work_off(each)
    found = [row for batch in LakeTable("events", settings).select(["offset"]) for row in batch.to_pylist()]
    assert len(found) == 2 * len(all_of(log))


@given(st.lists(st.tuples(st.sampled_from(["one", "two"]), st.integers(1, 4)), max_size=12))
def test_two_writers_that_know_nothing_of_each_other_append_each_record_once(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[str, int]]
) -> None:
    folder, log = tmp_path_factory.mktemp("two"), filled_log()
    writers = {name: appending(folder, log, FakeClock()) for name in ("one", "two")}
    for name, steps in turns:
        each = writers[name]
        try:
            for _ in range(steps):
                each.work(0)
        except LakeConflict:
            each.drop()
    for each in writers.values():
        each.drop()
        work_off(each)
    assert in_lake(folder) == all_of(log)


def test_the_one_that_is_behind_is_fenced(tmp_path: Path) -> None:
    log = filled_log()
    zombie, successor = (appending(tmp_path, log, FakeClock()) for _ in range(2))
    zombie.work(0)
    work_off(successor)
    with pytest.raises(LakeConflict):
        work_off(zombie)
    zombie.drop()
    work_off(zombie)
    assert in_lake(tmp_path) == all_of(log)


def test_what_the_log_has_let_go_of_is_told_counted_and_passed_over(tmp_path: Path) -> None:
    log = filled_log()
    work_off(appending(tmp_path, log, FakeClock()))
    log.write(0, encoded(range(40, 60)))
    log.low[0] = 50
    each = appending(tmp_path, log, FakeClock())
    with capture_logs() as told:
        work_off(each)
    assert each.counts.missed == 10 and each.counts.rows == 10
    gap = next(line for line in told if line["event"] == "lake_gap")
    assert (gap["partition"], gap["first"], gap["until"], gap["log_level"]) == (0, 40, 50, "error")
    assert in_lake(tmp_path) == log.records[0][:40] + log.records[0][50:] + log.records[1]


def test_holes_within_the_log_are_counted_too(tmp_path: Path) -> None:
    log = filled_log()
    log.holes |= {(0, 0), (0, 5), (0, 6), (1, 32)}
    each = appending(tmp_path, log, FakeClock())
    work_off(each)
    assert each.counts.rows == 69
    assert each.counts.missed == 3, "what is missing at the end is not known to be missing yet"


def test_a_new_lake_begins_with_the_earliest_record_there_is(tmp_path: Path) -> None:
    log = filled_log()
    log.low[0] = 30
    each = appending(tmp_path, log, FakeClock())
    work_off(each)
    assert each.counts.missed == 0 and each.counts.rows == 43


def test_another_log_is_not_appended_to_this_ones_records(tmp_path: Path) -> None:
    work_off(appending(tmp_path, filled_log(), FakeClock()))
    young = FakeLog()
    young.write(0, encoded(range(5)))
    with pytest.raises(Unavailable, match="it is another log; give it a lake of its own"):
        appending(tmp_path, young, FakeClock()).work(0)


def test_a_store_that_fails_while_appending_loses_nothing(tmp_path: Path) -> None:
    class Failing(LakeTable):
        failures = 2

        def append(self, *arguments: object) -> None:
            if Failing.failures:
                Failing.failures -= 1
                if Failing.failures == 0:
                    super().append(*arguments)  # type: ignore[arg-type]  # it was written, the answer was lost
                raise Unavailable("lake", "disk full")
            super().append(*arguments)  # type: ignore[arg-type]

    log = filled_log()
    each = Appending("events", LakeSettings(path=str(tmp_path / "lake")), log.reader(), 2, FakeClock(), Failing)
    for _ in range(2):
        with pytest.raises(Unavailable):
            work_off(each)
        each.drop()
    work_off(each)
    assert in_lake(tmp_path) == all_of(log)
