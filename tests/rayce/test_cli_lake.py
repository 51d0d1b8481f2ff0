"""`rayce lake`: what it tells, and what it does, beside a writer or without one."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import opening
from rayce.event import decode_event
from rayce.fold import fold
from rayce.history import ERASED
from rayce.lake.reading import open_lake
from rayce.profile import Profile, encode_profile
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.rayce.lake.lakes import a_table, append, encoded, person, settings


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["lake", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYCE_LAKE__PATH", str(tmp_path / "lake"))
    monkeypatch.setenv("RAYCE_LAKE__RETENTION_DAYS", "0")
    return tmp_path


@pytest.fixture
def filled(folder: Path) -> Path:
    events = a_table(folder)
    a_table(folder, "decisions")
    append(events, 0, encoded(range(10)))
    append(events, 0, encoded(range(10, 20)))
    append(events, 1, encoded([3], type=ERASED))
    append(events, 0, encoded([3], type=ERASED))
    return folder


def test_status_says_how_far_each_table_has_come(filled: Path) -> None:
    code, text = run("status")
    lines = text.splitlines()
    assert code == 0
    assert lines[0].startswith("events: version 4, 22 rows, 2024-10-04 to 2024-10-05, 5 files, ")
    assert lines[1:3] == ["  partition 0: next offset 21", "  partition 1: next offset 1"]
    assert lines[3] == "decisions: version 0, 0 rows, no day, 0 files, 0.0 MiB"


def test_upkeep_by_hand(filled: Path) -> None:
    assert run("erase") == (0, "events: 4 rows removed\ndecisions: 0 rows removed\n")
    assert run("compact") == (0, "events: 3 files fewer\ndecisions: 0 files fewer\n")
    assert run("retain") == (0, "events: 0 rows removed\ndecisions: 0 rows removed\n")
    assert run("vacuum") == (0, "events: 0 files deleted\ndecisions: 0 files deleted\n")
    assert open_lake(settings(filled)).count() == 18


def test_old_days_go_when_told(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYCE_LAKE__RETENTION_DAYS", "30")
    assert run("retain") == (0, "events: 22 rows removed\ndecisions: 0 rows removed\n")


def test_verify_finds_who_differs(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    durable = MemoryDurable()
    monkeypatch.setattr(opening, "durable", lambda path: durable)
    profile = Profile()
    for record in encoded([1, 6, 11, 16]):
        profile = fold(profile, decode_event(record))
    epoch = durable.acquire(0).epoch
    durable.save_profiles(0, epoch, [Save(person(1), encode_profile(profile), 16)])
    durable.save_profiles(0, epoch, [Save(person(2), encode_profile(profile), 999)])
    assert run("verify") == (0, "1 the same to the bit, 0 different, 1 not in the lake yet\n")
    durable.save_profiles(0, epoch, [Save(person(0), encode_profile(profile), 15)])
    code, text = run("verify", "--people", "50")
    assert code == 1
    assert "1 the same to the bit, 1 different" in text and person(0) in text


@pytest.mark.parametrize("command", ["status", "compact", "vacuum", "retain", "erase"])
def test_where_there_is_no_lake_it_says_so(folder: Path, command: str) -> None:
    code, text = run(command)
    assert code == 1
    assert "there is no table 'events' in the lake" in text


def test_a_damaged_file_ends_a_verification_with_one_line(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    durable = MemoryDurable()
    durable.save_profiles(0, durable.acquire(0).epoch, [Save(person(3), encode_profile(Profile()), 0)])
    monkeypatch.setattr(opening, "durable", lambda path: durable)
    for file in (filled / "lake" / "events").glob("date=*/*.parquet"):
        file.write_bytes(b"")
    code, text = run("verify")
    assert code == 1
    assert "a file cannot be read" in text and ".parquet" in text and "Traceback" not in text
