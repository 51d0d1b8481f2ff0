"""The job: its last line, its progress, and how it is resumed."""

import json
from pathlib import Path

import pytest

from jobs import rebuild_hot_view as program
from rayce.errors import Unavailable
from rayce.rebuild import Rebuilt
from rayce.settings import Settings
from rayce.stores.memory_hot import MemoryHot
from tests.rayce.test_rebuild import PEOPLE, durable, states


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> MemoryHot:
    """Memory stores in place of the real ones."""
    hot, made = MemoryHot(), durable()
    monkeypatch.setattr(program, "_stores", lambda _settings: (made, hot))
    return hot


def test_the_last_line_is_one_json_object_as_of_every_job(
    stores: MemoryHot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["--segments", "8"]) == 0
    out, err = capsys.readouterr()
    line = json.loads(out.splitlines()[-1])
    assert (line["job"], line["generation"]) == ("rebuild_hot_view", {})
    assert (line["metrics"]["people"], line["metrics"]["shown"]) == (PEOPLE, PEOPLE)
    assert line["metrics"]["seconds_per_100k"] > 0
    assert "8 of 8 segments" in err.splitlines()[-1] and "--from-segment 8" in err.splitlines()[-1]
    assert all(row.value for row in states(stores))


def test_what_it_says_is_where_a_run_goes_on(stores: MemoryHot, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    progress = program.Progress(4, 0, said.append)
    for segment in (1, 0, 3):
        progress.done(segment, Rebuilt(5, 5))
    assert [line.rpartition(" ")[2] for line in said] == ["0", "2", "2"]
    assert program.main(["--segments", "4", "--from-segment", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["people"] < PEOPLE


def test_a_store_that_stays_away_is_told_and_there_is_no_outcome(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_settings: Settings) -> None:
        raise Unavailable("dynamodb", "no answer")

    monkeypatch.setattr(program, "_stores", away)
    assert program.main([]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "no answer" in err


def test_a_setting_that_is_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--settings", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--from-segment", "64"], ["--from-segment", "-1"], ["--at-once", "0"]])
def test_segments_that_do_not_exist_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(wrong)
