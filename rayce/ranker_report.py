"""The report page of a trained ranker: what it scored, how it learned, what it looks at, and how far it can be trusted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from rayce.calibration import Bin, Calibration
from rayce.leak_check import SUSPICIOUS
from rayce.model_files import MANIFEST_FILE, Manifest
from rayce.report_page import Bars, Lines, Part, Report, Table, Text
from rayce.training import Learning, Trained
from rayce.verdict import Verdict


class Findings(NamedTuple):
    """What was measured on what was held out; `looked_at` by place, None where there were no decisions."""

    metrics: dict[str, float]
    learning: Learning
    bins: list[Bin]
    calibration: Calibration
    looked_at: NDArray[np.float64] | None
    telling: dict[str, float]


def ranker_report(made: Trained, found: Findings, against: Verdict) -> Report:
    """The page."""
    parts: list[Part] = [
        Text("Against the live ranker", against.why),
        Table("Metrics", ("metric", "value"), list(made.metrics.items()), "On baskets it was not trained on."),
        made_from(made),
        learning_chart(found.learning),
        Bars(
            "Importance", [(name, 100 * share) for name, share in made.importance.items()], " %", "Share of the gain."
        ),
        reliability_chart(found.bins, "On the later half of what was held out, calibrated on the earlier one."),
    ]
    if found.looked_at is not None:
        curve = [(float(place), float(value)) for place, value in enumerate(found.looked_at, 1)]
        note = "How likely a place is looked at, against the first; a click there weighs the inverse."
        parts.append(Lines("Position bias", "place", "looked at", {"examined": curve}, note=note))
    parts.append(telling_table(found.telling))
    return Report("Ranker", "A LambdaMART model, trained on baskets as they would have been served.", parts)


def made_from(made: Trained) -> Table:
    """What the manifest says of the data and the code."""
    manifest = msgspec.json.decode(made.files[MANIFEST_FILE], type=Manifest)
    rows: list[tuple[str, str | int]] = [
        ("rows", manifest.rows),
        *((f"{origin} trained on", count) for origin, count in manifest.rows_of.items()),
        ("data from", _date(manifest.from_ms)),
        ("until", _date(manifest.until_ms)),
        ("held out from", _date(manifest.held_out_ms[0])),
        ("until ", _date(manifest.held_out_ms[1])),
        ("features", len(manifest.features)),
        ("hash of the features", manifest.features_hash),
        ("code", manifest.code_version),
    ]
    return Table("Made from", ("what", "value"), rows)


def _date(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def learning_chart(learning: Learning) -> Lines:
    """The metric by tree, on what was learned from and on what was held out."""
    lines = {
        part: [(float(tree), value) for tree, value in enumerate(values, 1)]
        for part, by_metric in learning.items()
        for values in by_metric.values()
    }
    metric = next((name for by_metric in learning.values() for name in by_metric), "metric")
    return Lines("Learning", "trees", metric, lines)


def reliability_chart(bins: list[Bin], note: str) -> Lines:
    """What was foretold against what happened."""
    points = [(each.foretold, each.happened) for each in bins]
    return Lines("Calibration", "foretold", "happened", {"share": points}, diagonal=True, note=note)


def telling_table(telling: Mapping[str, float]) -> Table:
    """Each column alone."""
    note = f"Area under the curve of each column alone. From {SUSPICIOUS} on look at it: does it know the future?"
    rows = [(name, area, "look at it" if area >= SUSPICIOUS else "") for name, area in telling.items()]
    return Table("Single columns", ("column", "area", ""), rows, note)
