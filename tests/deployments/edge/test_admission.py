"""Who is let in: the highest priority first, a short queue, nobody twice, and every place is given back."""

import asyncio
import heapq
import random
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.edge.admission import SHOWN_S, Admission
from deployments.edge.capacity import INTERVAL_S, Capacity, Lane
from deployments.edge.priorities import BULK, INTERACTIVE, PREFETCH, Ticket
from rayce.metrics import Metrics

pytestmark = pytest.mark.anyio

WAIT_S = 0.005


class Clock:
    """Time as the test has it; what is due is called when it is moved on."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def __call__(self) -> float:
        return self.now_s

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        heapq.heappush(self._due, (self.now_s + delay, next(self._order), callback))
        return None

    async def pass_s(self, seconds: float, late_s: float = 0.0) -> None:
        """Let time pass; every timer comes `late_s` late."""
        for _ in range(5):  # who has just been started begins now
            await asyncio.sleep(0)
        until_s = self.now_s + seconds
        while self._due and self._due[0][0] <= until_s:
            due_s, _order, callback = heapq.heappop(self._due)
            self.now_s = max(self.now_s, due_s + late_s)
            callback()
        self.now_s = max(self.now_s, until_s)
        for _ in range(5):
            await asyncio.sleep(0)


class Door:
    """An admission with a limit that stays, and its clock."""

    def __init__(self, limit: int = 10, started: bool = True, kind: type[Admission] = Admission) -> None:
        self.clock, self.metrics, self.lane = Clock(), Metrics(), Lane(INTERACTIVE)
        self.admission = kind(Capacity(limit, limit, 10.0), [self.lane], self.metrics, self.clock, WAIT_S, 1)
        if started:
            self.admission.start(self.clock)

    def fill(self, priority: int = INTERACTIVE) -> int:
        """Take all places that there are for the priority."""
        taken = 0
        while self.admission.enter(priority):
            taken += 1
        return taken

    def leave(self) -> None:
        self.admission.leave(self.lane, 0.001)

    def wait(self, priority: int = INTERACTIVE, until_s: float = float("inf")) -> "asyncio.Future[bool]":
        return asyncio.ensure_future(self.admission.wait(Ticket(priority, until_s)))

    def shed(self) -> dict[tuple[str, ...], float]:
        return dict(self.metrics.values("rayce_shed_total"))


async def test_each_priority_has_its_part_of_the_limit() -> None:
    assert [Door(10).fill(priority) for priority in (INTERACTIVE, PREFETCH, BULK)] == [10, 8, 6]
    door = Door(10)
    assert [door.fill(BULK), door.fill(PREFETCH), door.fill(INTERACTIVE)] == [6, 2, 2]


async def test_at_the_smallest_limit_everybody_still_gets_a_turn() -> None:
    for priority in (INTERACTIVE, PREFETCH, BULK):
        door = Door(1)
        assert door.fill(priority) == 1
        door.leave()
        assert door.fill(priority) == 1


async def test_who_waits_is_let_in_as_soon_as_somebody_leaves() -> None:
    door = Door(2)
    door.fill()
    waiting = door.wait()
    await asyncio.sleep(0)
    assert not waiting.done()
    door.leave()
    assert await waiting is True
    assert door.admission.in_flight == 2 and door.shed() == {}


async def test_the_higher_priority_is_let_in_first_whoever_came_first() -> None:
    door = Door(10)
    door.fill()
    bulk, prefetch, interactive = door.wait(BULK), door.wait(PREFETCH), door.wait(INTERACTIVE)
    await asyncio.sleep(0)
    door.leave()
    assert await interactive is True and not bulk.done() and not prefetch.done()
    for _ in range(3):
        door.leave()
    assert await prefetch is True and not bulk.done()
    for _ in range(3):
        door.leave()
    assert await bulk is True


async def test_who_waits_too_long_is_shed_and_a_low_priority_sooner() -> None:
    door = Door(4)
    door.fill()
    interactive, bulk = door.wait(), door.wait(BULK)
    await door.clock.pass_s(WAIT_S * 0.1 + 0.0025)
    assert await bulk is False and not interactive.done()
    await door.clock.pass_s(WAIT_S)
    assert await interactive is False
    assert door.shed() == {("bulk", "waited"): 1, ("interactive", "waited"): 1}


async def test_who_has_less_patience_than_that_is_shed_when_it_is_over() -> None:
    door = Door(1)
    door.fill()
    waiting = door.wait(INTERACTIVE, until_s=door.clock.now_s + 0.002)
    await door.clock.pass_s(0.0035)
    assert await waiting is False
    assert door.shed() == {("interactive", "deadline"): 1}


async def test_a_full_queue_gives_the_last_place_of_the_lowest_priority_to_a_higher_one() -> None:
    door = Door(4)
    door.fill()
    first, last = door.wait(BULK), door.wait(BULK)
    await asyncio.sleep(0)
    assert await door.wait(BULK) is False
    higher = door.wait(INTERACTIVE)
    await asyncio.sleep(0)
    assert await last is False and not first.done() and not higher.done()
    assert door.shed() == {("bulk", "full"): 2}


async def test_a_full_queue_of_equals_sheds_who_comes_last() -> None:
    door = Door(4)
    door.fill()
    waiting = [door.wait(), door.wait()]
    await asyncio.sleep(0)
    assert await door.wait() is False
    assert not any(each.done() for each in waiting)


async def test_before_it_measures_nobody_waits() -> None:
    door = Door(1, started=False)
    door.fill()
    assert await door.wait() is False


async def test_a_caller_that_hangs_up_in_the_queue_takes_no_place() -> None:
    door = Door(4)
    door.fill()
    gone, patient = door.wait(), door.wait()
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    door.leave()
    assert await patient is True
    assert door.admission.in_flight == 4


async def test_a_caller_that_hangs_up_as_it_is_let_in_gives_its_place_back() -> None:
    door = Door(1)
    door.fill()
    waiting = door.wait()
    await asyncio.sleep(0)
    door.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert door.admission.in_flight == 0


async def test_a_loop_that_stays_late_is_noticed_and_told() -> None:
    clock, metrics = Clock(), Metrics()
    admission = Admission(Capacity(5, 1_000, 0.005), [], metrics, clock, WAIT_S)
    admission.start(clock)
    for _ in range(50):
        assert admission.enter(INTERACTIVE)
    assert admission.ticket(INTERACTIVE, None).busy is False
    await clock.pass_s(2.0, late_s=0.03)
    assert dict(metrics.values("rayce_in_flight_limit"))[()] < 50
    assert not admission.enter(INTERACTIVE)
    assert admission.ticket(INTERACTIVE, None).busy is True


async def test_a_loop_in_time_keeps_its_limit() -> None:
    clock, metrics = Clock(), Metrics()
    admission = Admission(Capacity(5, 1_000, 0.005), [], metrics, clock, WAIT_S)
    admission.start(clock)
    await clock.pass_s(2.0)
    assert dict(metrics.values("rayce_in_flight_limit")) == {(): 1_000.0}


async def test_shedding_is_shown_for_a_while() -> None:
    door = Door(1)
    assert door.admission.shedding() == []
    door.admission.shed(BULK, "full")
    assert door.admission.shedding() == ["bulk"]
    await door.clock.pass_s(SHOWN_S + 1)
    assert door.admission.shedding() == []


async def test_a_ticket_says_until_when_its_reply_is_of_use() -> None:
    door = Door()
    assert door.admission.ticket(PREFETCH, None) == Ticket(PREFETCH)
    assert door.admission.ticket(BULK, 80) == Ticket(BULK, door.clock.now_s + 0.08)


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["come", "leave", "later", "hang up"]), st.integers(0, 2)), max_size=80)


async def live_through(steps: Sequence[Step], limit: int, kind: type[Admission] = Admission) -> None:
    """Nobody is over the limit, nobody waits over their time, every place comes back; `AssertionError` if not."""
    door, inside, waiting = Door(limit, kind=kind), 0, list[tuple[float, asyncio.Future[bool]]]()
    for step, priority in steps:
        if step == "come":
            if door.admission.enter(priority):
                inside += 1
            else:
                waiting.append((door.clock.now_s, door.wait(priority)))
        elif step == "leave" and inside:
            inside -= 1
            door.leave()
        elif step == "hang up" and waiting:
            waiting[0][1].cancel()
        await door.clock.pass_s(0.002 if step == "later" else 0.0)
        ended = [each for _since_s, each in waiting if each.done()]
        inside += sum(not each.cancelled() and each.result() for each in ended)
        waiting = [(since_s, each) for since_s, each in waiting if not each.done()]
        assert door.admission.in_flight == inside <= limit
        assert len(waiting) <= max(1, limit)
        assert all(door.clock.now_s - since_s <= WAIT_S + 0.004 for since_s, _each in waiting)
    await door.clock.pass_s(1.0)
    assert all(each.done() for _since_s, each in waiting)
    inside += sum(not each.cancelled() and each.result() for _since_s, each in waiting)
    for _ in range(inside):
        door.leave()
    assert door.admission.in_flight == 0


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(1, 8))
def test_whatever_happens_nobody_is_over_the_limit_and_every_place_comes_back(steps: list[Step], limit: int) -> None:
    asyncio.run(live_through(steps, limit))


class LetsAllIn(Admission):
    """Whoever comes."""

    def enter(self, priority: int) -> bool:
        self.in_flight += 1
        return True


class KeepsPlaces(Admission):
    """Who hangs up while being let in keeps the place."""

    async def wait(self, ticket: Ticket) -> bool:
        before = self.in_flight
        try:
            return await super().wait(ticket)
        except asyncio.CancelledError:
            self.in_flight = max(self.in_flight, before)
            raise


class ForgetsToLetIn(Admission):
    """The next in the queue does not get the place."""

    def _let_in(self) -> None:
        return


class TakesTwo(Admission):
    """Whoever is let in from the queue is counted twice."""

    async def wait(self, ticket: Ticket) -> bool:
        let_in = await super().wait(ticket)
        self.in_flight += let_in
        return let_in


class NeverTiresOfWaiting(Admission):
    """Nobody is sent away from the queue."""

    def _sweep(self) -> None:
        self._sweeping = False
        self._sweep_soon()


class HasRoomForAll(Admission):
    """The queue has no end."""

    def _has_place(self, priority: int) -> bool:
        return True


@pytest.mark.parametrize("kind", [LetsAllIn, KeepsPlaces, TakesTwo, NeverTiresOfWaiting, HasRoomForAll])
def test_control_an_admission_that_breaks_a_promise_is_found(kind: type[Admission]) -> None:
    chance = random.Random(7)

    def steps() -> list[Step]:
        words = chance.choices(["come", "leave", "later", "hang up"], [5, 2, 1, 1], k=60)
        return [(word, chance.randrange(3)) for word in words]

    found = False
    for _ in range(60):
        try:
            asyncio.run(live_through(steps(), chance.randint(1, 8), kind))
        except AssertionError:
            found = True
            break
    assert found


async def test_control_who_is_not_let_in_when_somebody_leaves_is_noticed() -> None:
    door = Door(2, kind=ForgetsToLetIn)
    door.fill()
    waiting = door.wait()
    await asyncio.sleep(0)
    door.leave()
    await asyncio.sleep(0)
    assert not waiting.done(), "and so the test of it above would wait for ever"
    await door.clock.pass_s(1.0)


async def test_where_interactive_is_sent_away_the_others_get_less_and_less_and_it_comes_back() -> None:
    door = Door(100)
    door.fill()
    rooms = []
    for _ in range(12):
        door.admission.shed(INTERACTIVE, "waited")
        await door.clock.pass_s(INTERVAL_S + 0.03)
        rooms.append(door.admission._rooms)
    assert [room[0] for room in rooms] == [100] * 12
    assert rooms[0][1:] == (40, 30) and rooms[-1][1:] == (0, 0)
    await door.clock.pass_s(40 * INTERVAL_S)
    assert door.admission._rooms == (100, 80, 60)


async def test_where_prefetch_is_sent_away_only_bulk_gets_less() -> None:
    door = Door(100)
    door.admission.shed(PREFETCH, "full")
    await door.clock.pass_s(INTERVAL_S + 0.03)
    assert door.admission._rooms == (100, 80, 30)


@pytest.mark.parametrize("reason", ["rate", "deadline"])
async def test_who_is_sent_away_for_another_reason_than_room_takes_none_from_others(reason: str) -> None:
    door = Door(100)
    door.admission.shed(INTERACTIVE, reason)
    await door.clock.pass_s(INTERVAL_S + 0.03)
    assert door.admission._rooms == (100, 80, 60)
