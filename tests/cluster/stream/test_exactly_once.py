"""A state machine over all that can happen to the stream: nothing is lost and nothing doubled; and mutants that it has to find.

Producers send, repeat themselves and deliver late; two workers go step by step, exchange partitions, die before or after any
call to the outside, hang, and wake up when a successor is at work. Whenever it settles: durable states are the fold of the log,
once and in order; every event id has been counted once; hot memory shows the same; every change of membership has been
announced once; the sizes of segments are those of a recount.
"""

from functools import cache

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from cluster.stream import showing
from rayce.profile import decode_profile
from rayce.segments.catalogue import Catalogue, load_catalogue
from tests.cluster.stream.mutants import MUTANTS, breaking
from tests.cluster.stream.sender import HOUR_MS, Sender
from tests.cluster.stream.stepped import Stepped
from tests.cluster.stream.world import PARTITIONS, Killed, World

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the killed

people = st.integers(0, 3)
kinds = st.sampled_from(("view", "add_to_cart", "purchase", "search", "remove_from_cart"))
partitions = st.integers(0, PARTITIONS - 1)
workers = st.integers(0, 1)


@pytest.fixture(autouse=True)
def looks_at_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "LOOK_EVERY_S", 0.0)


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


class PromiseBroken(AssertionError):
    """The machine has found what must not be."""


def hold(promise: bool, otherwise: str) -> None:
    if not promise:
        raise PromiseBroken(otherwise)


