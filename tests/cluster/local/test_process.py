"""A process is only ours when both its pid and its start time say so."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.local.process import OwnedProcess, spawn

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


@pytest.fixture
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def start(argv: list[str], folder: Path) -> OwnedProcess:
    return OwnedProcess.from_pid(spawn(argv, env=dict(os.environ), cwd=folder, log=folder / "log"))


def test_a_stranger_with_a_remembered_pid_is_neither_alive_nor_killed(stranger: "subprocess.Popen[bytes]") -> None:
    remembered = OwnedProcess(stranger.pid, "another boot/1")
    assert not remembered.alive()
    assert remembered.stop(grace_s=0.1)
    remembered.kill()
    assert stranger.poll() is None


def test_the_same_pid_with_its_true_start_time_is_killed(stranger: "subprocess.Popen[bytes]") -> None:
    """The control of the test above: what spares the stranger is the start time alone."""
    OwnedProcess.from_pid(stranger.pid).kill()
    assert stranger.wait(timeout=10) is not None


def test_a_process_that_obeys_goes_by_itself(tmp_path: Path) -> None:
    process = start(SLEEP, tmp_path)
    assert process.stop(grace_s=10)
    assert not process.alive()


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    process = start(STUBBORN, tmp_path)
    while "deaf" not in (tmp_path / "log").read_text():
        assert process.alive()
    assert not process.stop(grace_s=0.2)
    assert not process.alive()


def test_the_end_of_a_stranger_is_left_for_its_own_parent_to_collect(stranger: "subprocess.Popen[bytes]") -> None:
    stranger.kill()
    remembered = OwnedProcess(stranger.pid, "another boot/1")
    assert remembered.wait_gone(1)
    assert stranger.wait(timeout=10) == -signal.SIGKILL


def test_a_child_that_has_ended_counts_as_gone_and_leaves_no_zombie(tmp_path: Path) -> None:
    process = start(SLEEP, tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait_gone(10)
    assert not Path(f"/proc/{process.pid}").exists()


def test_a_pid_that_nobody_has_is_not_a_process() -> None:
    with pytest.raises(ProcessLookupError):
        OwnedProcess.from_pid(2**22 + 1)


def test_a_spawned_process_is_in_a_session_of_its_own_and_a_terminals_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    process = start(SLEEP, tmp_path)
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    finally:
        process.kill()


def test_memory_is_reported_while_it_runs_and_zero_afterwards(tmp_path: Path) -> None:
    process = start(STUBBORN, tmp_path)
    while "deaf" not in (tmp_path / "log").read_text():
        assert process.alive()
    assert process.rss_bytes() > 2**20
    process.kill()
    assert process.rss_bytes() == 0
