"""The last lines, and the lines that come."""

import threading
from pathlib import Path

from cluster.local.log_files import follow, tail


def append(log: Path, text: str) -> None:
    with log.open("a") as out:
        out.write(text)


def test_the_last_lines_are_given_and_none_without_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert tail(log, 3) == []
    log.write_text("1\n2\n3\n4\n")
    assert tail(log, 2) == ["3", "4"]
    assert tail(log, 0) == []


def test_lines_that_are_added_come_whole_and_old_ones_do_not_come(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("old\n")
    timers = [threading.Timer(0.3, append, (log, "one\ntw")), threading.Timer(0.7, append, (log, "o\n"))]
    for timer in timers:
        timer.start()
    lines = follow([log])
    assert [next(lines), next(lines)] == [(log, "one"), (log, "two")]


def test_a_log_that_appears_later_or_begins_anew_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    lines = follow([log])
    threading.Timer(0.3, log.write_text, ("a first line\n",)).start()
    assert next(lines) == (log, "a first line")
    threading.Timer(0.3, log.write_text, ("anew\n",)).start()
    assert next(lines) == (log, "anew")
