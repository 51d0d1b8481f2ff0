import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pytest

from jobs import job as frame
from jobs.job import Job, Outcome, main, run
from rayce.consent import PERSONALIZATION, TRAINING, Consent
from rayce.errors import InvalidArtifact, LeakFound, NotEnoughData, Unavailable, WorseThanLive
from rayce.event_files import write_event_file
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.jobs.shop import BOTH, filled, history, make_job, records
from tests.rayce.lake.lakes import a_table, append, encoded
from tests.samples import event, person


def done(_job: Job) -> Outcome:
    return Outcome({"shop/shelf": 4}, {"items": 2.0})


def test_the_last_line_on_standard_output_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build_shelf", done, make_job([])) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line.pop("seconds") >= 0
    assert line["metrics"].pop("cpu_s") > 0
    assert line["metrics"].pop("peak_rss_gib") > 0
    assert line == {"job": "build_shelf", "generation": {"shop/shelf": 4}, "metrics": {"items": 2.0}}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotEnoughData("3 baskets, 30 are needed"), 2),
        (Unavailable("dynamodb", "no answer"), 1),
        (InvalidArtifact("damaged"), 1),
        (FileNotFoundError("no such file"), 1),
    ],
)
def test_a_failure_says_why_and_prints_no_outcome(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def fail(_job: Job) -> Outcome:
        raise error

    assert run("train", fail, make_job([], say=said.append)) == code
    assert capsys.readouterr().out == ""
    assert str(error) in said[-1]
    assert "what is live stays" in said[-1]


def test_a_log_without_permitted_events_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="replay some history first"):
        make_job(records([event("purchase", "a", consent=PERSONALIZATION)])).history(BOTH)


def test_an_empty_catalogue_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="PUT /v1/items"):
        make_job([], MemoryDurable()).items()


@pytest.mark.parametrize("purposes", [0, PERSONALIZATION, TRAINING])
def test_a_withdrawal_that_only_the_consent_record_knows_takes_effect(purposes: int) -> None:
    durable = filled()
    durable.save_consent(person(2), Consent(purposes, 9))
    used = make_job(records(history(people=[1, 2, 3], days=20)), durable).history(BOTH)
    assert used.persons == {person(1), person(3)}
    assert {each.person for each in used.events()} == used.persons


def test_events_come_from_files_where_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame, "DynamoStore", lambda _settings, _flipped: filled())
    monkeypatch.setattr(frame, "RedisWriter", lambda _settings: MemoryHot())
    files = [str(tmp_path / name) for name in ("first", "second")]
    log = records(history(people=[1, 2]))
    write_event_file(files[0], log[:10])
    write_event_file(files[1], log[10:])
    seen: list[bytes] = []

    def look(job: Job) -> Outcome:
        seen.extend(job.records())
        return Outcome({}, {"events": float(len(job.history(BOTH).values))})

    assert main("look", look, ["--tenant", "shop", "--events", *files]) == 0
    assert seen == log
    assert json.loads(capsys.readouterr().out)["metrics"]["events"] == len(log)


def test_the_tenant_is_the_one_of_the_api_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "DynamoStore", lambda _settings, _flipped: filled())
    monkeypatch.setattr(frame, "RedisWriter", lambda _settings: MemoryHot())
    found: list[str] = []

    def look(job: Job) -> Outcome:
        found.append(job.tenant)
        return Outcome({}, {})

    settings = tmp_path / "settings.yaml"
    settings.write_text(f"edge: {{api_keys: {{one: {{sha256: {'a' * 64}, tenant: corner-shop}}}}}}")
    assert main("look", look, ["--settings", str(settings)]) == 0
    assert found == ["corner-shop"]


def test_without_a_tenant_and_without_api_keys_the_job_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("edge: {api_keys: {}}")
    assert main("look", done, ["--settings", str(settings)]) == 1
    assert "--tenant is needed" in capsys.readouterr().err


class Killed(BaseException):
    """What a kill looks like from inside."""


