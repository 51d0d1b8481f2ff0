"""`GET /rayce.js`: the browser snippet, as it lies in `static/`; the same for everybody, so anybody may keep it."""

import re
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

MAX_AGE_S = 3_600
_TOKENS = re.compile(r'("(?:[^"\\\n]|\\.)*"|`[^`]*`)|\s*//[^\n]*\s*|\s*([{}()\[\];,:=<>?&|+*!])\s*|\s+')


class Snippet:
    """The file, read once, with its `ETag`."""

    def __init__(self) -> None:
        source = (files("deployments.edge") / "static" / "rayce.js").read_text(encoding="utf-8")
        self.body = without_spaces(source).encode()
        """As it is served."""
        self._headers = {
            "cache-control": f"public, max-age={MAX_AGE_S}, stale-while-revalidate=86400",
            "etag": f'"{sha256(self.body).hexdigest()[:16]}"',
            "access-control-allow-origin": "*",  # so that a page may load it with `integrity`
            "x-content-type-options": "nosniff",
        }

    async def get(self, request: Request) -> Response:
        """The snippet; 304 where the browser has it."""
        if self._headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=self._headers)
        return Response(self.body, headers=self._headers, media_type="text/javascript")


def without_spaces(source: str) -> str:
    r"""The same script without comments and needless white space. It must have no regular expression, each statement its
    semicolon, and comments only where a line could break without meaning.

    >>> without_spaces('const a = "b  c"; // why\nreturn a + `d  e`;')
    'const a="b  c";return a+`d  e`;'
    """
    return _TOKENS.sub(_shorter, source).strip()


def _shorter(found: re.Match[str]) -> str:
    literal, mark = found.groups()
    return literal or mark or ("" if "//" in found[0] else " ")
