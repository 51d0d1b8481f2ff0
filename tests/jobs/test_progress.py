from itertools import chain, repeat

import pytest

from jobs.progress import counted


class Clock:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


def test_it_says_how_many_of_how_many_and_when_it_ends() -> None:
    said: list[str] = []
    assert list(counted(range(1024), "events folded", 2048, said.append, Clock())) == list(range(1024))
    assert said == [
        "512 of 2,048 events folded (25 %, 6 s to go)",
        "1,024 of 2,048 events folded (50 %, 4 s to go)",
        "1,024 events folded",
    ]


@pytest.mark.parametrize("total", [None, 0, 3])
def test_a_total_that_is_not_known_or_too_small_is_left_out(total: int | None) -> None:
    said: list[str] = []
    list(counted(range(512), "events folded", total, said.append, Clock()))
    assert said == ["512 events folded", "512 events folded"]


@pytest.mark.parametrize(("left_s", "spoken"), [(60, "60 s"), (600, "10 min"), (9_000, "2.5 h")])
def test_long_times_are_told_in_minutes_and_hours(left_s: int, spoken: str) -> None:
    said: list[str] = []
    ticks = chain([0.0], repeat(float(left_s)))
    list(counted(range(256), "x", 512, said.append, lambda: next(ticks)))
    assert said[0] == f"256 of 512 x (50 %, {spoken} to go)"


def test_nothing_is_said_of_nothing_but_its_end() -> None:
    said: list[str] = []
    assert list(counted([], "events folded", 10, said.append)) == []
    assert said == ["0 events folded"]
