"""Lines out of chunks of any size: as `bytes.split`, but bounded."""

import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rayce.importing.lines import split_lines


def reference(data: bytes, most: int) -> list[bytes | None]:
    found = data.split(b"\n")
    if found[-1] == b"":
        found.pop()
    return [None if len(line) > most else line.removesuffix(b"\r") for line in found]


@given(
    data=st.lists(st.sampled_from([b"a", b"bb", b"\n", b"\r", b"\r\n", b"\0", b"c" * 9]), max_size=60).map(b"".join),
    cuts=st.lists(st.integers(0, 200), max_size=8),
    most=st.integers(0, 12),
)
def test_they_are_those_of_the_whole_text_wherever_it_is_cut(data: bytes, cuts: list[int], most: int) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in pairwise(places)]
    assert list(split_lines(chunks, most)) == reference(data, most)


def test_a_line_of_a_hundred_megabytes_is_passed_over_and_never_held() -> None:

    piece = b"x" * (1 << 20)
    chunks = (piece for _number in range(100))
    tracemalloc.start()
    found = list(split_lines((*chunks, b"\nnext\n")))
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [None, b"next"]
    assert most < 16 << 20
