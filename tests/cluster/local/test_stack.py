"""One small server is enough to test how the stack treats its processes."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.local.errors import LocalStackError, ServerFailed, ServerUnavailable, UnknownServer
from cluster.local.server_record import ServerRecord
from cluster.local.stack import LocalStack

Make = Callable[..., LocalStack]


def redis(stack: LocalStack) -> tuple[int | None, int, bool, bool]:
    [server] = [server for server in stack.status() if server.name == "redis"]
    return server.pid, server.port, server.alive, server.ready


def test_up_starts_and_down_stops(make_stack: Make) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    pid, port, alive, ready = redis(stack)
    assert (alive, ready) == (True, True)
    stack.down()
    assert redis(stack) == (None, port, False, False)
    assert not Path(f"/proc/{pid}").exists()


def test_a_second_up_uses_the_server_that_runs(make_stack: Make) -> None:
    make_stack(only={"redis"}).up()
    before = redis(make_stack())
    make_stack(only={"redis"}).up()
    assert redis(make_stack()) == before


def test_two_stacks_that_start_at_once_share_one_server(make_stack: Make) -> None:
    said: list[str] = []
    threads = [threading.Thread(target=make_stack(only={"redis"}, progress=said.append).up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("starting" in line for line in said) == 1


def test_after_down_the_ports_stay_the_same(make_stack: Make) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    port = redis(stack)[1]
    stack.down()
    stack.up()
    assert redis(stack)[1] == port


def test_a_port_that_was_taken_meanwhile_is_replaced_and_the_settings_follow(make_stack: Make) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    port = redis(stack)[1]
    stack.down()
    with socket.create_server(("127.0.0.1", port)):
        stack.up()
        new = redis(stack)[1]
        assert new != port
        assert f"127.0.0.1:{new}/" in stack.settings_path.read_text()


def test_a_stranger_that_has_a_remembered_pid_is_left_alone(make_stack: Make, tmp_path: Path) -> None:
    """The parent was killed, the machine was busy, and the number of a dead server went to another program."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        ServerRecord("redis", "valkey", (20_001,), stranger.pid, "another boot/1", 1.0).save(
            tmp_path / "root" / "run" / "redis.json"
        )
        stack = make_stack(only={"redis"})
        assert redis(stack)[2] is False
        stack.down()
        stack.kill_server("redis")
        stack.up()
        assert redis(stack)[0] != stranger.pid
        stack.down()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_servers_of_a_parent_that_was_killed_are_found_again(make_stack: Make, python: Callable[..., object]) -> None:
    root = make_stack().settings_path.parent
    code = f"""
import os, signal
from pathlib import Path
from cluster.local.stack import LocalStack
LocalStack(Path({str(root)!r}), only=["redis"]).up()
os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = python("-c", code)
    assert parent.wait(timeout=60) == -signal.SIGKILL  # type: ignore[attr-defined]
    pid, _, alive, ready = redis(make_stack())
    assert (alive, ready) == (True, True)
    make_stack(only={"redis"}).up()
    assert redis(make_stack())[0] == pid
    make_stack().down()
    assert redis(make_stack())[2] is False


def test_a_with_block_stops_what_it_started_and_leaves_what_ran_before(make_stack: Make) -> None:
    with make_stack(only={"redis"}):
        pid = redis(make_stack())[0]
        with make_stack(only={"redis"}):
            assert redis(make_stack())[0] == pid
        assert redis(make_stack())[2] is True
    assert redis(make_stack())[2] is False


def test_a_with_block_also_stops_a_server_that_was_started_again_inside_it(make_stack: Make) -> None:
    with make_stack(only={"redis"}) as stack:
        stack.stop_server("redis")
        stack.start_server("redis")
    assert redis(make_stack())[2] is False


def test_a_server_that_dies_at_its_start_is_reported_with_its_log(make_stack: Make) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    stack.stop_server("redis")
    with socket.create_server(("127.0.0.1", redis(stack)[1])):
        with pytest.raises(ServerFailed, match="(?s)redis.log.*Address already in use"):
            stack.start_server("redis")


def test_when_one_server_fails_those_started_with_it_are_stopped(make_stack: Make, tmp_path: Path) -> None:
    topics = tmp_path / "root" / "data" / "topics.json"
    topics.parent.mkdir(parents=True)
    topics.write_text("not JSON")
    with pytest.raises(ServerFailed, match="(?s)kafka.log.*JSONDecodeError"):
        make_stack(mode="embedded", only={"redis", "kafka"}).up()
    assert redis(make_stack())[2] is False


def test_a_server_that_died_unnoticed_is_started_again_by_up(make_stack: Make) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    pid = redis(stack)[0]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while redis(stack)[2]:
        pass
    stack.up()
    assert redis(stack)[0] != pid
    assert redis(stack)[3] is True


def test_a_server_that_runs_but_does_not_answer_is_alive_and_not_ready(make_stack: Make) -> None:
    with make_stack(only={"redis"}) as stack:
        pid = redis(stack)[0]
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert redis(stack)[2:] == (True, False)
        os.kill(pid, signal.SIGCONT)
        assert redis(stack)[2:] == (True, True)


def test_a_running_stand_in_is_not_passed_off_as_real(make_stack: Make) -> None:
    stack = make_stack(mode="embedded", only={"redis", "kafka"})
    stack.up()
    assert stack.real is False
    with pytest.raises(LocalStackError, match="runs as mock-kafka"):
        make_stack(mode="real", only={"kafka"}).up()
    assert redis(stack)[2] is True


def test_without_java_auto_falls_back_says_what_is_lost_and_real_refuses(
    make_stack: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    said: list[str] = []
    with pytest.raises(ServerUnavailable, match="no `java`"):
        make_stack(mode="real").up()
    assert make_stack().status() == []  # Nothing had been started when it refused.
    stack = make_stack(progress=said.append)
    stack.up()
    assert [server.kind for server in stack.status()] == ["valkey", "ministack", "mock-kafka"]
    assert all(server.ready for server in stack.status())
    assert stack.real is False
    assert sum("stands in for the real server" in line and "no `java`" in line for line in said) == 2


def test_reset_deletes_the_data_and_keeps_the_secrets(make_stack: Make, tmp_path: Path) -> None:
    stack = make_stack(only={"redis"})
    stack.up()
    secrets = stack.settings_path.read_text()
    stack.reset()
    assert stack.status() == []
    assert not (tmp_path / "root" / "data" / "valkey").exists()
    assert stack.settings_path.read_text() == secrets


def test_an_unknown_server_is_refused_by_name(make_stack: Make) -> None:
    with pytest.raises(UnknownServer, match="postgres"):
        make_stack(only={"postgres"})
    with pytest.raises(UnknownServer, match="never started"):
        make_stack().start_server("redis")
