"""The near reader: one round trip for whom hot memory knows, nothing for the others, and never a wrong list."""

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
        self.hot, self.now_s = MemoryHot(), 0.0
        self.gate = Gate(Breaker(lambda: self.now_s))
        self.reader = NearReader(self.hot, self.gate, lambda: self.now_s)

    def show(self, number: int, consent: int = 3, state: bytes = b"state") -> None:
        self.hot.show([Shown(person(number), state, b"\1\0\0")])
        self.hot.put_back([], {person(number): Consent(consent, 1)})

    async def read(self, number: int, generation: int = 0) -> ReadReply | None:
        return await self.reader.read(ReadAsk(person(number), generation))

    def told(self, number: int, generation: int, found: ReadReply) -> None:
        self.reader.told(ReadAsk(person(number), generation), found)


async def test_whom_hot_memory_knows_is_read_here() -> None:
    bench = Bench()
    bench.show(1)
    bench.hot.show_lists(7, [(person(1), b"list")], 60)
    assert await bench.read(1) == (3, b"state", None)
    assert await bench.read(1, 7) == (3, b"state", b"list")


@pytest.mark.parametrize("generation", [0, 7])
async def test_whom_it_does_not_know_it_cannot_tell_of(generation: int) -> None:
    assert await Bench().read(1, generation) is None


async def test_without_consent_neither_state_nor_list_leaves_it() -> None:
    bench = Bench()
    bench.show(1, consent=6)
    bench.hot.show_lists(7, [(person(1), b"list")], 60)
    assert await bench.read(1, 7) == (6, None, None)


async def test_who_has_no_list_is_known_by_what_the_feature_reader_told_for_a_while() -> None:
    bench = Bench()
    bench.show(1)
    assert await bench.read(1, 7) is None, "there may be a list in durable memory"
    bench.told(1, 7, FAR)
    assert await bench.read(1, 7) == (3, b"state", None)
    assert await bench.read(1, 8) is None, "of another generation there may be one"
    bench.now_s += ABSENT_KEPT_S + 1
    assert await bench.read(1, 7) is None


@pytest.mark.parametrize("found", [FAR._replace(precomputed=b"list"), FAR._replace(purposes=0)])
async def test_who_has_one_or_may_have_one_is_not_taken_for_one_without(found: ReadReply) -> None:
    bench = Bench()
    bench.show(1)
    bench.told(1, 7, found)
    assert await bench.read(1, 7) is None


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
    assert await bench.read(1) is None
    assert bench.gate.is_open
    bench.hot.away = False
    assert await bench.read(1) is None, "still left alone"
    bench.gate.succeeded()
    assert await bench.read(1) == (3, b"state", None)
