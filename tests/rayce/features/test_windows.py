"""Counts and sums over windows; by hand, and against a count over all events."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.event import Event, Line
from rayce.features import FEATURES, all_features, windows
from rayce.features.windows import METRICS, WINDOWS, Windows, all_windows
from tests.samples import T0, event, folded, histories

CELL_MS = {"5m": MINUTE_MS, "1h": 5 * MINUTE_MS, "1d": HOUR_MS, "7d": DAY_MS, "30d": DAY_MS}
NOW_MS = T0 + 40 * DAY_MS + 12 * HOUR_MS


def ago(kind: str, ms: int, *lines: Line) -> Event:
    return event(kind, at=NOW_MS - ms, lines=lines)


PROFILE = folded(
    ago("purchase", 35 * DAY_MS, Line("p1", 1, 100.0)),
    ago("purchase", 20 * DAY_MS, Line("p1", 2, 10.0), Line("p2", 1, 5.0)),
    ago("login", 5 * DAY_MS),
    ago("view", 3 * DAY_MS, Line("p1")),
    ago("view", 3 * HOUR_MS, Line("p1")),
    ago("impression", 2 * HOUR_MS),
    ago("search", 30 * MINUTE_MS),
    ago("click", 20 * MINUTE_MS),
    ago("view", 2 * MINUTE_MS, Line("p1")),
    ago("add_to_cart", 90_000, Line("p1")),
    ago("remove_from_cart", 60_000, Line("p1")),
    ago("purchase", 30_000, Line("p3", 4, 2.5)),
    ago("rating", 20_000),
    ago("custom", 0),
)
EXPECTED = {  # 5m, 1h, 1d, 7d, 30d
    "views": (1, 1, 2, 3, 3),
    "clicks": (0, 1, 1, 1, 1),
    "searches": (0, 1, 1, 1, 1),
    "logins": (0, 0, 0, 1, 1),
    "add_to_carts": (1, 1, 1, 1, 1),
    "remove_from_carts": (1, 1, 1, 1, 1),
    "purchases": (1, 1, 1, 1, 2),
    "ratings": (1, 1, 1, 1, 1),
    "impressions": (0, 0, 1, 1, 1),
    "customs": (1, 1, 1, 1, 1),
    "spend": (10, 10, 10, 10, 35),
    "items_bought": (4, 4, 4, 4, 7),
}


def test_values_are_those_computed_by_hand() -> None:
    expected = {f"{m}_{w}": v for m, values in EXPECTED.items() for w, v in zip(WINDOWS, values, strict=True)}
    values = all_features(PROFILE, NOW_MS)
    assert {name: values[name] for name in Windows().numbers} == expected


@pytest.mark.parametrize("window", WINDOWS)
def test_an_event_leaves_a_window_with_its_cell(window: str) -> None:
    """Cells begin at whole minutes, hours and days: T0 is the beginning of a cell of every width."""
    cells = WINDOWS[window][1]
    profile, name = folded(event("view", at=T0)), f"views_{window}"
    read = Windows().numbers[name]
    assert read(profile, T0) == read(profile, T0 + cells * CELL_MS[window] - 1) == 1
    assert read(profile, T0 + cells * CELL_MS[window]) == 0
    late_in_cell = folded(event("view", at=T0 + CELL_MS[window] - 1))
    assert read(late_in_cell, T0 + cells * CELL_MS[window]) == 0, "at most one cell short of the whole window"
    assert read(profile, T0 - 1) == 0, "not before it happened"


def test_a_late_event_counts_in_the_windows_that_it_still_belongs_to() -> None:
    profile = folded(event("view"), event("view", at=T0 - 2 * HOUR_MS), event("view", at=T0 - 40 * DAY_MS))
    values = all_features(profile, T0)
    assert [values[f"views_{window}"] for window in WINDOWS] == [1, 1, 2, 2, 2]


def test_an_event_from_far_ahead_counts_there_and_in_the_end_pushes_the_others_out() -> None:
    """Only a log that others write to can hold one: the edge refuses it (docs/features.md)."""
    profile = folded(event("view"), event("view", at=T0 + 400 * DAY_MS), event("view", at=T0 + 1))
    assert all_features(profile, T0 + 1)["views_30d"] == 2
    assert all_features(profile, T0 + 400 * DAY_MS)["views_30d"] == 1
    many = folded(*(event("view", at=T0 + n * MINUTE_MS) for n in range(60)), start=profile)
    assert all_features(many, T0 + HOUR_MS)["views_30d"] < 62


@given(
    st.lists(st.tuples(st.sampled_from(list(METRICS.values())), st.integers(0, 40 * DAY_MS)), min_size=60, max_size=200)
)
def test_packing_changes_nothing_that_can_be_read(acts: Sequence[tuple[str, int]]) -> None:
    in_order = sorted(acts, key=lambda act: act[1])
    events = [event(kind, at=T0 + at_ms, event_id=f"{n}") for n, (kind, at_ms) in enumerate(in_order)]
    packed = folded(*events)
    with pytest.MonkeyPatch.context() as never:
        never.setattr(windows, "_PACK_AT", 10**6)
        unpacked = folded(*events)
    assert len(packed.states["windows"][1]) <= len(unpacked.states["windows"][1])
    for now_ms in (packed.last_ms, packed.last_ms + 3 * HOUR_MS, packed.last_ms + 9 * DAY_MS):
        assert all_windows(packed, now_ms) == pytest.approx(all_windows(unpacked, now_ms))


@given(st.lists(st.tuples(st.sampled_from(list(METRICS.values())), st.integers(0, 45 * DAY_MS)), max_size=60))
def test_windows_count_what_lies_in_their_cells(acts: Sequence[tuple[str, int]]) -> None:
    profile = folded(*(event(kind, at=T0 + at_ms, event_id=f"{n}") for n, (kind, at_ms) in enumerate(sorted_by(acts))))
    now_ms = max([T0, *(T0 + at_ms for _kind, at_ms in acts)])
    values = all_features(profile, now_ms)
    for metric, kind in METRICS.items():
        for window, (_width, cells) in WINDOWS.items():
            width_ms = CELL_MS[window]
            first_ms = (now_ms // width_ms - cells + 1) * width_ms
            expected = sum(kind == other and T0 + at_ms >= first_ms for other, at_ms in acts)
            assert values[f"{metric}_{window}"] == expected


def sorted_by(acts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """In any order of times that the acts have: the last first, so that all others are late."""
    return sorted(acts, key=lambda act: -act[1])


@given(histories(people=1), st.integers(-3 * DAY_MS, 3 * DAY_MS))
def test_all_at_once_are_the_same_as_one_by_one(history: list[Event], later_ms: int) -> None:
    profile = folded(*history)
    now_ms = profile.last_ms + later_ms
    one_by_one = [FEATURES[name](profile, now_ms) for name in Windows().numbers]
    assert all_windows(profile, now_ms) == pytest.approx(one_by_one)
