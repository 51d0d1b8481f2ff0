"""The feature reader: many are answered as one is, and one who cannot be read does not hide the others."""

import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.asks import ReadAsk
from deployments.dependency import PATIENCE_S
from deployments.feature_reader import FeatureReader
from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.metrics import Metrics
from rayce.people import HOT_PATIENCE_S, People
from rayce.stores.interfaces import Shown
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.samples import person

pytestmark = pytest.mark.anyio

YES, NO = Consent(3, 1), Consent(6, 1)
NOBODY = (0, None, None)


class Bench:
    """A feature reader over memory stores."""

    def __init__(self, executor: ThreadPoolExecutor, within_s: float = 20.0) -> None:
        self.hot, self.durable, self.now_s = MemoryHot(), MemoryDurable(), 0.0
        self.people = People(self.hot, self.durable, executor, clock=lambda: self.now_s)
        self.reader = FeatureReader(
            self.people, self.hot, self.durable, executor, within_s, Metrics(), lambda: self.now_s
        )

    def show(self, number: int, consent: Consent = YES) -> None:
        self.hot.show([Shown(person(number), b"state%d" % number, b"\1\0\0")])
        self.hot.put_back([], {person(number): consent})


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


async def test_purposes_state_and_list_come_in_the_order_asked_for(bench: Bench) -> None:
    for number in (1, 2, 3):
        bench.show(number)
    bench.hot.show_lists(7, [(person(1), b"hot")], 60)
    bench.durable.save_lists(7, [(person(2), b"durable")])
    bench.durable.save_lists(8, [(person(2), b"other generation")])
    pairs = [(3, 7), (2, 7), (1, 7), (2, 8), (1, 0), (2, 7)]
    asks = [ReadAsk(person(number), generation) for number, generation in pairs]
    assert await bench.reader.read_many(asks) == [
        (3, b"state3", None),
        (3, b"state2", b"durable"),
        (3, b"state1", b"hot"),
        (3, b"state2", b"other generation"),
        (3, b"state1", None),
        (3, b"state2", b"durable"),
    ]


async def test_nobody_asked_for_is_nobody_answered(bench: Bench) -> None:
    assert await bench.reader.read_many([]) == []


async def test_without_consent_neither_state_nor_list_is_read(bench: Bench) -> None:
    bench.show(1, NO)
    asked: list[Collection[str]] = []
    bench.durable.load_lists = lambda generation, persons: asked.append(persons) or {}  # type: ignore[method-assign,assignment,func-returns-value]
    assert await bench.reader.read_many([ReadAsk(person(1), 7), ReadAsk(person(2), 7)]) == [(6, None, None), NOBODY]
    assert asked == []


async def test_a_list_that_cannot_be_read_is_no_list(bench: Bench) -> None:
    bench.show(1)
    bench.durable.away = True
    assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", None)]


async def test_one_who_cannot_be_read_is_said_to_be_unknown_and_the_others_are_not(bench: Bench) -> None:
    """Cause of contextual replies in an outage: unknown looked like "no consent", and the edge took no way of its own."""
    bench.show(1)
    bench.durable.away = True
    assert await bench.reader.read_many([ReadAsk(person(1), 0), ReadAsk(person(2), 0)]) == [(3, b"state1", None), None]


async def test_when_nobody_can_be_read_the_fault_may_be_here(bench: Bench) -> None:
    bench.hot.away = bench.durable.away = True
    with pytest.raises(Unavailable):
        await bench.reader.read_many([ReadAsk(person(1), 0), ReadAsk(person(2), 0)])


async def test_a_bug_is_not_taken_for_a_store_that_is_away(bench: Bench) -> None:
    def bug(persons: Collection[str]) -> dict[str, Consent]:
        raise ZeroDivisionError

    bench.show(1)
    bench.durable.load_consents = bug  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await bench.reader.read_many([ReadAsk(person(1), 0), ReadAsk(person(2), 0)])


