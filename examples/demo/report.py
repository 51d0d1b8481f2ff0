"""The report: what the demo promises, and what was measured."""

from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from examples.demo.ledger import Discrepancy
from examples.demo.measurements import LISTS, Measurements

LABELS = {"rayce": "rayce", "most_popular": "most popular", "bought_before": "bought before"}


class Report(Struct, frozen=True):
    """One run, in the form every benchmark of rayce has."""

    metrics: dict[str, Any]
    settings: dict[str, Any]
    benchmark: str = "demo"

    def ok(self) -> bool:
        """Every event arrived exactly once and no request failed."""
        promised = ("lost", "doubled", "failed_requests", "events_rejected", "never_visible")
        return self.metrics["verified_households"] > 0 and not any(self.metrics[name] for name in promised)


def build_report(
    measured: Measurements,
    found: Discrepancy,
    *,
    replay_events_per_s: float | None,
    play_s: float,
    setup_s: dict[str, float],
    settings: dict[str, Any],
) -> Report:
    """Adds up one run; `found` is the comparison of profiles with accepted events."""
    metrics: dict[str, Any] = {
        "events_sent": measured.events_sent,
        "events_not_stored": measured.not_stored,
        "events_rejected": measured.events_rejected + measured.miscounted,
        "verified_households": found.households,
        "lost": found.lost,
        "doubled": found.doubled,
        "requests": measured.requests,
        "failed_requests": measured.failed_requests,
        "retries_while_loading": measured.retries,
        "baskets": measured.baskets_played,
        "scored_baskets": measured.hits["most_popular"].baskets,
        "hit_rate_at_10": {name: _rounded(measured.hits[name].hit_rate) for name in LISTS},
        "precision_at_10": {name: _rounded(measured.hits[name].precision) for name in LISTS},
        "recall_at_10": {name: _rounded(measured.hits[name].recall) for name in LISTS},
        "served": dict(measured.served.most_common()),
        "live_share": _rounded(measured.live_share(personal=False)),
        "live_share_with_consent": _rounded(measured.live_share(personal=True)),
        "event_to_visible_ms": measured.visible_ms.percentiles(),
        "never_visible": measured.never_visible,
        "request_ms": measured.request_ms.percentiles(),
        "replay_events_per_s": _rounded(replay_events_per_s, 1),
        "baskets_per_s": _rounded(measured.baskets_played / play_s if play_s else None, 1),
        "play_s": round(play_s, 1),
        "setup_s": setup_s,
        "examples": [*found.examples, *measured.failures],
    }
    return Report(metrics, settings)


def show_report(report: Report, console: Console) -> None:
    """Prints the report for people."""
    metrics = report.metrics
    lists = Table(
        title="How often ten recommendations contained something of the basket that followed", title_justify="left"
    )
    for heading in ("list", "hit rate", "precision", "recall"):
        lists.add_column(heading, justify="left" if heading == "list" else "right")
    for name in LISTS:
        rates = (metrics[f"{kind}_at_10"][name] for kind in ("hit_rate", "precision", "recall"))
        lists.add_row(LABELS[name], *(_percent(rate) for rate in rates), style="bold" if name == "rayce" else "")
    console.print(lists)
    facts = Table(show_header=False, title="What was promised", title_justify="left")
    for label, value, good in _facts(metrics):
        facts.add_row(label, value, {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}[good])
    console.print(facts)
    for line in metrics["examples"]:
        console.print(f"  {line}", style="red", markup=False)


def _facts(metrics: dict[str, Any]) -> list[tuple[str, str, bool | None]]:
    hits, live = metrics["hit_rate_at_10"], metrics["live_share"]
    better = None if None in (hits["rayce"], hits["most_popular"]) else hits["rayce"] > hits["most_popular"]
    return [
        (
            "events sent",
            f"{metrics['events_sent']:,} ({metrics['events_not_stored']:,} without consent, not stored)",
            None,
        ),
        ("lost · doubled", f"{metrics['lost']} · {metrics['doubled']}", not (metrics["lost"] or metrics["doubled"])),
        ("refused events", str(metrics["events_rejected"]), not metrics["events_rejected"]),
        (
            "requests · failed",
            f"{metrics['requests']:,} · {metrics['failed_requests']}",
            not metrics["failed_requests"],
        ),
        ("better than most popular", f"{_percent(hits['rayce'])} against {_percent(hits['most_popular'])}", better),
        ("replies ranked live", _percent(live), None if live is None else live > 0.95),
        ("event to visible", _latencies(metrics["event_to_visible_ms"]), not metrics["never_visible"]),
        ("recommendation", _latencies(metrics["request_ms"]), None),
        ("past loaded at", _rate(metrics["replay_events_per_s"], "events/s"), None),
        ("played at", _rate(metrics["baskets_per_s"], "baskets/s"), None),
    ]


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _rate(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:,.0f} {unit}"


def _latencies(values: dict[str, float | None]) -> str:
    return " · ".join(f"{name} {'–' if ms is None else f'{ms:.1f} ms'}" for name, ms in values.items())
