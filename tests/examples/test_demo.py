"""The whole demo as a program, in front of the fake API: exit codes, the report, the second start, a clean end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

FAKES = ["--up", "tests.examples.fake_api", "--jobs", "tests.examples.fake_jobs"]
HERE = Path(__file__).parents[2]


def demo(*arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "examples.demo", *FAKES, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def once(cwd: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    with demo("--once", "--households", "12", "--weeks", "2", *arguments, cwd=cwd, **environment) as process:
        out, _ = process.communicate(timeout=90)
    return process.returncode, out


def test_once_plays_reports_and_ends_well_and_does_so_again(tmp_path: Path) -> None:
    code, out = once(tmp_path, "--json", "report.json")
    assert code == 0, out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["benchmark"] == "demo"
    assert report["metrics"]["verified_households"] == 12
    assert report["metrics"]["lost"] == report["metrics"]["doubled"] == report["metrics"]["failed_requests"] == 0
    assert report["metrics"]["baskets"] > 0
    assert "most popular" in out
    assert once(tmp_path)[0] == 0


@pytest.mark.parametrize("fault", ["drop_every=30", "double_every=30", "fail_recommendation_number=9"])
def test_once_ends_badly_when_a_promise_was_broken(tmp_path: Path, fault: str) -> None:
    code, out = once(tmp_path, FAKE_API_FAULT=fault)
    assert code == 1, out
    assert "✗" in out


def test_once_ends_badly_when_a_job_fails_and_says_why(tmp_path: Path) -> None:
    code, out = once(tmp_path, FAKE_JOB_FAILS="train_ranker")
    assert code == 1
    assert "not enough baskets to learn from" in out


def test_nonsense_is_refused_by_name(tmp_path: Path) -> None:
    code, out = once(tmp_path, "--speed", "quick")
    assert code == 2
    assert "quick" in out


def test_the_page_is_there_early_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with demo("--no-browser", "--households", "12", "--port", "8790", "--root", "r", cwd=tmp_path) as process:
        assert process.stdout is not None
        seen = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", seen)):
            seen += process.stdout.readline()
        with urlopen(found[0], timeout=10) as page:
            assert "Getting the shop ready" in page.read().decode()
        while "Play the live weeks" not in seen:
            seen += process.stdout.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0, seen + rest
    journal = json.loads((tmp_path / "r" / "demo" / "journal.json").read_text())
    assert journal["trained"]
    assert journal["position"] > 0
