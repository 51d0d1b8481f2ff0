"""How partitions are shared out among workers."""


def share_out(partitions: int, workers: int) -> list[list[int]]:
    """Partition numbers by worker, as even as can be; never more workers than partitions.

    >>> share_out(5, 2)
    [[0, 2, 4], [1, 3]]
    """
    count = min(partitions, workers)
    return [list(range(first, partitions, count)) for first in range(count)]
