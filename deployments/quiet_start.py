"""Loading without getting in the way: a replica that starts on a busy machine takes the cores from those who serve.

On Linux each thread has a niceness of its own, and anybody may raise it. So what a replica loads and compiles before it serves
is done by a thread that gives way; when it serves, its threads are as any other. (A thread that serves must never wait for the
interpreter's lock behind one that gives way.)
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

NICER = 10
"""A ninth of the share of a thread that does not give way."""


def quietly(work: Callable[[], T]) -> T:
    """What `work` returns or raises, done by a thread that gives way. A thread that `work` starts gives way for good.

    >>> quietly(lambda: 6 * 7)
    42
    """
    done: Future[T] = Future()

    def run() -> None:
        if hasattr(os, "setpriority"):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICER)
        try:
            done.set_result(work())
        except BaseException as error:  # handed on to who waits for it
            done.set_exception(error)

    thread = threading.Thread(target=run, name="quiet-start")
    thread.start()
    thread.join()
    return done.result()
