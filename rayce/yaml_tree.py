"""YAML that people write, read into a checked struct: bounded before it is unfolded, and surprising only where it says so.

Read by YAML 1.2's core rules: `NO` is a country and not a no, `9:30` a time and not 570, `2026-12-01` the text of a date, and
`0012` an id. A key that stands twice is refused, and so are merge keys (`<<`); anchors work, up to the size below.
"""

import re
from typing import Any, TypeVar

import msgspec
import yaml

from rayce.errors import InvalidDocument
from rayce.refusals import UNREADABLE, value_at, where

MAX_TEXT, MAX_WORD, MAX_NODES = 1_000_000, 2_000, 100_000
"""Characters of a text, characters of one scalar, and maps, lists, keys and scalars of the tree once it is unfolded."""

NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
"""What PyYAML raises: its constructors let the errors of Python's own parsers through (`!!int ''` is an IndexError)."""

T = TypeVar("T")

_TEXT = "tag:yaml.org,2002:str"
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float")}
_HALF = re.compile("[\ud800-\udfff]")


def read_yaml(
    text: str,
    kind: type[T],
    refused: type[InvalidDocument] = InvalidDocument,
    loader: "type[BoundedLoader] | None" = None,
) -> T:
    """The text as a struct of `kind`; `refused` names key and value, and nothing else is ever raised."""
    tree = read_tree(text, refused, loader)
    try:
        return msgspec.convert(tree, kind)
    except UNREADABLE as error:
        path, message = where(str(error))
        key = path.removeprefix("$").removeprefix(".")
        raise refused(f"{key}: {message}" if key else message, key, value_at(tree, path)) from None


def read_tree(
    text: str, refused: type[InvalidDocument] = InvalidDocument, loader: "type[BoundedLoader] | None" = None
) -> Any:
    """The text as maps, lists and scalars, within the bounds above; `refused` otherwise, and nothing else is ever raised."""
    if len(text) > MAX_TEXT:
        raise refused(f"longer than {MAX_TEXT} characters", "", len(text))
    try:
        tree = yaml.load(text, loader or _Loader)  # a SafeLoader with fewer surprises
    except NOT_YAML as error:
        raise refused(f"not YAML: {type(error).__name__}: {error}", "", None) from None
    if _size(tree) > MAX_NODES:
        raise refused(f"more than {MAX_NODES} nodes", "", None)
    return tree


class BoundedLoader(yaml.SafeLoader):
    """YAML 1.1 without what only hostile texts have: merges without end, words as long as books, half characters."""

    def flatten_mapping(self, node: Any) -> None:
        """No merge keys: they unfold without end before anybody can count."""

    def construct_scalar(self, node: Any) -> Any:
        """Every number and word goes through here."""
        if isinstance(node, yaml.ScalarNode):
            if len(node.value) > MAX_WORD:
                raise _refusal(f"a word of more than {MAX_WORD} characters", node)
            if not node.value.isascii() and _HALF.search(node.value):
                raise _refusal("a word with half a character (a lone surrogate)", node)
        return super().construct_scalar(node)


class _Loader(BoundedLoader):
    """Aware of what a marketer does not expect of YAML 1.1."""

    def compose_mapping_node(self, anchor: Any) -> Any:
        """A map whose keys differ."""
        node = super().compose_mapping_node(anchor)
        node.value = [(self.key_of(key), value) for key, value in node.value]
        seen: set[tuple[str, str]] = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _refusal(f"the key `{key.value[:64]}` stands twice", key)
                seen.add((key.tag, key.value))
        return node

    def key_of(self, key: Any) -> Any:
        """The node of a key as it counts."""
        return key


class TextKeys(_Loader):
    """Keys that look like booleans or numbers are texts, as they are written: `true: x` is `"true": x`."""

    def key_of(self, key: Any) -> Any:
        """As a text."""
        if isinstance(key, yaml.ScalarNode) and key.tag in _PLAIN:
            return yaml.ScalarNode(_TEXT, key.value, key.start_mark, key.end_mark)
        return key


def _refusal(message: str, node: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)


_Loader.yaml_implicit_resolvers = {}  # PyYAML's own ones are those of YAML 1.1
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|-?\.inf|\.nan", "-.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _size(tree: object) -> int:
    """Counted no further than needed: a few hundred bytes of aliases can unfold without end."""
    count, waiting = 1, [tree]
    while waiting and count <= MAX_NODES:
        node = waiting.pop()
        if isinstance(node, dict):
            count += 2 * len(node)
            waiting += [each for each in node.values() if isinstance(each, dict | list | tuple | set)]
        elif isinstance(node, list | tuple | set):
            count += len(node)
            waiting += [each for each in node if isinstance(each, dict | list | tuple | set)]
    return count
