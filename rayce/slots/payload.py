"""Payloads: what a page gets with a variant. JSON of bounded size, encoded once when the document is loaded."""

import math

import msgspec

from rayce.errors import InvalidDocument

MAX_BYTES, MAX_DEPTH = 4_096, 16
EXACT = 2**53
"""Larger integers do not survive a browser."""


def encode_payload(payload: object, key: str) -> bytes:
    """The payload as JSON; `InvalidDocument` names the place below `key` of what JSON cannot hold.

    >>> encode_payload({"title": "Spring"}, "payload")
    b'{"title":"Spring"}'
    """
    _check(payload, key, 1)
    try:
        encoded = msgspec.json.encode(payload)
    except UnicodeEncodeError:
        raise InvalidDocument(f"{key}: a text that is no Unicode", key, None) from None
    if len(encoded) > MAX_BYTES:
        raise InvalidDocument(f"{key}: {len(encoded)} bytes of JSON, at most {MAX_BYTES} fit", key, len(encoded))
    return encoded


def _check(value: object, key: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidDocument(f"{key}: deeper than {MAX_DEPTH}", key, depth)
    if isinstance(value, dict):
        for name, below in value.items():
            if not isinstance(name, str):
                raise InvalidDocument(f"{key}: a key that is no text: {name!r}", key, str(name))
            _check(below, f"{key}.{name}", depth + 1)
    elif isinstance(value, list):
        for i, below in enumerate(value):
            _check(below, f"{key}[{i}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidDocument(f"{key}: a number, not {value}", key, str(value))
    elif isinstance(value, int) and not -EXACT <= value <= EXACT:
        raise InvalidDocument(f"{key}: an integer that JSON's readers cannot hold", key, str(value)[:64])
    elif not (value is None or isinstance(value, bool | int | float | str)):
        raise InvalidDocument(f"{key}: quote it: {value!r} is no JSON", key, str(value)[:64])
