"""The report page of a segment's model: what it foretells, how well, and what each threshold comes to."""

from collections.abc import Mapping

import numpy as np

from rayce.calibration import Bin
from rayce.ranker_report import learning_chart, made_from, reliability_chart, telling_table
from rayce.report_page import Bars, Lines, Report, Table
from rayce.thresholds import Held, reached
from rayce.training import Learning, Trained


def segment_report(
    name: str,
    label: str,
    made: Trained,
    thresholds: Mapping[str, float],
    held: Held,
    bins: list[Bin],
    learning: Learning,
    telling: Mapping[str, float],
) -> Report:
    """The page."""
    rows = [(key, threshold, *reached(held, threshold)) for key, threshold in thresholds.items()]
    note = "Chosen on all that was held out; the metrics say what one chosen on its earlier half comes to on the later one."
    return Report(
        f"Model {name}",
        f"Foretells: {label}.",
        [
            Table(
                "Metrics", ("metric", "value"), list(made.metrics.items()), "On events after those it was trained on."
            ),
            made_from(made),
            Table("Thresholds", ("aim", "threshold", "precision", "share of people"), rows, note),
            _tradeoff(held),
            learning_chart(learning),
            reliability_chart(bins, "On what was held out. Of a good model all is on the diagonal."),
            Bars("Importance", [(feature, 100 * share) for feature, share in made.importance.items()], " %"),
            telling_table(telling),
        ],
    )


def _tradeoff(held: Held) -> Lines:
    """Precision and share by threshold."""
    found = [(float(threshold), reached(held, float(threshold))) for threshold in np.linspace(0.05, 0.95, 19)]
    lines = {
        "precision": [(threshold, each.precision) for threshold, each in found if each.share],
        "share of people": [(threshold, each.share) for threshold, each in found],
    }
    return Lines("What a threshold comes to", "threshold", "share", lines)
