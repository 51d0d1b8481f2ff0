"""A stretch of code that Ctrl-C must not cut in two."""

import contextlib
import signal
import threading
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the block is done, then deliver them. For a block of milliseconds.

    Handlers are replaced rather than signals blocked: a process started inside would inherit a blocked signal, and
    could then not be stopped. Outside the main thread Python delivers no signals, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    held = [number for number, handler in before.items() if callable(handler) or handler is signal.SIG_DFL]
    for held_back in held:
        signal.signal(held_back, lambda received, _frame: arrived.append(received))
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, before[number])
        for received in arrived:
            signal.raise_signal(received)
