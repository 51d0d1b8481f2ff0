"""The page of a dry run: no name is cut, every note is there, and what is left out is counted."""

from io import StringIO

from rich.console import Console

from rayce.dry_run_page import MOST_OVERLAPS, show
from rayce.segments.dry_run import DryRun, Trial, TrialOverlap
from tests.samples import T0


def page(found: DryRun) -> str:
    text = StringIO()
    show(found, Console(file=text, width=80))
    return text.getvalue()


def test_names_numbers_and_notes_are_shown_in_full() -> None:
    trials = [Trial(f"a_segment_of_a_long_name_{n}", n, "rule", 1_000, 900, 50, 150, "as they are") for n in range(2)]
    text = page(DryRun(12_345, T0, trials, []))
    for word in (
        "a_segment_of_a_long_name_0",
        "1,000",
        "900",
        "50",
        "150",
        "12,345 people",
        "2026-01-01",
        "as they are",
    ):
        assert word in text
    assert "…" not in text and "overlaps" not in text


def test_of_many_overlaps_the_strongest_are_shown_and_the_others_counted() -> None:
    pairs = [TrialOverlap(f"one{n}", "other", 5, 0.5) for n in range(MOST_OVERLAPS + 3)]
    text = page(DryRun(1, T0, [], pairs))
    assert "one0" in text and "50.0%" in text and f"one{MOST_OVERLAPS}" not in text and "3 pairs more" in text
