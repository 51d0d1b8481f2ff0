"""A thread that gives way does the work; whoever waits for it, and whoever comes after, does not give way."""

import os
import sys
import threading

import pytest

from deployments.quiet_start import NICER, quietly


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is a process's")
def test_only_the_work_gives_way() -> None:
    before = niceness()
    assert quietly(niceness) == min(19, before + NICER)
    assert niceness() == before


def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ValueError("no shelf")

    with pytest.raises(ValueError, match="no shelf"):
        quietly(fail)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    quietly(lambda: None)
    assert threading.active_count() == before
