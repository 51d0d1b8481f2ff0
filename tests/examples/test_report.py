"""The report and what it takes to be content."""

import io

import msgspec
import pytest
from rich.console import Console

from examples.demo.ledger import Discrepancy
from examples.demo.measurements import Measurements
from examples.demo.report import Report, build_report, show_report


def a_report(measured: Measurements | None = None, found: Discrepancy | None = None) -> Report:
    return build_report(
        measured or Measurements(),
        found or Discrepancy(households=30),
        replay_events_per_s=19_813.33,
        play_s=10.0,
        setup_s={"start": 4.0},
        settings={"weeks": 4},
    )


def test_it_is_content_when_everything_arrived_once_and_nothing_failed() -> None:
    assert a_report().ok()


@pytest.mark.parametrize(
    "found", [Discrepancy(households=30, lost=1), Discrepancy(households=30, doubled=1), Discrepancy(households=0)]
)
def test_it_is_not_content_with_lost_doubled_or_unverified_events(found: Discrepancy) -> None:
    assert not a_report(found=found).ok()


@pytest.mark.parametrize("name", ["failed_requests", "events_rejected", "miscounted", "never_visible"])
def test_it_is_not_content_with_anything_that_failed(name: str) -> None:
    measured = Measurements()
    setattr(measured, name, 1)
    assert not a_report(measured).ok()


def test_it_has_the_form_of_every_benchmark_and_the_promised_names() -> None:
    measured = Measurements()
    measured.request_ms.add(4.0)
    measured.served.update(["live", "live", "global"])
    measured.hits["rayce"].add(["a"], {"a"})
    report = msgspec.json.decode(msgspec.json.encode(a_report(measured)))
    assert set(report) == {"benchmark", "metrics", "settings"}
    metrics = report["metrics"]
    assert metrics["hit_rate_at_10"] == {"rayce": 1.0, "most_popular": None, "bought_before": None}
    assert metrics["request_ms"] == {"p50": 4.0, "p90": 4.0, "p99": 4.0}
    assert (metrics["served"], metrics["live_share"]) == ({"live": 2, "global": 1}, 0.6667)
    assert metrics["replay_events_per_s"] == 19_813.3
    assert {"events_sent", "lost", "doubled", "requests", "failed_requests", "event_to_visible_ms"} < set(metrics)


def test_people_can_read_it() -> None:
    out = io.StringIO()
    show_report(a_report(found=Discrepancy(30, 2, 0, ["hh-1: 5 sent, 3 there"])), Console(file=out, width=100))
    assert "lost · doubled" in out.getvalue()
    assert "✗" in out.getvalue()
    assert "hh-1: 5 sent, 3 there" in out.getvalue()
