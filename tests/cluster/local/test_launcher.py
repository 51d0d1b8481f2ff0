"""What is remembered of a run depends on how it ended."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.local import launcher
from cluster.local.root_folder import RootFolder
from cluster.local.server_kind import Launch, ServerKind
from cluster.local.server_record import ServerRecord

OBEDIENT = "print('up', flush=True); import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN); {OBEDIENT}"


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The data folders of the runs that ended in order; every record is of a kind that collects them here."""
    folders: list[Path] = []
    kind = ServerKind(
        "redis",
        "fake",
        real=False,
        embedded=True,
        launch=lambda ports, data, say: Launch([]),
        ready=lambda port: True,
        grace_s=0.3,
        after_stop=folders.append,
    )
    by_name: Callable[[str], ServerKind] = lambda name: kind  # noqa: E731
    monkeypatch.setattr(launcher, "by_name", by_name)
    return folders


def started(tmp_path: Path, program: str) -> tuple[RootFolder, ServerRecord]:
    root = RootFolder(tmp_path)
    record = launcher.start(root, ServerRecord("redis", "fake", (20_001,)), Launch([sys.executable, "-c", program]))
    while "up" not in root.log("redis").read_text():
        assert record.alive()
    return root, record


def test_after_an_end_in_order_the_kind_may_keep_what_the_run_has_left(tmp_path: Path, ended: list[Path]) -> None:
    root, record = started(tmp_path, OBEDIENT)
    assert launcher.stop(root, record)
    assert ended == [root.data / "fake"]


def test_after_a_kill_the_kind_is_not_asked_to_keep_anything(tmp_path: Path, ended: list[Path]) -> None:
    root, record = started(tmp_path, STUBBORN)
    assert not launcher.stop(root, record)
    assert ended == []


def test_the_record_on_disk_has_the_process_while_it_runs_and_the_ports_for_ever(
    tmp_path: Path, ended: list[Path]
) -> None:
    root, record = started(tmp_path, OBEDIENT)
    assert ServerRecord.load(root.record("redis")) == record
    launcher.stop(root, record)
    assert ServerRecord.load(root.record("redis")) == ServerRecord("redis", "fake", (20_001,))


def test_no_proxy_of_the_environment_reaches_a_server(
    tmp_path: Path, ended: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:1")
    monkeypatch.setenv("https_proxy", "http://192.0.2.1:1")
    root, record = started(tmp_path, "import os; print([k for k in os.environ if 'proxy' in k.lower()]);" + OBEDIENT)
    launcher.stop(root, record)
    assert root.log("redis").read_text().startswith("[]")


def test_a_half_written_record_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "redis.json").write_text('{"name": "redis"')
    assert ServerRecord.load(tmp_path / "redis.json") is None
