"""What is told of the mixed load: failures, percentiles, rungs, and when all was well again."""

from benchmarks.mixed_load import RECOMMENDATIONS, Row, percentile_of, recovered_after_s, rungs_of


def row(due_s: float, took_ms: float = 1.0, status: int = 200, served: str = "live") -> Row:
    return Row(due_s, due_s + took_ms / 1000, RECOMMENDATIONS, status, served)


def test_what_breaks_a_page_is_a_failure() -> None:
    assert [row(0, status=status).failed for status in (0, 200, 404, 429, 500, 503)] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]


def test_percentiles_count_from_the_intended_moment() -> None:
    rows = [row(n, took_ms=n + 1) for n in range(100)]
    assert (percentile_of(rows, 50), percentile_of(rows, 99), percentile_of([], 99)) == (51.0, 100.0, 0.0)


def test_recovery_is_the_last_reply_that_was_not_live() -> None:
    rows = [row(1, served="stale"), row(11, served="stale"), row(12, took_ms=500, served="global"), row(13)]
    assert recovered_after_s(rows, 10.0) == 2.5
    assert recovered_after_s([*rows, row(14, status=503, served="")], 10.0) == 4.0
    assert recovered_after_s([row(1, served="stale"), row(11)], 10.0) == 0.0


def test_rungs_are_of_those_that_told_one() -> None:
    assert rungs_of([row(1), row(2, served="stale"), row(3, served="")]) == {"live": 1, "stale": 1}
