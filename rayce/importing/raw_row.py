"""One row of a file before anybody has looked what it means."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """What is wrong: the column ("" the row as a whole), the value that offended, and why."""

    column: str
    value: Any
    reason: str


class RawRow(NamedTuple):
    """A row by its number, from 1: its values by column, or its problem.

    The number is that of the line in JSON lines, and of the row below the header in CSV.
    """

    number: int
    values: Mapping[str, Any]
    problem: Problem | None = None


NO_VALUES: Mapping[str, Any] = {}
