import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs import blocks as module
from jobs.blocks import kept_blocks, shared_out
from rayce.checkpoint import Checkpoint
from rayce.errors import InvalidArtifact


def times(factor: int, block: int) -> bytes:
    return str(factor * block).encode()


def named(numbers: range) -> Iterator[tuple[str, int]]:
    return ((f"block-{n}", n) for n in numbers)


class FakeTasks:
    """Begins blocks as Ray would; counts those that are under way, and ends them in the reverse order."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0

    def starter(self, make: Callable[[int, int], bytes], shared: int) -> Callable[[int], Callable[[], bytes]]:
        def start(block: int) -> Callable[[], bytes]:
            self.under_way += 1
            self.most = max(self.most, self.under_way)

            def result() -> bytes:
                self.under_way -= 1
                return make(shared, block)

            return result

        return start


@pytest.fixture(params=["here", "by tasks"])
def tasks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeTasks:
    fake = FakeTasks()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if request.param == "by tasks":
        monkeypatch.setenv("RAY_ADDRESS", "auto")
        monkeypatch.setattr(module, "_by_ray", fake.starter)
    return fake


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint.begin(tmp_path, "job", "shop", {}, print)


@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_results_come_in_order_and_no_more_are_under_way_than_allowed(tasks: FakeTasks, count: int) -> None:
    assert list(shared_out(times, range(count), 7, parallel=3)) == [times(7, n) for n in range(count)]
    assert tasks.most <= 3
    assert tasks.under_way == 0


def test_blocks_are_begun_only_as_results_are_taken(tasks: FakeTasks) -> None:
    begun: list[int] = []

    def blocks() -> Iterator[int]:
        for n in range(100):
            begun.append(n)
            yield n

    results = shared_out(times, blocks(), 7, parallel=3)
    next(results)
    assert len(begun) <= 3


def test_what_is_kept_is_not_made_again_and_stands_in_its_place(tasks: FakeTasks, checkpoint: Checkpoint) -> None:
    for n in (0, 3, 4, 9):
        checkpoint.put(f"block-{n}", times(7, n))
    made: list[int] = []

    def make(factor: int, block: int) -> bytes:
        made.append(block)
        return times(factor, block)

    assert list(kept_blocks(make, named(range(10)), 7, 3, checkpoint)) == [times(7, n) for n in range(10)]
    assert made == [1, 2, 5, 6, 7, 8]
    assert list(kept_blocks(make, named(range(10)), 7, 3, checkpoint)) == [times(7, n) for n in range(10)]
    assert len(made) == 6


def test_a_run_that_ends_in_the_middle_has_kept_what_was_done(tasks: FakeTasks, checkpoint: Checkpoint) -> None:
    def fail_at_five(factor: int, block: int) -> bytes:
        if block == 5:
            raise InvalidArtifact("block 5 is wrong")
        return times(factor, block)

    taken = []
    with pytest.raises(InvalidArtifact, match="block 5"):
        for each in kept_blocks(fail_at_five, named(range(10)), 7, 3, checkpoint):
            taken.append(each)
    assert taken == [times(7, n) for n in range(5)]
    assert [checkpoint.get(f"block-{n}") is not None for n in range(7)] == [True] * 5 + [False] * 2


def dies_once(folder: str, block: int) -> bytes:
    """Takes its worker along at the first attempt."""
    mark = Path(folder) / f"died-{block}"
    if block % 2 and not mark.exists():
        mark.touch()
        os._exit(1)
    return times(7, block)


def fails(_shared: str, block: int) -> bytes:
    raise InvalidArtifact(f"block {block} is wrong", "block", block)


@pytest.mark.slow
def test_a_lost_workers_block_is_done_again_and_errors_arrive_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starts Ray by itself."""
    import ray

    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # as a cluster that this process has had has it
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    try:
        assert list(shared_out(dies_once, range(4), str(tmp_path), 2)) == [times(7, n) for n in range(4)]
        assert len(list(tmp_path.iterdir())) == 2
        with pytest.raises(InvalidArtifact, match="block 0 is wrong") as failed:
            list(shared_out(fails, range(2), "", 2))
        assert failed.value.value == 0
    finally:
        ray.shutdown()
