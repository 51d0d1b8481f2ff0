"""Records of the log in a file: encoded events one after another, each as a MessagePack `bin` object (length, then bytes)."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from rayce.errors import InvalidInput

_LENGTH = {0xC4: struct.Struct(">B"), 0xC5: struct.Struct(">H"), 0xC6: struct.Struct(">I")}
"""By MessagePack's first byte (bin 8, bin 16, bin 32): how the length is written."""

MAX_RECORD_BYTES = 16 * 1024 * 1024


def write_event_file(path: str | Path, records: Iterable[bytes]) -> int:
    """Writes the records in order; returns how many."""
    count = 0
    with open(path, "wb") as file:
        for record in records:
            file.write(_head(len(record)) + record)
            count += 1
    return count


def read_event_file(path: str | Path) -> Iterator[bytes]:
    """The records in order. `InvalidInput` names the file and the byte where it is not such a file, or is cut short."""
    with open(path, "rb") as file:
        while kind := file.read(1):
            at = file.tell() - 1
            if kind[0] not in _LENGTH:
                raise InvalidInput(f"{path}: no record begins at byte {at}", str(path), kind)
            form = _LENGTH[kind[0]]
            (length,) = form.unpack(_exactly(file, form.size, path, at))
            if length > MAX_RECORD_BYTES:
                raise InvalidInput(f"{path}: the record at byte {at} claims {length} bytes", str(path), length)
            yield _exactly(file, length, path, at)


def _head(length: int) -> bytes:
    if length < 1 << 8:
        return b"\xc4" + length.to_bytes(1, "big")
    return b"\xc5" + length.to_bytes(2, "big") if length < 1 << 16 else b"\xc6" + length.to_bytes(4, "big")


def _exactly(file: BinaryIO, length: int, path: str | Path, at: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise InvalidInput(f"{path}: the record at byte {at} is cut short", str(path), length)
    return data
