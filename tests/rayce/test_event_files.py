from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from rayce.errors import InvalidInput
from rayce.event_files import read_event_file, write_event_file


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_what_was_written_is_read_in_order(tmp_path_factory: pytest.TempPathFactory, records: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("events") / "log"
    assert write_event_file(path, records) == len(records)
    assert list(read_event_file(path)) == records


@pytest.mark.parametrize("length", [0, 255, 256, 65_535, 65_536])
def test_every_length_is_written_as_messagepack_writes_it(tmp_path: Path, length: int) -> None:
    write_event_file(tmp_path / "log", [bytes(length)])
    assert (tmp_path / "log").read_bytes() == msgpack.encode(bytes(length))
    assert list(read_event_file(tmp_path / "log")) == [bytes(length)]


def test_a_file_cut_short_says_where(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_event_file(path, [b"first", b"second"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InvalidInput, match="the record at byte 7 is cut short"):
        list(read_event_file(path))


@pytest.mark.parametrize("content", [b'{"type": "view"}', b"\xc6\xff\xff\xff\xff"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(InvalidInput, match="byte 0"):
        list(read_event_file(tmp_path / "log"))
