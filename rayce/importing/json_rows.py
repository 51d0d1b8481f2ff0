"""Rows of a file of JSON lines: one object a line; empty lines are passed over, and counted."""

from collections.abc import Iterator

import msgspec

from rayce.importing.lines import split_lines
from rayce.importing.raw_row import NO_VALUES, Problem, RawRow
from rayce.importing.source_file import SourceFile, unfolded
from rayce.importing.text import Dialect, line_text, without_mark
from rayce.refusals import UNREADABLE, excerpt

_decode = msgspec.json.Decoder().decode


def read_json_lines(source: SourceFile, dialect: Dialect) -> Iterator[RawRow]:
    """The rows in order; what is no object is a row with a problem."""
    for number, line in enumerate(split_lines(unfolded(source)), 1):
        raw = without_mark(line, str(source.path)) if number == 1 else line
        text, problem = line_text(raw, dialect.encoding)
        if problem is not None:
            yield RawRow(number, NO_VALUES, problem)
        elif text.strip():
            yield _row(number, text)


def _row(number: int, text: str) -> RawRow:
    try:
        values = _decode(text)
    except UNREADABLE as error:
        return RawRow(number, NO_VALUES, Problem("", excerpt(text), f"not JSON: {error}"))
    if not isinstance(values, dict):
        return RawRow(number, NO_VALUES, Problem("", excerpt(text), "not a JSON object"))
    return RawRow(number, values)
