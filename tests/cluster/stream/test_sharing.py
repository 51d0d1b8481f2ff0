"""Sharing out: every partition has one worker, and no worker much more than another."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.stream.sharing import share_out


@given(st.integers(1, 64), st.integers(1, 80))
def test_every_partition_has_one_worker_and_the_shares_are_even(partitions: int, workers: int) -> None:
    shares = share_out(partitions, workers)
    assert sorted(partition for share in shares for partition in share) == list(range(partitions))
    assert len(shares) == min(partitions, workers)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