class Blocks:
    """A job of three blocks, killed before the one it is told; what it made, and which blocks it had to make."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.whole = b""

    def work(self, job: Job, killed_before: int, inputs: dict[str, int]) -> Outcome:
        checkpoint = job.checkpoint(inputs)
        events = b"".join(job.records())
        for n in range(3):
            if n == killed_before:
                raise Killed
            self.whole += checkpoint.block(f"block-{n}", lambda n=n: self._make(n, events))  # type: ignore[misc]
        return Outcome({}, {})

    def _make(self, n: int, events: bytes) -> bytes:
        self.made.append(f"block-{n}")
        return bytes([n]) + events


@pytest.fixture
def blocks_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a job of blocks on a file of events; returns which blocks were made, and what came of them."""
    monkeypatch.setattr(frame, "DynamoStore", lambda _settings, _flipped: filled())
    monkeypatch.setattr(frame, "RedisWriter", lambda _settings: MemoryHot())
    (tmp_path / "settings.yaml").write_text(f"batch: {{work_path: {tmp_path / 'work'}}}")
    events = tmp_path / "events"
    write_event_file(events, [b"one", b"two"])

    def run_blocks(killed_before: int = 9, *arguments: str, **inputs: int) -> tuple[list[str], bytes]:
        found = Blocks()
        given = ["--settings", str(tmp_path / "settings.yaml"), "--tenant", "shop", "--events", str(events), *arguments]

        def work(job: Job) -> Outcome:
            return found.work(job, killed_before, inputs)

        def add(parser: ArgumentParser) -> None:
            parser.add_argument("--changed", action="store_true")

        if killed_before < 3:
            with pytest.raises(Killed):
                main("blocks", work, given, add)
        else:
            assert main("blocks", work, given, add) == 0
        return found.made, found.whole

    return run_blocks


def test_a_job_that_was_killed_goes_on_and_ends_with_the_same_bytes(blocks_of: Any) -> None:
    undisturbed = blocks_of()[1]
    assert blocks_of(1)[0] == ["block-0"]
    assert blocks_of(2)[0] == ["block-1"]
    assert blocks_of() == (["block-2"], undisturbed)
    assert blocks_of() == (["block-0", "block-1", "block-2"], undisturbed), "a run that has ended is not gone on with"


def test_a_job_with_other_inputs_options_or_events_begins_anew(blocks_of: Any, tmp_path: Path) -> None:
    every = ["block-0", "block-1", "block-2"]
    for change in ("inputs", "options", "events"):
        blocks_of(2, shelf=1)
        if change == "inputs":
            assert blocks_of(shelf=2)[0] == every
        elif change == "options":
            assert blocks_of(9, "--changed", shelf=1)[0] == every
        else:
            write_event_file(tmp_path / "events", [b"one", b"three"])
            assert blocks_of(shelf=1)[0] == every


def test_forcing_is_no_other_input(blocks_of: Any) -> None:
    blocks_of(2)
    assert blocks_of(9, "--force")[0] == ["block-2"]


def test_a_run_that_was_killed_too_long_ago_is_not_gone_on_with(blocks_of: Any, tmp_path: Path) -> None:
    """Its input is pinned anew; files that did not change are the same input, and so are their blocks."""
    blocks_of(2)
    begun = tmp_path / "work" / "blocks@shop" / "begun.json"
    os.utime(begun, (1_000, 1_000))
    write_event_file(tmp_path / "events", [b"one", b"three"])
    assert blocks_of()[0] == ["block-0", "block-1", "block-2"]


def test_a_second_run_at_the_same_time_is_sent_away(blocks_of: Any, tmp_path: Path, capsys: Any) -> None:
    def work(job: Job) -> Outcome:
        job.checkpoint()
        second = [
            "--settings",
            str(tmp_path / "settings.yaml"),
            "--tenant",
            "shop",
            "--events",
            str(tmp_path / "events"),
        ]
        assert main("blocks", lambda job: Outcome({}, {"n": len([job.checkpoint()])}), second) == 1
        said = capsys.readouterr().err
        assert "another run of this job is at work on it" in said
        assert "reading the same input" not in said
        return Outcome({}, {})

    given = ["--settings", str(tmp_path / "settings.yaml"), "--tenant", "shop", "--events", str(tmp_path / "events")]
    assert main("blocks", work, given) == 0


def test_a_job_with_two_checkpoints_names_its_parts(blocks_of: Any, tmp_path: Path) -> None:
    def work(job: Job) -> Outcome:
        for part in ("", "neighbours"):
            job.checkpoint(part=part).put("a", b"x")
        assert len(list((tmp_path / "work").iterdir())) == 2
        return Outcome({}, {})

    given = ["--settings", str(tmp_path / "settings.yaml"), "--tenant", "shop", "--events", str(tmp_path / "events")]
    assert main("blocks", work, given) == 0
    assert not list((tmp_path / "work").rglob("a"))


