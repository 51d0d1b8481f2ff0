"""A file to import: what it is, what is in it to the byte (its fingerprint), and its bytes unfolded, within bounds."""

import stat
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa

from rayce.errors import InvalidInput

Form = Literal["parquet", "csv", "jsonl"]
FORMS: dict[str, Form] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".jsonlines": "jsonl",
}
CODECS = {".gz": "gzip", ".zst": "zstd"}

CHUNK_BYTES = 1 << 20
MAX_FOLD, FOLD_FREE_BYTES = 500, 64 << 20
"""What unfolds to more than so many times its size is a bomb, not a log; the first bytes are never counted."""


class SourceFile(NamedTuple):
    """A file that may be read: its form, and how it is compressed ("" not at all)."""

    path: Path
    form: Form
    codec: str

    @property
    def is_tabbed(self) -> bool:
        """Whether the name says that tabs separate its columns."""
        return ".tsv" in self.path.suffixes


def recognise(path: Path, form: Form | None = None) -> SourceFile:
    """The file by its name, or of the given form. `InvalidInput` where it is not there, no file, empty, or unknown."""
    try:
        found = path.stat()
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise _refused(path, "is a directory: name the files in it" if stat.S_ISDIR(found.st_mode) else "is no file")
    if not found.st_size:
        raise _refused(path, "is empty")
    codec = CODECS.get(path.suffix.lower(), "")
    named = form or FORMS.get((path.with_suffix("") if codec else path).suffix.lower())
    if named is None:
        raise _refused(path, f"has a name that does not end in {', '.join(FORMS)}, with or without {', '.join(CODECS)}")
    if named == "parquet" and codec:
        raise _refused(path, "is Parquet inside another compression: unpack it first, Parquet is compressed itself")
    return SourceFile(path, named, codec)


def fingerprint(path: Path) -> str:
    """32 hex digits of all its bytes, so that a file is known again under another name and on another machine."""
    digest = blake2b(digest_size=16)
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def unfolded(source: SourceFile) -> Iterator[bytes]:
    """The bytes, decompressed, about a megabyte at a time.

    `InvalidInput` where the compression is damaged or cut short (after what could be read), or unfolds without end.
    """
    passed = 0
    try:
        with pa.OSFile(str(source.path), "rb") as raw:
            stream = pa.CompressedInputStream(raw, source.codec) if source.codec else raw
            while chunk := stream.read(CHUNK_BYTES):
                passed += len(chunk)
                if passed > max(FOLD_FREE_BYTES, MAX_FOLD * raw.tell()):
                    raise _refused(source.path, f"unfolds to more than {MAX_FOLD} times its size: not read further")
                yield chunk
    except (OSError, pa.ArrowException) as error:
        reason = "is cut short" if "runcated" in str(error) else "cannot be read"
        raise _refused(source.path, f"{reason} after {passed} bytes of content: {error}") from None


def _refused(path: Path, reason: str) -> InvalidInput:
    return InvalidInput(f"{path} {reason}", str(path), None)
