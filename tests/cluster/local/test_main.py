"""The commands, as a person uses them: in processes of their own, and ended by signals."""

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.local.stack import LocalStack

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "root"
    LocalStack(tmp_path / "root").down()


def run(python: Start, root: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    process = python("-m", "cluster.local", *arguments, "--root", str(root), **environment)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} did not come:\n{seen}")


def alive(root: Path) -> list[str]:
    return [server.name for server in LocalStack(root).status() if server.alive]


def test_up_leaves_the_servers_running_status_shows_them_and_down_ends_them(python: Start, root: Path) -> None:
    code, output = run(python, root, "up", "--embedded")
    assert (code, alive(root)) == (0, ["redis", "dynamodb", "kafka"]), output
    code, output = run(python, root, "status", "--json")
    assert code == 0
    assert [(server["name"], server["ready"]) for server in json.loads(output)["servers"]] == [
        ("redis", True),
        ("dynamodb", True),
        ("kafka", True),
    ]
    assert run(python, root, "down")[0] == 0
    assert alive(root) == []
    code, output = run(python, root, "status")
    assert code == 1
    assert output.count("stopped") == 3


def test_the_api_key_is_for_the_owner_only(python: Start, root: Path) -> None:
    assert run(python, root, "up", "--only", "redis")[0] == 0
    assert (root / "api-key").read_text().startswith("rk_")
    assert stat.S_IMODE((root / "api-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_a_signal_stops_everything(python: Start, root: Path, number: signal.Signals) -> None:
    process = python("-m", "cluster.local", "up", "--embedded", "--foreground", "--root", str(root))
    read_until(process, "running")
    assert alive(root) == ["redis", "dynamodb", "kafka"]
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    assert alive(root) == []


def test_in_the_foreground_the_death_of_one_server_is_told_and_ends_the_others(python: Start, root: Path) -> None:
    process = python("-m", "cluster.local", "up", "--embedded", "--foreground", "--root", str(root))
    read_until(process, "running")
    LocalStack(root).kill_server("redis")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "redis (valkey" in output
    assert str(root / "logs" / "redis.log") in output
    assert alive(root) == []


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_in_the_middle_of_up_stops_what_had_been_started(python: Start, root: Path, presses: int) -> None:
    """The mock broker is made to wait for ever, so that the others run while it is not ready."""
    (root / "data").mkdir(parents=True)
    os.mkfifo(root / "data" / "topics.json")
    process = python("-m", "cluster.local", "up", "--embedded", "--root", str(root))
    read_until(process, "dynamodb: ready")
    assert alive(root) == ["redis", "dynamodb", "kafka"]
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    assert process.wait(timeout=60) == 130
    deadline = time.monotonic() + 10
    while alive(root) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(root) == []


def test_ctrl_c_while_maven_works_ends_maven_and_starts_nothing(python: Start, root: Path, tmp_path: Path) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/maven.pid\nexec sleep 60\n")
    java = maven.with_name("java")
    java.write_text("#!/bin/sh\necho 'openjdk version \"17\"' >&2\n")
    for program in (maven, java):
        program.chmod(0o755)
    process = python(
        "-m", "cluster.local", "up", "--real", "--root", str(root),
        PATH=f"{maven.parent}:/usr/bin:/bin", JAVA_HOME="", XDG_CACHE_HOME=str(tmp_path / "cache"),
    )  # fmt: skip
    read_until(process, "asking Maven")
    while not (tmp_path / "maven.pid").exists() or not (tmp_path / "maven.pid").read_text():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert alive(root) == []
    state = Path("/proc", (tmp_path / "maven.pid").read_text().strip(), "stat")
    assert not state.exists() or ") Z " in state.read_text()


def test_real_without_java_fails_and_says_what_to_do(python: Start, root: Path, tmp_path: Path) -> None:
    code, output = run(python, root, "up", "--real", PATH=str(tmp_path), JAVA_HOME="")
    assert code == 1
    assert "Java 17 or newer is needed" in output
    assert "Install it, or set JAVA_HOME" in output
    assert alive(root) == []


def test_without_java_up_falls_back_and_says_in_one_line_each_what_is_not_kept(
    python: Start, root: Path, tmp_path: Path
) -> None:
    code, output = run(python, root, "up", PATH=str(tmp_path), JAVA_HOME="")
    assert code == 0
    told = [line for line in output.splitlines() if "stands in for the real server" in line]
    assert len(told) == 2
    assert all("a kill loses" in line for line in told)


def test_reset_asks_first_and_deletes_only_when_told(python: Start, root: Path) -> None:
    run(python, root, "up", "--only", "redis")
    assert run(python, root, "reset")[0] == 1  # Nobody answers: the input is at its end.
    assert alive(root) == ["redis"]
    assert run(python, root, "reset", "--yes")[0] == 0
    assert alive(root) == []
    assert not (root / "data" / "valkey").exists()


def test_logs_shows_the_log_of_one_or_all_and_refuses_an_unknown_name(python: Start, root: Path) -> None:
    run(python, root, "up", "--only", "redis")
    assert "Ready to accept connections" in run(python, root, "logs", "redis")[1]
    assert "redis: " in run(python, root, "logs")[1]
    code, output = run(python, root, "logs", "postgres")
    assert code == 1
    assert "postgres" in output


def test_logs_follows_until_it_is_interrupted(python: Start, root: Path) -> None:
    run(python, root, "up", "--only", "redis")
    process = python("-m", "cluster.local", "logs", "redis", "-n", "0", "--follow", "--root", str(root))
    time.sleep(0.7)
    LocalStack(root).stop_server("redis")
    read_until(process, "bye bye")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130


def test_embedded_and_real_exclude_each_other(python: Start, root: Path) -> None:
    assert run(python, root, "up", "--embedded", "--real")[0] == 2
