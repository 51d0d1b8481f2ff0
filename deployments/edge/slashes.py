"""Ids that hold a slash: `%2F` in a path is a character of an id, not a place where the path is parted.

An HTTP server decodes the whole path before it is routed, and `a%2Fb` would be two parts. So each such slash is put aside as a
character that no id may hold, until the id has been taken from the path.
"""

from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

ASIDE: Final = "\x1f"
_KEY: Final = "rayce.slashes"


class Slashes:
    """Wraps an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """With the slashes of ids put aside, should there be some."""
        raw: bytes = scope.get("raw_path") or b""
        if b"%2" in raw:
            lowered = raw.lower()
            if b"%2f" in lowered and b"%1f" not in lowered:
                parts = raw.replace(b"%2F", b"%2f").split(b"%2f")
                path = ASIDE.join(unquote(part.decode("latin-1"), errors="replace") for part in parts)
                scope = {**scope, "path": path, _KEY: True}
        await self._app(scope, receive, send)


def with_slashes(scope: Scope, value: str) -> str:
    r"""A part of the path with its own slashes back.

    >>> with_slashes({"rayce.slashes": True}, "a\x1fb"), with_slashes({}, "a\x1fb")
    ('a/b', 'a\x1fb')
    """
    return value.replace(ASIDE, "/") if _KEY in scope else value
