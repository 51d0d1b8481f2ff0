"""The breaker against a plain model of it, with a clock of our own."""

from hypothesis import given
from hypothesis import strategies as st

from rayce.breaker import SLOW_PATIENCE_S, Breaker

OPEN_S = 0.5


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_it_lets_everybody_through_until_a_failure() -> None:
    breaker = Breaker(Clock(), OPEN_S)
    assert all(breaker.allows() for _ in range(3))
    assert not breaker.is_open


def test_after_a_failure_it_leaves_the_dependency_alone_for_a_moment() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S)
    breaker.failed()
    assert breaker.is_open and not breaker.allows()
    clock.now_s += OPEN_S - 0.01
    assert not breaker.allows()


def test_then_one_may_try_and_the_others_wait_for_its_report() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S)
    breaker.failed()
    clock.now_s += OPEN_S
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    assert breaker.is_open
    breaker.succeeded()
    assert not breaker.is_open and breaker.allows()


def test_one_who_tries_and_never_reports_does_not_close_the_door_for_good() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S)
    breaker.failed()
    clock.now_s += OPEN_S
    assert breaker.allows()
    clock.now_s += OPEN_S
    assert breaker.allows()


def test_with_patience_one_failure_among_successes_opens_nothing() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S, patience_s=0.2)
    for _ in range(10):
        breaker.failed()
        clock.now_s += 0.15
        breaker.succeeded()
        clock.now_s += 0.15
    assert not breaker.is_open and breaker.allows()


def test_with_patience_many_failures_of_one_moment_open_nothing() -> None:
    breaker = Breaker(Clock(), OPEN_S, patience_s=0.2)
    for _ in range(100):
        breaker.failed()
    assert not breaker.is_open


def test_with_patience_failures_and_nothing_else_for_that_long_open_it() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S, patience_s=0.2)
    breaker.failed()
    clock.now_s += 0.2
    breaker.failed()
    assert breaker.is_open and not breaker.allows()


def test_with_patience_a_failed_try_opens_it_again_at_once() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S, patience_s=0.2)
    breaker.failed()
    clock.now_s += 0.2
    breaker.failed()
    clock.now_s += OPEN_S
    assert breaker.allows()
    breaker.failed()
    assert breaker.is_open and not breaker.allows()


@given(st.lists(st.sampled_from(["ask", "failed", "succeeded", "wait", "wait long"]), max_size=60))
def test_it_behaves_as_its_model_says(acts: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S)
    shut_until: float | None = None
    for act in acts:
        if act == "failed":
            breaker.failed()
            shut_until = clock.now_s + OPEN_S
        elif act == "succeeded":
            breaker.succeeded()
            shut_until = None
        elif act.startswith("wait"):
            clock.now_s += OPEN_S / 4 if act == "wait" else 2 * OPEN_S
        else:
            expected = shut_until is None or clock.now_s >= shut_until
            assert breaker.allows() == expected
            if expected and shut_until is not None:
                shut_until = clock.now_s + OPEN_S
        assert breaker.is_open == (shut_until is not None)


def test_what_is_slow_for_a_while_counts_as_away_until_it_is_quick_again() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S, slow_s=0.01)
    breaker.succeeded(0.02)
    assert not breaker.is_open, "one slow call"
    clock.now_s += 1.1 * SLOW_PATIENCE_S
    breaker.succeeded(0.02)
    assert breaker.is_open and not breaker.allows()
    clock.now_s += OPEN_S
    assert breaker.allows()
    breaker.succeeded(0.02)
    assert breaker.is_open, "a slow probe tells that it is slow still"
    breaker.succeeded(0.001)
    assert not breaker.is_open


def test_a_quick_call_among_slow_ones_opens_nothing() -> None:
    clock = Clock()
    breaker = Breaker(clock, OPEN_S, slow_s=0.01)
    for _ in range(5):
        breaker.succeeded(0.02)
        clock.now_s += 0.9 * SLOW_PATIENCE_S
        breaker.succeeded(0.001)
    assert not breaker.is_open
