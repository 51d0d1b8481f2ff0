"""A person is read near, then far, then by the edge itself, and nobody waits for what is known to be away."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.asks import ReadAsk, ReadReply
from deployments.edge.near_reader import NearReader
from deployments.edge.person_reader import FAR_SHARE, STORES_SHARE, PersonReader
from rayce.breaker import Breaker
from rayce.consent import Consent
from rayce.gate import Gate
from rayce.stores.interfaces import Shown
from tests.deployments.shop import Shop, shop_settings
from tests.samples import person

pytestmark = pytest.mark.anyio

FAR = ReadReply(3, b"far", b"list")
DEADLINE_S = 0.1


class Bench:
    """A shop's edge that reads near; the far reader does what it is told and keeps what it was asked."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.shop, self.now_s = Shop(executor, shop_settings(read_deadline_ms=int(1000 * DEADLINE_S))), 0.0
        self.asked: list[ReadAsk] = []
        self.far: ReadReply | Exception | None = FAR
        self.far_hangs = False
        near = NearReader(self.shop.hot, Gate(Breaker(lambda: self.now_s)), lambda: self.now_s)
        self.reader = PersonReader(self.shop.edge._replace(near=near, read=self._far), lambda: self.now_s)

    async def _far(self, ask: ReadAsk) -> ReadReply | None:
        self.asked.append(ask)
        if self.far_hangs:
            await asyncio.Event().wait()
        if isinstance(self.far, Exception):
            raise self.far
        return self.far

    def show(self, number: int) -> None:
        self.shop.hot.show([Shown(person(number), b"near", b"\1\0\0")])
        self.shop.hot.put_back([], {person(number): Consent(3, 1)})

    async def read(self, number: int, generation: int = 0, deadline_s: float = DEADLINE_S) -> ReadReply | None:
        return await self.reader.read(person(number), generation, deadline_s)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


async def test_whom_hot_memory_knows_nobody_else_is_asked_for(bench: Bench) -> None:
    bench.show(1)
    assert await bench.read(1) == (3, b"near", None)
    assert bench.asked == []


async def test_whom_it_does_not_know_the_feature_reader_is_asked_for_with_a_part_of_the_time(bench: Bench) -> None:
    assert await bench.read(1, 7) == FAR
    assert bench.asked == [ReadAsk(person(1), 7, int(STORES_SHARE * FAR_SHARE * DEADLINE_S * 1000))]


async def test_that_somebody_has_no_list_is_remembered(bench: Bench) -> None:
    bench.show(1)
    bench.far = ReadReply(3, b"far", None)
    assert [await bench.read(1, 7) for _ in range(2)] == [bench.far, (3, b"near", None)]


async def test_where_the_feature_reader_cannot_tell_the_edge_reads_itself(bench: Bench) -> None:
    bench.show(1)
    for bench.far in (None, ConnectionError("died")):
        assert await bench.read(1, 7) == (3, b"near", None)


async def test_that_others_are_known_near_does_not_hide_that_the_feature_reader_is_away(bench: Bench) -> None:
    """Cause of pages that waited for a dead reader: each near answer passed for one of the reader."""
    bench.show(1)
    bench.far_hangs = True
    for _ in range(3):
        await bench.read(2, 7)
        bench.now_s += 0.06
        assert await bench.read(1) == (3, b"near", None)
    assert len(bench.asked) == 2, "the third is turned away"


async def test_who_has_hardly_any_time_left_gets_no_answer_rather_than_a_late_one(bench: Bench) -> None:
    assert await bench.read(1, 7, 0.001) is None
    assert bench.asked == []
    assert 'rayce_failures_total{dependency="stores"} 1' in bench.shop.edge.metrics.text()
