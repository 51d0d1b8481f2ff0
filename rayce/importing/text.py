"""How the text of a file is to be read: its encoding, and in CSV what separates the columns."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rayce.errors import InvalidInput
from rayce.importing.raw_row import Problem
from rayce.refusals import excerpt

Encoding = Literal["utf-8", "latin-1", "windows-1252"]


class Dialect(Struct, frozen=True):
    """Encoding, and the separator of columns ("" a comma, or a tab where the file's name says so)."""

    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Meta(max_length=1)] = ""


_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


def without_mark(first: bytes | None, path: str) -> bytes | None:
    """The first line without a byte order mark; `InvalidInput` where the mark says that this is UTF-16."""
    if first is None:
        return None
    if first.startswith(_UTF16):
        raise InvalidInput(f"{path} is UTF-16: convert it to UTF-8", path, excerpt(first))
    return first.removeprefix(_BOM)


def line_text(line: bytes | None, encoding: Encoding) -> tuple[str, Problem | None]:
    """The line as text, and what is wrong with it: too long, with NUL bytes, or not in this encoding."""
    if line is None:
        return "", Problem("", None, "the line is longer than 4 MiB")
    if b"\0" in line:
        return "", Problem("", excerpt(line), "there are NUL bytes in it: this is not text")
    try:
        return line.decode(encoding), None
    except UnicodeDecodeError as error:
        reason = f"not {encoding}: byte 0x{line[error.start]:02x} at {error.start} (see `encoding` of the mapping)"
        return "", Problem("", excerpt(line), reason)
