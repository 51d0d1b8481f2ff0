"""What a replica asks the proxy to turn away follows from who found no room, and ends by itself."""

from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.turning_away import ENOUGH, LEAST, PATIENCE, TurningAway

COUNTS = st.lists(st.integers(0, 10_000), min_size=3, max_size=3)


def steered(capacity: int, offered: int, intervals: int) -> tuple[TurningAway, int, int]:
    """After so many intervals of `offered` bulk requests, of which a replica can take `capacity`: (it, came, shed)."""
    turning, came, shed = TurningAway(), 0, 0
    for _ in range(intervals):
        came = round(offered * (1.0 - turning.parts()[2]))
        shed = max(0, came - capacity)
        turning.end_interval((0, 0, came), (0, 0, shed))
    return turning, came, shed


def test_while_nobody_is_shed_nothing_is_said() -> None:
    turning = TurningAway()
    for _ in range(5):
        turning.end_interval((10, 10, 10), (0, 0, 0))
        assert turning.header is None


def test_a_few_that_find_no_room_turn_nobody_away() -> None:
    turning = TurningAway()
    for _ in range(5):
        turning.end_interval((20, 20, 20), (ENOUGH - 1, ENOUGH - 1, ENOUGH - 1))
        assert turning.header is None


def test_a_replica_soon_sees_little_more_than_it_can_take() -> None:
    _turning, came, shed = steered(capacity=100, offered=1_000, intervals=30)
    assert 90 <= came <= 110
    assert shed <= 10


def test_only_who_was_shed_is_turned_away() -> None:
    turning = TurningAway()
    for _ in range(PATIENCE):
        assert turning.header is None, "a burst"
        turning.end_interval((100, 100, 100), (0, 3, 90))
    assert turning.header == (b"rayce-turned-away", b"0:0:500")


def test_some_are_always_let_through() -> None:
    turning, came, _shed = steered(capacity=0, offered=10_000, intervals=40)
    assert came == LEAST * 10_000
    assert turning.header == (b"rayce-turned-away", b"0:0:998")


def test_when_there_is_room_again_all_are_welcome_within_four_seconds() -> None:
    turning, _came, _shed = steered(capacity=0, offered=10_000, intervals=40)
    for _ in range(19):  # of a fifth of a second
        turning.end_interval((0, 0, 10), (0, 0, 0))
    assert turning.header is None


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=20))
def test_parts_stay_parts(intervals: list[tuple[list[int], list[int]]]) -> None:
    turning = TurningAway()
    for offered, shed in intervals:
        turning.end_interval(offered, shed)
        assert all(0.0 <= part <= 1.0 - LEAST for part in turning.parts())
