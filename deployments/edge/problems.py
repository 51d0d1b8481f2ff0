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
    409: "Not as things are",
    413: "Too large",
    415: "Not read in this form",
    422: "Wrong input",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}


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
        "detail": _unicode(problem.detail),
        "key": problem.key,
        "value": _unicode(problem.value) if isinstance(problem.value, str) else problem.value,
        **problem.more,
    }
    headers = {"cache-control": "no-store"}
    if problem.status == 503:
        headers["retry-after"] = "1"
    if problem.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), problem.status, headers=headers, media_type="application/problem+json")


def _unicode(text: str) -> str:
    """Without the lone surrogates that a path may hold: they cannot be encoded."""
    return text.encode("utf-8", "replace").decode()
