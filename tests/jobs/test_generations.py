"""The programs that look after generations: listing, going back, collecting garbage."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jobs import collect_garbage, list_generations, rollback
from rayce.checkpoint import Checkpoint
from rayce.job_runs import Run, remember_run, runs_of
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot

KEYS = f"edge: {{api_keys: {{one: {{sha256: {'a' * 64}, tenant: shop}}}}}}"


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
    made = MemoryDurable()
    for name in ("shop/shelf", "shop/ranker", "other/shelf"):
        for n in range(5):
            made.publish(name, {"a": bytes([n])})
        made.make_live(name, 5)
    remember_run(made, Run("build_affinities", "shop", 60_000).ended(61_000, 0, generation={"shop/shelf": 5}))
    monkeypatch.setattr(rollback, "_store", lambda _settings, _say: made)
    monkeypatch.setattr(list_generations, "_store", lambda _settings: made)
    monkeypatch.setattr(collect_garbage, "_stores", lambda _settings: (made, MemoryHot()))
    return made


@pytest.fixture
def settings(tmp_path: Path) -> str:
    path = tmp_path / "settings.yaml"
    path.write_text(f"{KEYS}\nbatch: {{work_path: {tmp_path / 'work'}}}\n")
    return str(path)


def parsed(out: str) -> dict[str, Any]:
    """The last line, without what differs from run to run."""
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert found["metrics"].pop("cpu_s") > 0
    assert found["metrics"].pop("peak_rss_gib") > 0
    return found


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return parsed(capsys.readouterr().out)


def test_a_rollback_says_what_is_live_now_and_what_was(
    durable: MemoryDurable, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback.main(["--settings", settings, "--kind", "shelf"]) == 0
    line = last_line(capsys)
    assert (line["generation"], line["metrics"]) == ({"shop/shelf": 4}, {"before": 5})
    assert rollback.main(["--settings", settings, "--tenant", "other", "--kind", "shelf", "--to", "2"]) == 0
    assert durable.live() == {"shop/shelf": 4, "shop/ranker": 5, "other/shelf": 2}


def test_a_rollback_to_nowhere_ends_with_1_and_changes_nothing(
    durable: MemoryDurable, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rollback.main(["--settings", settings, "--kind", "shelf", "--to", "77"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "generation 77 of shop/shelf is not kept; there are [1, 2, 3, 4, 5]" in captured.err
    assert durable.live("shop/shelf") == {"shop/shelf": 5}


def test_the_listing_tells_what_is_live_kept_and_by_whom_it_was_made(
    durable: MemoryDurable, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_generations.main(["--settings", settings, "--tenant", "shop"]) == 0
    captured = capsys.readouterr()
    line = parsed(captured.out)
    assert line["metrics"] == {"names": 2, "kept": 10}
    made = {"5": {"job": "build_affinities", "started_ms": 60_000, "seconds": 1.0}}
    assert line["generations"]["shop/shelf"] == {
        "live": 5,
        "kept": [1, 2, 3, 4, 5],
        "were_live": [5],
        "unfinished": [],
        "made": made,
    }
    assert (
        "shop/shelf: 5 is live, made by build_affinities of 1970-01-01 00:01+00:00;"
        " kept beside it: 1, 2, 3, 4; never live: 1, 2, 3, 4\n" in captured.err
    )
    assert list_generations.main(["--settings", settings]) == 0
    assert last_line(capsys)["metrics"]["names"] == 3


def stale(work: Path) -> None:
    checkpoint = Checkpoint.begin(work, "build_recommendations", "shop", {}, print)
    checkpoint.put("a", b"x")
    checkpoint.close()
    for path in work.rglob("*"):
        if path.is_file():
            os.utime(path, (1_000, 1_000))


def test_garbage_goes_and_a_dry_run_only_tells(
    durable: MemoryDurable, settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale(tmp_path / "work")
    expected = {"old_generations": 6, "unfinished_generations": 0, "lists": 0, "checkpoints": 1}
    assert collect_garbage.main(["--settings", settings, "--dry-run"]) == 0
    captured = capsys.readouterr()
    assert parsed(captured.out)["metrics"] == expected
    assert "would delete the checkpoint build_recommendations@shop" in captured.err
    assert durable.numbers("shop/shelf") == [1, 2, 3, 4, 5]
    assert collect_garbage.main(["--settings", settings]) == 0
    assert last_line(capsys)["metrics"] == expected
    assert durable.numbers("shop/shelf") == [3, 4, 5]
    assert collect_garbage.main(["--settings", settings]) == 0
    assert set(last_line(capsys)["metrics"].values()) == {0}
    assert runs_of(durable)["_", "collect_garbage"][0].exit_code == 0


def test_keeping_none_is_wrong_usage() -> None:
    with pytest.raises(SystemExit):
        collect_garbage.main(["--keep", "0"])
