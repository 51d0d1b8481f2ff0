"""Refusals: what was wrong with a body or a row, as path, value and text that its sender can act on."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from rayce.item import PLAIN

MAX_TEXT = 64
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a body may raise: wrong, not UTF-8, or nested without end."""

_NOT_PLAIN = f"matching regex {PLAIN!r}"
ANY_KEY = "[...]"
"""Stands in msgspec's paths for some entry of a map."""


class RowError(Struct, frozen=True):
    """A row that was refused: its index, the path and value that offended, and why."""

    index: int
    path: str
    value: Any
    message: str


def row_error(index: int, body: bytes, kind: Any, message: str) -> RowError:
    """A msgspec message about a body that should have been of a kind, as path, value and text."""
    path, text = where(message)
    try:
        tree = msgspec.json.decode(body)
    except UNREADABLE:
        return RowError(index, path, excerpt(body), text)
    if path.endswith(ANY_KEY):
        path = _name_the_key(tree, path.removesuffix(ANY_KEY), kind, message)
    found = value_at(tree, path, UNSET)
    return RowError(index, path, excerpt(body) if found is UNSET else _short(found), text)


def where(message: str) -> tuple[str, str]:
    """Path and text of a msgspec message: "Expected `int`, got `str` - at `$.a`" gives `$.a` and the rest."""
    text, _, place = message.rpartition(" - at ")
    if not text:
        text, place = message, ""
    path = "$" + place.rpartition("`$")[2].rstrip("`")
    if text.endswith(_NOT_PLAIN):
        text = "control characters, or no UTF-8"
    if "unknown field" in text:
        path += "." + text.partition("`")[2].rpartition("`")[0]
    return path, text


def _name_the_key(tree: Any, path: str, kind: Any, message: str) -> str:
    """The path with the name of that entry of the map at `path` which gives the same message when it stands alone."""
    entries = value_at(tree, path)
    if not isinstance(entries, dict):
        return path
    everything = dict(entries)
    for name, value in everything.items():
        entries.clear()
        entries[name] = value
        try:
            msgspec.convert(tree, kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                path = f"{path}.{name}"
                break
    entries.clear()
    entries.update(everything)
    return path


def value_at(tree: Any, path: str, nothing: Any = None) -> Any:
    """What is at a path such as `$.items[0].quantity`; `nothing` where there is nothing."""
    try:
        for key, number in re.findall(r"\.([^.\[]+)|\[(\d+)\]", path):
            tree = tree[int(number)] if number else tree[key]
    except (KeyError, IndexError, TypeError):
        return nothing
    return tree


def _short(value: Any) -> Any:
    return value if not isinstance(value, dict | list | str) or len(str(value)) <= MAX_TEXT else excerpt(str(value))


def excerpt(body: bytes | str) -> str:
    """The first characters of a text."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
