"""Errors as callers see them: `application/problem+json` (RFC 9457) with the key and value that offended."""

from typing import Any

import msgspec
from starlette.responses import Response

TITLES = {
    400: "Bad request",
    401: "No valid API key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Not as things are",
    413: "Too large",
    415: "Not read in this form",
    422: "Wrong input",
    429: "Too many requests",
    500: "Internal error",
    502: "Temporarily unavailable",
    503: "Temporarily unavailable",
    504: "Temporarily unavailable",
}


MAX_TEXT, MAX_PARTS = 2_000, 100
"""Characters of a text, parts of a value that are shown."""


class Problem(Exception):
    """Ends a request with an error reply."""

    def __init__(self, status: int, detail: str, key: str = "", value: object = None, **more: object) -> None:
        super().__init__(status, detail, key, value)
        self.status, self.detail, self.key, self.value, self.more = status, detail, key, value, more


def problem_response(problem: Problem) -> Response:
    """The reply."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": _text(problem.detail),
        "key": _text(problem.key),
        "value": _tellable(problem.value),
        **problem.more,
    }
    headers = {"cache-control": "no-store"}
    if problem.status == 503:
        headers["retry-after"] = "1"
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), problem.status, headers=headers, media_type="application/problem+json")


def _text(text: str) -> str:
    """Short enough, and without the lone surrogates that a path may hold: they cannot be encoded."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


def _tellable(value: Any) -> Any:
    """What a caller has sent, as far as JSON can say it: it may be a date, a number of a thousand digits, or hold itself."""
    if isinstance(value, str):
        return _text(value)
    try:
        if _is_small(value):
            msgspec.json.encode(value)
            return value
    except (TypeError, ValueError, OverflowError):  # UnicodeEncodeError is one
        pass  # said below by its kind
    return f"({type(value).__name__})"


def _is_small(value: Any) -> bool:
    """Counted no further than needed: YAML can write what has no end."""
    count, waiting = 0, [value]
    while waiting and count <= MAX_PARTS:
        part = waiting.pop()
        count += 1 if not isinstance(part, str) else 1 + len(part) // 100
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
    return count <= MAX_PARTS
