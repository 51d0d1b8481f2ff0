"""The log of decisions: nothing waits for it, nothing is lost while brokers are away for a while, and it stays bounded."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from deployments.edge.decision_log import BATCH, TURN, DecisionLog
from rayce.decision import VERSION, Decision, decode_decision
from rayce.errors import Unavailable
from rayce.metrics import Metrics
from rayce.stores.interfaces import DECISIONS
from rayce.stores.memory_log import MemoryLog

pytestmark = pytest.mark.anyio


def decision(number: int, person: str = "") -> Decision:
    return Decision(
        version=VERSION, decision_id=f"d{number:05}", kind="slot", tenant="shop", at_ms=number, person=person
    )


class Told:
    """A log of decisions on a memory log, and what has come in."""

    def __init__(self, most: int = 10_000) -> None:
        self.broker = MemoryLog(3)
        self.metrics = Metrics()
        self.log = DecisionLog(self.broker, self.metrics, most)

    def tell(self, *numbers: int) -> None:
        for number in numbers:
            self.log.tell(decision(number))

    def written(self) -> list[int]:
        records = [r for partition in range(3) for r in self.broker.read(partition, 0, 99_999, DECISIONS)]
        return sorted(decode_decision(record.value).at_ms for record in records)

    def dropped(self) -> float:
        return sum(count for _labels, count in self.metrics.values("rayce_decisions_dropped_total"))


async def test_what_is_told_is_written_once_by_a_flush() -> None:
    told = Told()
    told.tell(*range(3 * TURN + 1))
    assert told.written() == []
    await told.log.flush()
    await told.log.flush()
    assert told.written() == list(range(3 * TURN + 1))
    assert (told.log.waiting, told.dropped()) == (0, 0)
    assert told.metrics.values("rayce_decisions_total") == [(("slot",), 3 * TURN + 1)]


async def test_a_persons_decisions_are_in_the_partition_of_the_persons_events_and_nobodys_are_spread() -> None:
    told = Told()
    for number in range(60):
        told.log.tell(decision(number, "k1:aa"))
    await told.log.flush()
    assert sum(bool(told.broker.read(p, 0, 1, DECISIONS)) for p in range(3)) == 1
    told.tell(*range(60))
    await told.log.flush()
    assert all(told.broker.read(p, 0, 1, DECISIONS) for p in range(3))


async def test_while_brokers_are_away_decisions_wait() -> None:
    told = Told()
    told.tell(1, 2, 3)
    told.broker.away = True
    await told.log.flush()
    told.tell(4)
    await told.log.flush()
    told.broker.away = False
    await told.log.flush()
    assert (told.written(), told.dropped()) == ([1, 2, 3, 4], 0)
    assert told.metrics.values("rayce_failures_total") == [(("memory",), 2)]


async def test_of_what_is_too_much_the_oldest_goes_and_is_counted() -> None:
    told = Told(most=10)
    told.tell(*range(25))
    assert (told.log.waiting, told.dropped()) == (10, 15)
    told.broker.away = True
    await told.log.flush()
    told.tell(25, 26)
    assert told.dropped() == 17
    told.broker.away = False
    await told.log.flush()
    assert told.written() == list(range(17, 27))


async def test_what_comes_while_a_batch_fails_is_newer_than_the_batch() -> None:
    told = Told(most=4)
    told.tell(1, 2, 3, 4)

    async def fail(topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        told.tell(5, 6)
        raise Unavailable("kafka", "gone")

    with replaced(told, fail):
        await told.log.flush()
    assert told.dropped() == 2
    await told.log.flush()
    assert told.written() == [3, 4, 5, 6]


async def test_telling_never_waits_for_brokers_that_hang() -> None:
    told = Told()
    hanging = asyncio.Event()

    async def hang(topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        await hanging.wait()
        await MemoryLog.write(told.broker, topic, records)

    with replaced(told, hang):
        told.tell(1)
        flushing = asyncio.create_task(told.log.flush())
        await asyncio.sleep(0)
        told.tell(2)
        assert (told.log.waiting, flushing.done()) == (1, False)
        hanging.set()
        await flushing
    assert told.written() == [1]


async def test_a_flush_is_bounded_and_lets_others_work_in_between() -> None:
    told = Told()
    told.tell(*range(BATCH + 5))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while told.log.waiting or not told.written():
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await told.log.flush()
    counting.cancel()
    assert told.log.waiting == 5
    assert turns >= BATCH // TURN - 1


async def test_a_decision_that_cannot_be_encoded_is_dropped_and_the_log_goes_on() -> None:
    told = Told()
    told.log.tell(Decision(version=VERSION, decision_id="\ud800", kind="slot", tenant="shop", at_ms=1))
    await told.log.flush()
    told.tell(2)
    await told.log.flush()
    assert (told.written(), told.dropped()) == ([2], 1)


async def test_it_flushes_by_itself_and_closing_writes_the_rest() -> None:
    told = Told()
    told.log.start(0.001)
    told.tell(1)
    async with asyncio.timeout(10):
        while not told.written():
            await asyncio.sleep(0.001)
    told.tell(*range(2, BATCH + 10))
    await told.log.close()
    assert told.written() == list(range(1, BATCH + 10))
    assert told.log.waiting == 0


async def test_closing_ends_while_brokers_are_away_and_counts_what_is_lost() -> None:
    told = Told()
    told.log.start(60)
    told.tell(1, 2)
    told.broker.away = True
    async with asyncio.timeout(10):
        await told.log.close()
    assert (told.log.waiting, told.dropped()) == (0, 2)


async def test_closing_does_not_cut_off_what_is_under_way() -> None:
    told = Told()
    release = asyncio.Event()

    async def slow(topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        await release.wait()
        await MemoryLog.write(told.broker, topic, records)

    with replaced(told, slow):
        told.log.start(0.001)
        told.tell(1)
        async with asyncio.timeout(10):
            while told.log.waiting:
                await asyncio.sleep(0.001)
            closing = asyncio.create_task(told.log.close())
            await asyncio.sleep(0.01)
            release.set()
            await closing
    assert told.written() == [1]


class replaced:
    """Another way of writing, for a while."""

    def __init__(self, told: Told, write: Callable[..., object]) -> None:
        self._told, self._write = told, write

    def __enter__(self) -> None:
        self._told.broker.write = self._write  # type: ignore[method-assign, assignment]

    def __exit__(self, *_error: object) -> None:
        del self._told.broker.write
