"""What a row declares of consent, as its mapping says. A value that the mapping does not name never allows, and is counted."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rayce.importing.mapping import ConsentSource, bits_of
from rayce.importing.values import MISSING, named, reader
from rayce.refusals import excerpt


class Unnamed(NamedTuple):
    """Rows whose value is not named, the column, and the first such value."""

    rows: int
    column: str
    value: str


class DeclaredConsent:
    """Reads purposes out of rows; `unnamed` is None until a value was not named. A row without a value is a plain no."""

    def __init__(self, said: "tuple[str, ...] | ConsentSource | None", otherwise: int | None) -> None:
        """`otherwise` holds for all rows where the mapping says nothing."""
        self.unnamed: Unnamed | None = None
        self._always = bits_of(said) if isinstance(said, tuple) else otherwise
        self._source = said if isinstance(said, ConsentSource) else None
        if self._source is not None:
            self._bits = {value: bits_of(purposes) for value, purposes in self._source.values.items()}
            self._text = reader(self._source.column, "text")

    def of(self, row: Mapping[str, Any]) -> int | None:
        """Purposes as bits; None where nobody says anything."""
        if self._source is None:
            return self._always
        value = self._text(row)
        found = named(self._bits, "" if value is MISSING else value)
        if found is None and value is not MISSING:
            before = self.unnamed or Unnamed(0, self._source.column, excerpt(value))
            self.unnamed = before._replace(rows=before.rows + 1)
        return found or 0