async def test_a_durable_memory_that_hangs_holds_nobody_up() -> None:
    let_go = threading.Event()
    with ThreadPoolExecutor(4) as executor:
        bench = Bench(executor, within_s=0.02)
        bench.show(1)
        bench.durable.load_consents = lambda persons: let_go.wait(60) and {}  # type: ignore[method-assign,assignment,return-value]
        bench.durable.load_lists = lambda generation, persons: let_go.wait(60) and {}  # type: ignore[method-assign,assignment,return-value]
        found = await bench.reader.read_many([ReadAsk(person(1), 7), ReadAsk(person(2), 7)])
        let_go.set()
    assert found == [(3, b"state1", None), None]


async def test_a_list_that_comes_too_late_is_no_failure_of_durable_memory() -> None:
    """Cause of contextual replies in an outage: a deadline here opened the breaker of everybody's profiles."""
    let_go = threading.Event()
    with ThreadPoolExecutor(4) as executor:
        bench = Bench(executor, within_s=0.02)
        bench.show(1)
        bench.durable.load_lists = lambda generation, persons: let_go.wait(60) and {}  # type: ignore[method-assign,assignment,return-value]
        for _ in range(3):
            assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", None)]
        let_go.set()
        assert not bench.people.durable_breaker.is_open


async def test_who_has_no_list_is_looked_up_once_a_generation(bench: Bench) -> None:
    """Cause of a durable read for every reply to a new shopper."""
    bench.show(1)
    asked: list[Collection[str]] = []
    load = bench.durable.load_lists
    bench.durable.load_lists = lambda generation, persons: asked.append(persons) or load(generation, persons)  # type: ignore[method-assign,assignment,func-returns-value]
    for generation in (7, 7, 8):
        assert await bench.reader.read_many([ReadAsk(person(1), generation)]) == [(3, b"state1", None)]
    assert len(asked) == 2


async def test_a_list_that_could_not_be_read_is_looked_for_again(bench: Bench) -> None:
    bench.show(1)
    bench.durable.away = True
    assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", None)]
    bench.durable.away = False
    bench.durable.save_lists(7, [(person(1), b"there")])
    while bench.people.durable_breaker.is_open:
        bench.people.durable_breaker.succeeded()
    assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", b"there")]


async def test_a_caller_in_a_hurry_is_not_made_to_wait_for_durable_memory() -> None:
    let_go = threading.Event()
    with ThreadPoolExecutor(4) as executor:
        bench = Bench(executor, within_s=60.0)
        bench.show(1)
        bench.durable.load_consents = lambda persons: let_go.wait(60) and {}  # type: ignore[method-assign,assignment,return-value]
        found = await bench.reader.read_many([ReadAsk(person(1), 0, 20), ReadAsk(person(2), 0, 20)])
        let_go.set()
    assert found == [(3, b"state1", None), None]


async def test_while_hot_memory_is_away_its_lists_are_not_waited_for(bench: Bench) -> None:
    """Cause of 40 ms in each reply while Redis was silent."""
    bench.show(1)
    bench.hot.away = True
    bench.durable.save_consent(person(1), YES)
    asked: list[int] = []
    bench.people.hot_breaker.failed()
    bench.now_s += HOT_PATIENCE_S
    bench.people.hot_breaker.failed()
    bench.hot.read_lists = lambda generation, persons: asked.append(generation)  # type: ignore[method-assign,assignment,func-returns-value]
    assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, None, None)]
    assert asked == []


async def test_lists_that_come_too_late_are_left_alone_for_a_moment() -> None:
    """Cause of 100 ms in each reply to who has no list while DynamoDB was slow."""
    let_go = threading.Event()
    with ThreadPoolExecutor(8) as executor:
        bench = Bench(executor)
        bench.show(1)
        asked: list[int] = []
        bench.durable.load_lists = lambda generation, persons: asked.append(generation) or (let_go.wait(60) and {})  # type: ignore[method-assign,assignment,func-returns-value,return-value]
        for _ in range(2):
            assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", None)]
            bench.now_s += 2 * PATIENCE_S
        assert len(asked) == 2
        for _ in range(3):
            assert await bench.reader.read_many([ReadAsk(person(1), 7)]) == [(3, b"state1", None)]
        let_go.set()
    assert len(asked) == 2
