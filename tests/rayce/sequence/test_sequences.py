"""`rayce.sequence.sequences`."""

from hypothesis import given
from hypothesis import strategies as st

from rayce.sequence.sequences import Sequences

histories = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=8)


@given(histories, st.integers(0, 7))
def test_columns_say_what_the_lists_say(lists: list[list[int]], by: int) -> None:
    sequences = Sequences.of(lists)

    assert [sequences.one(user).tolist() for user in range(sequences.users)] == lists
    shorter = [each[: max(0, len(each) - by)] for each in lists]
    assert sequences.shortened(by).items.tolist() == [item for each in shorter for item in each]
    assert sequences.lengths().tolist() == [len(each) for each in lists]


@given(histories, st.integers(1, 7))
def test_recent_ones_are_the_last_ones(lists: list[list[int]], most: int) -> None:
    recent = Sequences.of(lists).recent(most)

    assert [recent.one(user).tolist() for user in range(recent.users)] == [each[-most:] for each in lists]
