import json
from pathlib import Path

import pytest

from jobs import job as frame
from jobs.job import Job, Outcome, main, run
from rayce.consent import PERSONALIZATION, TRAINING, Consent
from rayce.errors import InvalidArtifact, NotEnoughData, Unavailable
from rayce.event_files import write_event_file
from rayce.stores.memory import MemoryDurable
from tests.jobs.shop import BOTH, filled, history, make_job, records
from tests.samples import event, person


def done(_job: Job) -> Outcome:
    return Outcome({"shop/shelf": 4}, {"items": 2.0})


def test_the_last_line_on_standard_output_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("build_shelf", done, make_job([])) == 0
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line.pop("seconds") >= 0
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
    assert json.loads(capsys.readouterr().out)["metrics"] == {"events": float(len(log))}


def test_the_tenant_is_the_one_of_the_api_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "DynamoStore", lambda _settings, _flipped: filled())
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
