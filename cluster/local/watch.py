"""Stay with the servers: notice when one dies, and end all of them on Ctrl-C or when asked to."""

import signal
import time
from collections.abc import Callable
from types import FrameType

from cluster.local.stack import LocalStack

_EVERY_S = 0.3
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


def interruptible() -> None:
    """Let SIGTERM and SIGHUP (a closed terminal) end this program the way Ctrl-C does: by `KeyboardInterrupt`."""
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # Under nohup a closed terminal is to be survived.
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def watch(stack: LocalStack, say: Callable[[str], None]) -> int:
    """Wait until a server dies or the program is interrupted, then stop all. Returns the exit code: 1 or 0."""
    try:
        while not (dead := [server.name for server in stack.status(probe=False) if not server.alive]):
            time.sleep(_EVERY_S)
        for name in dead:
            say(stack.describe(name, "died"))
        say("stopping the others")
        return 1
    except KeyboardInterrupt:
        say("stopping")
        return 0
    finally:
        for number in (signal.SIGINT, *_ENDINGS):  # Whoever presses Ctrl-C twice still gets every server stopped.
            signal.signal(number, signal.SIG_IGN)
        stack.down()
