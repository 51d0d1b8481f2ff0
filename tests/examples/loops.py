"""Runs an async test in a loop of its own."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Makes a test of a coroutine function; fixtures work as usual."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        uvloop.run(test(*args, **kwargs))

    return run
