"""Every place of a tree that does not fit a struct: msgspec stops at the first, who mends a file wants all of them."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

from rayce.refusals import UNREADABLE, value_at, where


class WrongPlace(NamedTuple):
    """Where, what stands there, and why not; `key` as people say it, `rules[0].boost`."""

    key: str
    value: Any
    message: str


def wrong_places(tree: Any, kind: Any, key: str = "") -> Iterator[WrongPlace]:
    """In the order of the tree; none exactly where `msgspec.convert(tree, kind)` succeeds.

    What a container holds is looked at piece by piece, and the container as a whole (its length) if every piece is right.

    >>> [place.key for place in wrong_places(["a", 1, None], tuple[int, ...], "rules")]
    ['rules[0]', 'rules[2]']
    """
    found = False
    for place in _pieces(tree, _bare(kind), key):
        found = True
        yield place
    if not found:
        try:
            msgspec.convert(tree, kind)
        except UNREADABLE as error:
            path, message = where(str(error))
            below = path.removeprefix("$")
            yield WrongPlace(f"{key}{below}".removeprefix("."), value_at(tree, path), message)


def _pieces(tree: Any, kind: Any, key: str) -> Iterator[WrongPlace]:
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(tree, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name, value in tree.items():
            path = f"{key}.{name}".removeprefix(".")
            if name in fields:
                yield from wrong_places(value, fields[name].type, path)
            elif kind.__struct_config__.forbid_unknown_fields:
                yield WrongPlace(path, value, f"Object contains unknown field `{name}`")
        for name, field in fields.items():
            if field.required and name not in tree:
                yield WrongPlace(key, None, f"Object missing required field `{name}`")
    elif isinstance(tree, list) and origin is tuple and inner[-1] is ...:
        for i, value in enumerate(tree):
            yield from wrong_places(value, inner[0], f"{key}[{i}]")
    elif isinstance(tree, dict) and origin is dict:
        for name, value in tree.items():
            yield from wrong_places(value, inner[1], f"{key}.{name}".removeprefix("."))


def _bare(kind: Any) -> Any:
    """Without the limits, and without `None` where that leaves one kind."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        others = [each for each in get_args(kind) if each is not NoneType]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind
