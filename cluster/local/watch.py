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


def up_and_watch(stack: LocalStack, say: Callable[[str], None]) -> int:
    """Start, stay until a server dies or the program is interrupted, and stop all servers. Returns the exit code.

    It is 1 after a death, 0 after an interruption, and 130 after an interruption before all servers were ready.
    """
    up = False
    try:
        stack.up()
        up = True
        say(f"settings: {stack.settings_path}")
        say("running; Ctrl-C stops all servers")
        while not (dead := [server.name for server in stack.status(probe=False) if not server.alive]):
            time.sleep(_EVERY_S)
        for name in dead:
            say(stack.describe(name, "died"))
        say("stopping the others")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 0 if up else 130
    finally:
        for number in (signal.SIGINT, *_ENDINGS):  # Whoever presses Ctrl-C twice still gets every server stopped.
            signal.signal(number, signal.SIG_IGN)
        if up:
            stack.down()
