"""Starting the other programs by name."""

import asyncio
import sys
from pathlib import Path

import pytest

from examples.demo.programs import Address, Cluster, ProgramFailed, job_command, run_job, up_command
from tests.examples.loops import in_loop

READY = 'print(\'{"url": "http://127.0.0.1:9", "pid": 7, "more": 1}\', flush=True)'


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@in_loop
async def test_the_cluster_is_up_when_it_says_where_it_is_and_goes_when_told(tmp_path: Path) -> None:
    said: list[str] = []
    code = f"import sys, time; print('starting', file=sys.stderr); print('still text'); {READY}; time.sleep(60)"
    cluster = Cluster(python(code), tmp_path / "demo" / "up.log")
    address = await cluster.start(said.append)
    assert (address.url, address.api_key()) == ("http://127.0.0.1:9", "")
    assert "still text" in said
    assert cluster.ended is None
    await asyncio.wait_for(cluster.stop(), 5)
    assert cluster.ended is not None
    assert "starting" in (tmp_path / "demo" / "up.log").read_text()


@in_loop
async def test_a_cluster_that_ends_before_it_is_ready_says_why(tmp_path: Path) -> None:
    cluster = Cluster(python("import sys; sys.exit('java is missing')"), tmp_path / "up.log")
    with pytest.raises(ProgramFailed, match="ended with code 1(.|\n)*java is missing"):
        await cluster.start()
    await cluster.stop()


@in_loop
async def test_a_cluster_that_does_not_stop_in_order_is_told(tmp_path: Path) -> None:
    code = f"import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os.abort()); {READY}; time.sleep(60)"
    cluster = Cluster(python(code), tmp_path / "up.log")
    await cluster.start()
    with pytest.raises(ProgramFailed, match="did not stop in order"):
        await asyncio.wait_for(cluster.stop(), 5)


@in_loop
async def test_a_job_tells_how_far_it_is() -> None:
    said: list[str] = []
    await run_job("tests.examples.fake_jobs", "train_ranker", Address("http://127.0.0.1:1"), said.append)
    assert set(said) == {"half way", "generation 1 published"}


@in_loop
async def test_a_job_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_JOB_FAILS", "train_ranker")
    with pytest.raises(ProgramFailed, match="ended with code 1(.|\n)*not enough baskets"):
        await run_job("tests.examples.fake_jobs", "train_ranker", Address("http://127.0.0.1:1"), lambda _: None)


def test_the_command_is_the_agreed_one(tmp_path: Path) -> None:
    command = up_command("cluster.up", tmp_path, embedded=True)
    assert command[1:] == ["-m", "cluster.up", "--root", str(tmp_path), "--embedded", "--with-parent"]


def test_a_job_is_submitted_to_the_cluster_that_has_a_dashboard() -> None:
    address = Address("http://127.0.0.1:1", settings="s.yaml", dashboard="http://127.0.0.1:2")
    command = job_command("jobs", "train_ranker", address)
    assert command[1:5] == ["job", "submit", "--address", "http://127.0.0.1:2"]
    assert command[5:] == ["--", sys.executable, "-m", "jobs.train_ranker", "--settings", "s.yaml"]
