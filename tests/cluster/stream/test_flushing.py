"""The flusher: one flush at a time, tried until it is done, ended by a successor or a bug, never silently."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from cluster.stream import flushing
from cluster.stream.flushing import Flusher
from rayce.errors import Fenced
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import wait_until
from tests.samples import person

WITHIN_S = 30.0
SAVE = Save(person(1), b"state", 1)


@pytest.fixture(autouse=True)
def tries_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flushing, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(flushing, "LONGEST_PAUSE_S", 0.004)


@pytest.fixture
def durable() -> MemoryDurable:
    return MemoryDurable()


@pytest.fixture
def flusher(durable: MemoryDurable) -> Iterator[Flusher]:
    made = Flusher(durable, {0: durable.acquire(0), 1: durable.acquire(1)})
    yield made
    made.stop()


def test_it_says_done_once_everything_is_durable(flusher: Flusher, durable: MemoryDurable) -> None:
    found: list[object] = []
    other = Save(person(2), b"other", 5)
    flusher.flush({0: [SAVE], 1: [other]}, lambda: found.append(set(durable.load_profiles([person(1), person(2)]))))
    assert flusher.wait(WITHIN_S) and flusher.idle
    assert found == [{person(1), person(2)}]


def test_flushing_nothing_is_done_too(flusher: Flusher) -> None:
    done = threading.Event()
    flusher.flush({}, done.set)
    assert flusher.wait(WITHIN_S) and done.is_set()


def test_one_flush_follows_another(flusher: Flusher, durable: MemoryDurable) -> None:
    for n in range(20):
        flusher.flush({0: [Save(person(1), str(n).encode(), n)]}, lambda: None)
        assert flusher.wait(WITHIN_S)
    assert durable.load_profiles([person(1)])[person(1)].state == b"19"


def test_a_store_that_is_away_is_tried_until_it_is_back(flusher: Flusher, durable: MemoryDurable) -> None:
    durable.away = True
    done = threading.Event()
    flusher.flush({0: [SAVE]}, done.set)
    wait_until(lambda: flusher.failing is not None)
    assert not flusher.idle and not done.is_set()
    assert not flusher.wait(0)
    durable.away = False
    assert flusher.wait(WITHIN_S) and done.is_set()
    assert flusher.failing is None


def test_a_successor_ends_it_and_nothing_is_said_to_be_done(flusher: Flusher, durable: MemoryDurable) -> None:
    durable.acquire(0)
    done = threading.Event()
    flusher.flush({0: [SAVE]}, done.set)
    assert flusher.wait(WITHIN_S)
    assert isinstance(flusher.ended, Fenced)
    assert not done.is_set() and not flusher.idle


def test_a_bug_ends_it_and_is_told(flusher: Flusher, durable: MemoryDurable) -> None:
    def broken(partition: int, epoch: int, saves: Sequence[Save]) -> None:
        raise ZeroDivisionError

    durable.save_profiles = broken  # type: ignore[method-assign]
    flusher.flush({0: [SAVE]}, lambda: None)
    assert flusher.wait(WITHIN_S)
    assert isinstance(flusher.ended, ZeroDivisionError)


def test_it_stops_also_while_the_store_is_away(flusher: Flusher, durable: MemoryDurable) -> None:
    durable.away = True
    flusher.flush({0: [SAVE]}, lambda: None)
    flusher.stop()
    assert not flusher._thread.is_alive()
