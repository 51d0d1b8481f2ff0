"""The near reader: one round trip for whom hot memory knows, the feature reader for the others, and never a wrong list."""

import pytest

from deployments.asks import ReadAsk, ReadReply
from deployments.edge.near_reader import ABSENT_KEPT_S, NearReader
from rayce.breaker import Breaker
from rayce.consent import Consent
from rayce.gate import Gate
from rayce.stores.interfaces import Shown
from rayce.stores.memory_hot import MemoryHot
from tests.samples import person

pytestmark = pytest.mark.anyio

FAR = ReadReply(3, b"far", None)


class Bench:
    """A near reader over memory; what it asks far is kept."""

    def __init__(self) -> None:
        self.hot, self.asked, self.now_s = MemoryHot(), [], 0.0  # type: ignore[var-annotated]
        self.answer: ReadReply | None = FAR
        self.gate = Gate(Breaker(lambda: self.now_s))
        self.reader = NearReader(self.hot, self.gate, self.far, lambda: self.now_s)

    async def far(self, ask: ReadAsk) -> ReadReply | None:
        self.asked.append(ask)
        return self.answer

    def show(self, number: int, consent: int = 3, state: bytes = b"state") -> None:
        self.hot.show([Shown(person(number), state, b"\1\0\0")])
        self.hot.put_back([], {person(number): Consent(consent, 1)})

    async def read(self, number: int, generation: int = 0, within_ms: int = 0) -> ReadReply | None:
        return await self.reader.read(ReadAsk(person(number), generation, within_ms))


async def test_whom_hot_memory_knows_is_read_here() -> None:
    bench = Bench()
    bench.show(1)
    bench.hot.show_lists(7, [(person(1), b"list")], 60)
    assert await bench.read(1) == (3, b"state", None)
    assert await bench.read(1, 7) == (3, b"state", b"list")
    assert bench.asked == []


@pytest.mark.parametrize("generation", [0, 7])
async def test_whom_it_does_not_know_the_feature_reader_is_asked_for(generation: int) -> None:
    bench = Bench()
    assert await bench.read(1, generation, 40) == FAR
    assert bench.asked == [ReadAsk(person(1), generation, 40)], "the caller's deadline goes along"


async def test_without_consent_neither_state_nor_list_leaves_it() -> None:
    bench = Bench()
    bench.show(1, consent=6)
    bench.hot.show_lists(7, [(person(1), b"list")], 60)
    assert await bench.read(1, 7) == (6, None, None)
    assert bench.asked == []


async def test_who_has_no_list_is_asked_for_once_in_a_while() -> None:
    bench = Bench()
    bench.show(1)
    assert await bench.read(1, 7) == FAR
    assert await bench.read(1, 7) == (3, b"state", None)
    assert await bench.read(1, 8) == FAR, "of another generation there may be one"
    bench.now_s += ABSENT_KEPT_S + 1
    assert await bench.read(1, 7) == FAR
    assert len(bench.asked) == 3


async def test_a_list_of_one_generation_is_not_given_for_another() -> None:
    bench = Bench()
    bench.show(1)
    bench.hot.show_lists(7, [(person(1), b"seven")], 60)
    bench.hot.show_lists(8, [(person(1), b"eight")], 60)
    assert (await bench.read(1, 8), await bench.read(1, 7)) == ((3, b"state", b"eight"), (3, b"state", b"seven"))


async def test_while_hot_memory_is_away_it_is_left_alone() -> None:
    bench = Bench()
    bench.show(1)
    bench.hot.away = True
    assert await bench.read(1) == FAR
    assert bench.gate.is_open
    bench.hot.away = False
    assert await bench.read(1) == FAR, "still left alone"
    bench.gate.succeeded()
    assert await bench.read(1) == (3, b"state", None)


async def test_what_the_feature_reader_cannot_tell_is_not_known_here_either() -> None:
    bench = Bench()
    bench.answer = None
    assert await bench.read(1) is None
