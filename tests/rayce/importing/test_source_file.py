"""Files as they should not be: each ends with a clear refusal, in bounded memory."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from rayce.errors import InvalidInput
from rayce.importing.source_file import fingerprint, recognise, unfolded

CONTENT = b"".join(b'{"a":%d}\n' % number for number in range(200_000))


def read(path: Path) -> bytes:
    return b"".join(unfolded(recognise(path)))


@pytest.mark.parametrize(("suffix", "fold"), [("", bytes), (".gz", gzip.compress), (".zst", zstandard.compress)])
def test_content_is_unfolded_by_the_name_of_the_file(
    tmp_path: Path, suffix: str, fold: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(fold(CONTENT))
    assert read(path) == CONTENT


@pytest.mark.parametrize(("suffix", "fold"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_several_parts_in_one_file_are_one_content(tmp_path: Path, suffix: str, fold: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(fold(b"one\n") + fold(b"two\n"))
    assert read(path) == b"one\ntwo\n"


@pytest.mark.parametrize(("suffix", "fold"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_a_file_cut_short_anywhere_says_so(tmp_path: Path, suffix: str, fold: Callable[[bytes], bytes]) -> None:
    path, whole = tmp_path / f"a.jsonl{suffix}", fold(CONTENT)
    for length in (1, 5, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidInput, match="is cut short after"):
            read(path)


def test_what_is_not_compressed_as_its_name_says_is_refused(tmp_path: Path) -> None:
    for suffix in (".gz", ".zst"):
        path = tmp_path / f"a.csv{suffix}"
        path.write_bytes(b"type,user_id\n" * 100)
        with pytest.raises(InvalidInput, match="cannot be read after 0 bytes"):
            read(path)


def test_a_bomb_is_not_unfolded(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    parts = [compressor.compress(bytes(1 << 24)) for _part in range(20)]
    (tmp_path / "bomb.jsonl.zst").write_bytes(b"".join([*parts, compressor.flush()]))
    tracemalloc.start()
    passed = 0
    with pytest.raises(InvalidInput, match="unfolds to more than 500 times"):
        for chunk in unfolded(recognise(tmp_path / "bomb.jsonl.zst")):
            passed += len(chunk)
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert passed < 100 << 20
    assert most < 20 << 20


def test_what_is_no_file_to_import_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "a.xlsx").write_bytes(b"x")
    (tmp_path / "a.parquet.gz").write_bytes(b"x")
    (tmp_path / "folder.csv").mkdir()
    for name, reason in {
        "none.csv": "No such file",
        "empty.csv": "is empty",
        "a.xlsx": "does not end in",
        "a.parquet.gz": "unpack it first",
        "folder.csv": "is a directory",
    }.items():
        with pytest.raises(InvalidInput, match=reason) as caught:
            recognise(tmp_path / name)
        assert caught.value.key == str(tmp_path / name)
    with pytest.raises(InvalidInput, match="is no file"):
        recognise(Path("/dev/null"), "csv")


def test_the_form_may_be_said(tmp_path: Path) -> None:
    (tmp_path / "export.dat.gz").write_bytes(gzip.compress(b"x"))
    assert recognise(tmp_path / "export.dat.gz", "csv")[1:] == ("csv", "gzip")
    (tmp_path / "A.CSV").write_bytes(b"x")
    assert recognise(tmp_path / "A.CSV").form == "csv"


def test_a_fingerprint_is_of_every_byte_and_of_nothing_else(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_bytes(CONTENT)
    other.write_bytes(CONTENT)
    assert fingerprint(one) == fingerprint(other)
    middle = len(CONTENT) // 2
    other.write_bytes(CONTENT[:middle] + bytes([CONTENT[middle] ^ 1]) + CONTENT[middle + 1 :])
    assert fingerprint(one) != fingerprint(other)
