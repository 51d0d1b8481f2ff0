"""`rayce jobs`: what became of the last runs, and an exit code to alarm on."""

import json
import time

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import opening
from rayce.job_runs import Run, remember_run
from rayce.stores.memory import MemoryDurable


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["jobs", *arguments])
    return result.exit_code, result.stdout, result.stderr


def ago(hours: float, job: str, exit_code: int | None = 0, why: str = "", tenant: str = "shop") -> Run:
    begun = Run(job, tenant, int((time.time() - hours * 3600) * 1000))
    made = {f"{tenant}/shelf": 7} if exit_code == 0 else {}
    return begun if exit_code is None else begun.ended(begun.started_ms + 90_000, exit_code, why, made)


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
    made = MemoryDurable()
    for each in (
        ago(72, "build_affinities"),
        ago(5, "build_affinities", 1, "failed: dynamodb is unavailable"),
        ago(1, "train_ranker", 3, "worse"),
        ago(0.525, "build_recommendations"),
        ago(0.001, "build_recommendations", None),
        ago(2, "build_affinities", tenant="other"),
    ):
        remember_run(made, each)
    monkeypatch.setattr(opening, "durable", lambda path: made)
    return made


def test_each_job_has_a_line_with_its_last_run_and_its_last_success(durable: MemoryDurable) -> None:
    code, out, _err = run()
    assert code == 0
    lines = {tuple(line.split()[:2]): line for line in out.splitlines()}
    assert len(lines) == 4
    affinities = lines["build_affinities", "shop"]
    assert "begun 5 h ago; failed in 90.0 s (failed: dynamodb is unavailable); last ended well 3 days ago" in affinities
    assert "worse than what is live in 90.0 s (worse); never ended well" in lines["train_ranker", "shop"]
    assert "at work, or killed; last ended well 30 min ago" in lines["build_recommendations", "shop"]
    assert lines["build_affinities", "other"].endswith("live: other/shelf 7")


def test_all_runs_are_told_as_json(durable: MemoryDurable) -> None:
    code, out, _err = run("--json", "--tenant", "shop")
    found = json.loads(out)
    assert code == 0
    assert found.keys() == {"shop/build_affinities", "shop/build_recommendations", "shop/train_ranker"}
    assert [each.get("exit_code") for each in found["shop/build_affinities"]] == [1, 0]


@pytest.mark.parametrize(("hours", "late"), [("100", ["train_ranker"]), ("24", ["build_affinities", "train_ranker"])])
def test_what_has_not_ended_well_for_too_long_is_an_exit_code(
    durable: MemoryDurable, hours: str, late: list[str]
) -> None:
    code, _out, err = run("--tenant", "shop", "--max-age-h", hours)
    assert code == 3
    assert err == f"not ended well for {hours} h: {', '.join(f'{job} of shop' for job in late)}\n"
    assert run("--tenant", "other", "--max-age-h", hours)[0] == 0


def test_a_store_that_is_away_is_said(durable: MemoryDurable) -> None:
    durable.away = True
    code, _out, err = run()
    assert code == 1
    assert "unavailable" in err


def test_where_nothing_has_run_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "durable", lambda path: MemoryDurable())
    assert run("--max-age-h", "1") == (0, "", "")
