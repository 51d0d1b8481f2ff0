"""A replica that somebody waits for goes before what only looks after it, where the machine lets it."""

import os
from contextlib import suppress

AHEAD = 3
"""Half as much again and more of a busy core than Ray's own processes get, which work in bursts; less than HAProxy's five."""


def go_first() -> None:
    """For the calling thread and those it starts from now on; who may not say so stays where they are."""
    if hasattr(os, "setpriority"):
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - AHEAD)
