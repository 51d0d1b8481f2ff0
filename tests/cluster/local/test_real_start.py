"""How the real servers are started: without Maven the second time, and quicker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.local import class_data
from cluster.local.stack import LocalStack

Make = Callable[..., LocalStack]

pytestmark = pytest.mark.usefixtures("java_servers")


def test_a_start_after_the_first_needs_no_maven(
    make_stack: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "mvn"
    broken.parent.mkdir()
    broken.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")
    stack = make_stack(mode="real", only={"dynamodb"})
    stack.up()
    assert [server.ready for server in stack.status()] == [True]
    assert not (tmp_path / "called").exists()


def test_kafka_leaves_its_classes_for_the_next_start_only_when_it_ends_in_order(
    make_stack: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_data, "cache_folder", lambda: tmp_path / "cache")
    stack = make_stack(mode="real", only={"kafka"})
    stack.up()
    stack.kill_server("kafka")
    assert not list(tmp_path.glob("cache/*.jsa"))
    stack.start_server("kafka")
    stack.down()
    [archive] = tmp_path.glob("cache/*.jsa")
    assert not list(tmp_path.glob("root/data/kafka/*.jsa"))
    stack.up()
    assert [server.ready for server in stack.status()] == [True]
    [pid] = [server.pid for server in stack.status()]
    assert str(archive) in Path(f"/proc/{pid}/maps").read_text()
