"""Reading a request: body under a limit, typed; query parameters by name, typed; every refusal names key and value."""

import asyncio
import re
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from deployments.edge.problems import Problem
from deployments.edge.slashes import with_slashes
from rayce.refusals import UNREADABLE, row_error, where

T = TypeVar("T")

JSON = "application/json"
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd]")
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
MAX_DEPTH = 32
"""Maps and lists within each other."""
BODY_WITHIN_S = 10.0
"""Who is slower to send a body is not waited for: it holds a place that others need."""
encode = msgspec.json.Encoder().encode
"""A value as JSON."""


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON reply."""
    return Response(encode(value), status, headers=headers, media_type=JSON)


async def read_body(request: Request, limit: int) -> bytes:
    """The body; a `Problem` 413 as soon as it is longer than `limit` bytes, 415 where it is compressed, 408 where it is late.

    A few compressed bytes could unfold to gigabytes, and bodies are small.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem(415, "send the body as it is, without Content-Encoding", "Content-Encoding", encoding[:64])
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise Problem(413, f"the body has {length} bytes, at most {limit} are allowed", "Content-Length", length)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise Problem(413, f"the body has more than {limit} bytes", "body", len(body))
    except TimeoutError:
        raise Problem(408, f"the body did not come within {BODY_WITHIN_S:.0f} s", "body", len(body)) from None
    except ClientDisconnect:
        raise Problem(400, "the body ended early", "body", len(body)) from None
    return bytes(body)


async def read_json(request: Request, kind: type[T], limit: int) -> T:
    """The body as `kind`; a `Problem` 422 names path and value."""
    body = await read_body(request, limit)
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        if is_deep(body):
            raise Problem(422, f"$: nested more than {MAX_DEPTH} deep", "$", MAX_DEPTH) from None
        refused = row_error(0, body, kind, str(error))
        raise Problem(422, f"{refused.path}: {refused.message}", refused.path, refused.value) from None


def read_query(request: Request, kind: type[T]) -> T:
    """The query parameters as `kind`; a `Problem` 422 names the parameter."""
    values: dict[str, object] = {}
    for name, value in request.query_params.multi_items():
        if name in values:
            raise Problem(422, f"`{name}` is given twice", name, value)
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        path, message = where(str(error))
        key = path.removeprefix("$").lstrip(".") or "query"
        raise Problem(422, f"{key}: {message}", key, values.get(key)) from None


def is_deep(body: bytes) -> bool:
    """Whether maps and lists are nested deeper than `MAX_DEPTH`. Only asked of what was refused: our own types are not.

    >>> is_deep(b"[" * 33), is_deep(b'{"a": "' + b"[" * 33 + b'"}')
    (True, False)
    """
    depth = 0
    for bracket in _TEXTS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def plain(value: str) -> bool:
    """Printable ASCII: nothing more to check."""
    return value.isascii() and value.isprintable()


def path_id(request: Request, name: str, limit: int) -> str:
    """An id of the path; a `Problem` 422 where it is too long, no UTF-8, or has control characters.

    The server decodes what is no UTF-8 to U+FFFD: refused, or different ids would be one person.
    """
    value = with_slashes(request.scope, request.path_params[name])
    if not value or len(value) > limit:
        raise Problem(422, f"{name}: 1 to {limit} characters", name, value[:64])
    if not plain(value) and _UNFIT.search(value):
        raise Problem(422, f"{name}: no UTF-8, or control characters", name, value[:64])
    return value
