"""The flusher: one flush at a time, tried until it is done, ended by a successor or a bug, never silently."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from cluster.stream import flushing
from cluster.stream.flushing import Flusher
from cluster.stream.folding import Due, Marks, Move
from cluster.stream.partition import Partition
from rayce.errors import Fenced
from rayce.segments.tally import Tally
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import wait_until
from tests.samples import person

WITHIN_S = 30.0
SAVE = Save(person(1), b"state", 1)


def due(*saves: Save) -> Due:
    return Due([], list(saves), {})


@pytest.fixture(autouse=True)
def tries_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(flushing, "LONGEST_PAUSE_S", 0.004)


@pytest.fixture
def durable() -> MemoryDurable:
    return MemoryDurable()


@pytest.fixture
def owned(durable: MemoryDurable) -> list[Partition]:
    return [Partition(n, durable.acquire(n).epoch, Tally(), 0, 100) for n in range(2)]


@pytest.fixture
def flusher(durable: MemoryDurable) -> Iterator[Flusher]:
    made = Flusher(durable, lambda: 0)
    yield made
    made.stop()


def test_it_says_done_once_everything_is_durable(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    found: list[object] = []
    other = Save(person(2), b"other", 5)
    flusher.flush(
        {owned[0]: due(SAVE), owned[1]: due(other)},
        lambda fenced: found.append(set(durable.load_profiles([person(1), person(2)]))),
    )
    assert flusher.wait(WITHIN_S) and flusher.idle
    assert found == [{person(1), person(2)}]


def test_flushing_nothing_is_done_too(flusher: Flusher) -> None:
    done = threading.Event()
    flusher.flush({}, lambda fenced: done.set())
    assert flusher.wait(WITHIN_S) and done.is_set()


def test_one_flush_follows_another(flusher: Flusher, durable: MemoryDurable, owned: list[Partition]) -> None:
    for n in range(20):
        flusher.flush({owned[0]: due(Save(person(1), str(n).encode(), n))}, lambda fenced: None)
        assert flusher.wait(WITHIN_S)
    assert durable.load_profiles([person(1)])[person(1)].state == b"19"


def test_a_store_that_is_away_is_tried_until_it_is_back(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    durable.away = True
    done = threading.Event()
    flusher.flush({owned[0]: due(SAVE)}, lambda fenced: done.set())
    wait_until(lambda: flusher.failing is not None)
    assert not flusher.idle and not done.is_set()
    assert not flusher.wait(0)
    durable.away = False
    assert flusher.wait(WITHIN_S) and done.is_set()
    assert flusher.failing is None


def test_a_partition_that_has_a_successor_is_told_and_the_others_are_saved(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    durable.acquire(0)
    told: list[Fenced] = []
    flusher.flush({owned[0]: due(SAVE), owned[1]: due(Save(person(2), b"mine", 1))}, told.extend)
    assert flusher.wait(WITHIN_S) and flusher.idle and flusher.ended is None
    assert [(error.partition, error.epoch) for error in told] == [(0, 1)]
    assert set(durable.load_profiles([person(1), person(2)])) == {person(2)}


def test_where_nothing_is_due_it_is_made_sure_that_the_partition_is_still_ours(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    durable.acquire(1)
    told: list[Fenced] = []
    flusher.flush({owned[0]: due(), owned[1]: due()}, told.extend)
    assert flusher.wait(WITHIN_S)
    assert [error.partition for error in told] == [1]


def test_a_tally_that_changes_is_saved_with_what_changes_it_and_with_nothing_else(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    calls: list[tuple[int, bool]] = []
    original = durable.save_profiles

    def watched(partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        calls.append((len(saves), tally is not None))
        original(partition, epoch, saves, tally)

    durable.save_profiles = watched  # type: ignore[method-assign]
    saves = [Save(person(n), b"x", n) for n in range(300)]
    moves = {person(n): Move("shop", Marks(), Marks(1, ((5, 10**9),))) for n in range(120)}
    flusher.flush({owned[0]: Due([], saves, moves)}, lambda fenced: None)
    assert flusher.wait(WITHIN_S)
    assert calls == [(99, True), (21, True), (180, False)]
    tally = Tally.from_bytes(durable.acquire(0).tally)
    assert (tally.size(0, 0, "shop"), tally.size(5, 0, "shop")) == (120, 120)
    assert owned[0].durable_tally == tally.to_bytes()


def test_a_bug_ends_it_and_is_told(flusher: Flusher, durable: MemoryDurable, owned: list[Partition]) -> None:
    def broken(partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        raise ZeroDivisionError

    durable.save_profiles = broken  # type: ignore[method-assign]
    flusher.flush({owned[0]: due(SAVE)}, lambda fenced: None)
    assert flusher.wait(WITHIN_S)
    assert isinstance(flusher.ended, ZeroDivisionError)


def test_it_stops_also_while_the_store_is_away(
    flusher: Flusher, durable: MemoryDurable, owned: list[Partition]
) -> None:
    durable.away = True
    flusher.flush({owned[0]: due(SAVE)}, lambda fenced: None)
    flusher.stop()
    assert not flusher._thread.is_alive()