class ExactlyOnce(RuleBasedStateMachine):
    """See the module."""

    def __init__(self, kind: type[World] = World) -> None:
        super().__init__()
        self.world = kind(catalogue())
        self.sender = Sender(self.world)
        self.workers: list[Stepped] = []
        self.zombies: list[Stepped] = []
        self.unaware: set[int] = set()
        """Partitions that a zombie still believed to own a while after it had woken up."""

    @initialize()
    def begin(self) -> None:
        self.workers = [Stepped(self.world, range(PARTITIONS)), Stepped(self.world, ())]

    # What producers do.

    @rule(who=people, several=st.lists(kinds, min_size=1, max_size=5))
    def produce(self, who: int, several: list[str]) -> None:
        self.sender.send(who, *several)

    @rule(who=people, kind=kinds)
    def come_back_every_other_day(self, who: int, kind: str) -> None:
        """Longer than ids are remembered: only watermarks tell these from a replay."""
        self.sender.send(who, *[kind] * 6, after_ms=30 * HOUR_MS)

    @rule(who=people, kind=kinds, late_h=st.integers(1, 19))
    def reorder(self, who: int, kind: str, late_h: int) -> None:
        self.sender.send(who, kind, late_h=late_h)

    @rule(who=people, back=st.integers(0, 9))
    def duplicate(self, who: int, back: int) -> None:
        self.sender.repeat(who, back)

    @rule(who=people, allowed=st.booleans())
    def decide(self, who: int, allowed: bool) -> None:
        self.sender.decide(who, allowed)

    @rule()
    def garbage(self) -> None:
        self.world.send_raw(b"\xc1")

    # What workers do.

    @rule(which=workers, times=st.integers(1, 4))
    def step(self, which: int, times: int) -> None:
        for _time in range(times):
            self.workers[which].turn()
        self.succeed()

    @rule(which=workers, calls=st.integers(1, 3))
    def flush(self, which: int, calls: int) -> None:
        self.workers[which].flush(calls)
        self.succeed()

    @rule(which=workers)
    def step_and_flush(self, which: int) -> None:
        self.workers[which].turn()
        self.workers[which].flush()
        self.succeed()

    # What happens to workers.

    @rule(which=workers, calls=st.integers(1, 12), after=st.booleans())
    def die_half_way(self, which: int, calls: int, after: bool) -> None:
        """Half a commit, half a flush, half of anything."""
        worker = self.workers[which]
        worker.doom(calls, after)
        for _time in range(2):
            worker.turn()
            worker.flush()
        worker.kill()
        self.succeed()

    @rule(which=workers, who=people)
    def die_before_the_commit(self, which: int, who: int) -> None:
        """All is durable, and the position is not: the successor reads it all again."""
        self.come_back_every_other_day(who, "view")
        self.workers[which].turn()
        self.workers[which].flush()
        self.workers[which].kill()
        self.succeed()

    @rule(which=workers)
    def crash(self, which: int) -> None:
        self.workers[which].kill()
        self.succeed()

    @rule(number=partitions)
    def rebalance(self, number: int) -> None:
        """A partition moves in order: let go by the one, then taken by the other."""
        for giver, taker in (self.workers, self.workers[::-1]):
            if number in giver.claimed():
                giver.worker.release([number])
                giver.work_until_gone(number)
                taker.worker.take([number])
                taker.turn()
                return

    @rule(number=partitions)
    def snatch(self, number: int) -> None:
        """A partition moves without its owner being asked: it has been silent for long, and was taken for dead."""
        for giver, taker in (self.workers, self.workers[::-1]):
            if number in giver.claimed():
                taker.worker.take([number])
                taker.turn()
                giver.process.now_s += 1_000
                giver.work_until_gone(number)
                return

    @precondition(lambda self: len(self.zombies) < 2)
    @rule(which=workers, who=people, more=st.integers(0, 20))
    def hang(self, which: int, who: int, more: int) -> None:
        """In the middle of making something durable; and life goes on."""
        zombie = self.workers[which]
        self.produce(who, ["view"])
        zombie.turn()
        self.zombies.append(zombie)
        self.workers[which] = Stepped(self.world, zombie.claimed())
        self.produce(who, ["view"] * more)

    @precondition(lambda self: self.zombies)
    @rule()
    def wake(self) -> None:
        """A former owner goes on where it was, finds that it is fenced, and lets go of everything."""
        zombie = self.zombies.pop(0)
        zombie.wake()
        for _turn in range(3):
            zombie.turn()
        self.unaware |= zombie.claimed()
        zombie.kill()

    @rule()
    def settle(self) -> None:
        """All that was sent is worked off, and everything has to be right."""
        for worker in self.workers:
            rounds = 0
            while worker.busy or rounds < 3:
                worker.turn()
                worker.flush()
                rounds += 1
        self.succeed()
        self.check()

    def succeed(self) -> None:
        """In place of who has died, another one comes. Nobody may have ended for any other reason."""
        for which, worker in enumerate(self.workers):
            if not worker.alive:
                assert isinstance(worker.error, Killed), worker.error
                self.workers[which] = Stepped(self.world, worker.claimed())

    def check(self) -> None:
        states = self.world.states()
        hold(states == self.world.expected(), "durable states are not the fold of the log")
        counted = {person: decode_profile(state).events for person, state in states.items()}
        kept = {person: count for person, count in counted.items() if count}
        hold(kept == self.sender.counts(), f"counted {kept}, sent {self.sender.counts()}")
        hold(self.world.shown() == {person: states[person] for person in kept}, "hot memory shows something else")
        hold(self.world.announced() == self.world.expected_announcements(), "announced something else")
        claims = [number for worker in self.workers for number in worker.claimed()]
        hold(sorted(claims) == list(range(PARTITIONS)), f"claimed {claims}")
        hold(not self.unaware, f"zombies believe that they own {self.unaware}")
        hold(self.world.sizes() == self.world.recounted_sizes(), "sizes are not those of a recount")

    def teardown(self) -> None:
        """The last owners die as well: what was committed must not need them."""
        try:
            if self.workers:
                self.settle()
                for worker in self.workers:
                    worker.kill()
                self.succeed()
                self.settle()
        finally:
            for each in [*self.zombies, *self.workers]:
                each.kill()


def run(kind: type[World], examples: int, phases: tuple[Phase, ...] = tuple(Phase)) -> None:
    run_state_machine_as_test(
        lambda: ExactlyOnce(kind),
        settings=settings(max_examples=examples, stateful_step_count=40, phases=phases, report_multiple_bugs=False),
    )


def test_whatever_happens_every_event_counts_once_and_is_shown() -> None:
    run(World, 40)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_every_event_counts_once_and_is_shown_at_length() -> None:
    run(World, 500)


@pytest.mark.parametrize("kind", MUTANTS)
def test_control_the_machine_finds_a_stream_that_breaks_a_promise(kind: type[World]) -> None:
    with breaking(kind), pytest.raises((PromiseBroken, Flaky)):
        run(kind, 300, (Phase.generate,))