def test_who_withdrew_after_a_run_was_killed_is_in_no_block_of_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable, made = filled(), list[str]()
    monkeypatch.setattr(frame, "DynamoStore", lambda _settings, _flipped: durable)
    monkeypatch.setattr(frame, "RedisWriter", lambda _settings: MemoryHot())
    (tmp_path / "settings.yaml").write_text(f"batch: {{work_path: {tmp_path / 'work'}}}")
    write_event_file(tmp_path / "events", records(history(people=[1, 2, 3], days=20)))

    def work(job: Job, dies: bool) -> Outcome:
        checkpoint = job.checkpoint()
        persons = sorted(job.history(BOTH).persons)
        made.append(checkpoint.block("people", lambda: "\n".join(persons).encode()).decode())
        if dies:
            raise Killed
        return Outcome({}, {"kept": checkpoint.reused})

    given = ["--settings", str(tmp_path / "settings.yaml"), "--tenant", "shop", "--events", str(tmp_path / "events")]
    for _attempt in range(2):
        with pytest.raises(Killed):
            main("blocks", lambda job: work(job, True), given)
    durable.save_consent(person(2), Consent(0, 9))
    assert main("blocks", lambda job: work(job, False), given) == 0
    assert [person(2) in each for each in made] == [True, True, False]


@pytest.fixture
def ending(blocks_of: Any, tmp_path: Path) -> Any:
    """Runs a job of one block that ends with an error, or well; returns the exit code and the events that it read."""

    def run_ending(error: Exception | None, *arguments: str, events: bytes = b"one") -> tuple[int, list[bytes], int]:
        write_event_file(tmp_path / "events", [events])
        read: list[bytes] = []
        kept: list[int] = []

        def work(job: Job) -> Outcome:
            checkpoint = job.checkpoint()
            read.extend(job.records())
            checkpoint.block("block", lambda: b"x")
            kept.append(checkpoint.reused)
            if error is not None:
                raise error
            return Outcome({}, {})

        given = [
            "--settings",
            str(tmp_path / "settings.yaml"),
            "--tenant",
            "shop",
            "--events",
            str(tmp_path / "events"),
        ]
        return main("blocks", work, [*given, *arguments]), read, kept[0]

    return run_ending


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "work" / "blocks@shop").iterdir()}


ANSWERS = [NotEnoughData("3 baskets, 30 are needed"), InvalidArtifact("damaged"), LeakFound("a row knows the future")]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
def test_a_run_that_got_an_answer_has_ended(answer: Exception, ending: Any, tmp_path: Path, capsys: Any) -> None:
    ending(answer)
    assert left(tmp_path) == {"lock"}
    assert ending(None, events=b"two") == (0, [b"two"], 0)
    assert "did not end" not in capsys.readouterr().err


@pytest.mark.parametrize("failure", [Unavailable("dynamodb", "no answer"), OSError("disk"), MemoryError()])
def test_a_run_whose_store_failed_is_gone_on_with(failure: Exception, ending: Any) -> None:
    assert ending(failure)[0] == 1
    assert ending(None) == (0, [b"one"], 1)


def test_what_was_worse_is_kept_for_who_insists(ending: Any, tmp_path: Path, capsys: Any) -> None:
    worse = WorseThanLive("worse than the live one")
    assert ending(worse) == (3, [b"one"], 0)
    assert ending(None, "--force") == (0, [b"one"], 1)
    assert "was refused and is insisted on: reading the same input" in capsys.readouterr().err
    assert left(tmp_path) == {"lock"}


def test_what_was_worse_is_forgotten_by_who_does_not_insist(ending: Any, capsys: Any) -> None:
    worse = WorseThanLive("worse than the live one")
    for events in (b"one", b"two", b"three"):
        assert ending(worse, events=events) == (3, [events], 0)
    assert "reading the same input" not in capsys.readouterr().err


def test_a_damaged_lake_ends_a_job_with_one_line(ending: Any, tmp_path: Path, capsys: Any) -> None:
    append(a_table(tmp_path), 0, encoded(range(10)))
    (file,) = (file for file in tmp_path.rglob("*.parquet") if "2024-10-04" in file.parent.name)
    file.write_bytes(file.read_bytes()[:-9])
    (tmp_path / "lake.yaml").write_text(f"lake: {{path: {tmp_path / 'lake'}}}\n")

    def work(job: Job) -> Outcome:
        return Outcome({}, {"events": len(job.history(BOTH).values)})

    assert main("look", work, ["--settings", str(tmp_path / "lake.yaml"), "--tenant", "shop"]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert "lake is unavailable: a file cannot be read" in said and file.name in said
    assert said.endswith("what is live stays")
