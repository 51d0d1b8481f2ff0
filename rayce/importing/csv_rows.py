"""Rows of a CSV file: every value is text; the header names the columns."""

import csv
from collections.abc import Iterator, Sequence

from rayce.errors import InvalidInput
from rayce.importing.lines import split_lines
from rayce.importing.raw_row import NO_VALUES, Problem, RawRow
from rayce.importing.source_file import SourceFile, unfolded
from rayce.importing.text import Dialect, line_text, without_mark
from rayce.refusals import excerpt


class _Feed:
    """Lines for the parser; remembers what was wrong with those it has taken since it was last asked."""

    def __init__(self, source: SourceFile, dialect: Dialect) -> None:
        self._lines = split_lines(unfolded(source))
        self._encoding = dialect.encoding
        self._path = str(source.path)
        self._is_first = True
        self._problem: Problem | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if self._is_first:
            line, self._is_first = without_mark(line, self._path), False
        text, problem = line_text(line, self._encoding)
        self._problem = self._problem or problem
        return text + "\n"

    def problem(self) -> Problem | None:
        """What was wrong, once."""
        found, self._problem = self._problem, None
        return found


def read_csv(source: SourceFile, dialect: Dialect) -> tuple[Sequence[str], Iterator[RawRow]]:
    """The header, and the rows below it. `InvalidInput` where there is no usable header."""
    feed = _Feed(source, dialect)
    parser = csv.reader(feed, delimiter=dialect.delimiter or ("\t" if source.is_tabbed else ","))
    try:
        header = [name.strip() for name in next(parser, [])]
    except csv.Error as error:
        raise InvalidInput(f"{source.path} has no header: {error}", str(source.path), None) from None
    problem = feed.problem()
    if problem is not None:
        raise InvalidInput(f"{source.path} has no header: {problem.reason}", str(source.path), problem.value)
    doubled = sorted({name for name in header if header.count(name) > 1})
    if not any(header) or doubled:
        wrong = f"names {', '.join(doubled) or 'no columns'}{' twice' if doubled else ''} in its first line"
        raise InvalidInput(f"{source.path} {wrong}", str(source.path), doubled)
    return header, _rows(header, feed, parser)


def _rows(header: Sequence[str], feed: _Feed, parser: "Iterator[list[str]]") -> Iterator[RawRow]:
    number = 0
    while True:
        problem = None
        try:
            values = next(parser)
        except StopIteration:
            return
        except csv.Error as error:  # the parser begins anew at the next line
            values, problem = [], Problem("", None, f"not CSV: {error}")
        problem = feed.problem() or problem
        if not values and problem is None:
            continue  # an empty line
        number += 1
        if problem is None and len(values) != len(header):
            reason = f"{len(values)} values where the header names {len(header)} columns"
            problem = Problem("", excerpt(",".join(values)), reason)
        yield RawRow(number, NO_VALUES if problem else dict(zip(header, values, strict=True)), problem)
