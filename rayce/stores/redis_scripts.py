"""The scripts that run inside Redis. All that writes flags or consent goes through one of them, so that no race shows a person
who has withdrawn: whatever a worker, the log or a miss brings, a newer decision stands.

A script is called by its digest; a server that does not have it (new, or flushed) says NOSCRIPT, and gets it in full.
"""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from rayce.errors import Unavailable
from rayce.stores.redis_address import Command


class Script(NamedTuple):
    """A script's text, and the digest by which Redis knows it."""

    text: bytes
    digest: str


def _read(*names: str) -> Script:
    text = b"".join((files("rayce.stores") / name).read_bytes() for name in names)
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


SHOW = _read("lists.lua", "show.lua")
DECIDE = _read("lists.lua", "decide.lua")
PUT_BACK = _read("lists.lua", "put_back.lua")
TRIM = _read("trim.lua")

_TEXTS: dict[object, bytes] = {script.digest: script.text for script in (SHOW, DECIDE, PUT_BACK, TRIM)}


def is_missing(error: Unavailable) -> bool:
    """Whether the server refused for want of a script."""
    return error.reason.startswith("NOSCRIPT")


def in_full(commands: Sequence[Command]) -> list[Command]:
    """The same commands with the scripts' texts in place of their digests."""
    return [("EVAL", _TEXTS[c[1]], *c[2:]) if c[0] == "EVALSHA" else c for c in commands]
