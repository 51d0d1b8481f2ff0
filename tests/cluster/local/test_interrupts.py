"""Ctrl-C waits until the block is done, and is not lost."""

import signal
import subprocess
import sys

import pytest

from cluster.local.interrupts import deferred


def test_ctrl_c_inside_the_block_arrives_after_it() -> None:
    done = False
    with pytest.raises(KeyboardInterrupt):
        with deferred():
            signal.raise_signal(signal.SIGINT)
            done = True
    assert done


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with deferred():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_process_started_inside_can_be_stopped_by_sigterm() -> None:
    with deferred():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.terminate()
    assert child.wait(timeout=10) == -signal.SIGTERM
