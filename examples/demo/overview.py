"""What the overview shows, as plain values: computed here, laid out by the templates."""

from datetime import UTC, datetime
from typing import Any

from examples.demo.clock import MAX_SPEED
from examples.demo.measurements import LISTS, WINDOW, Point
from examples.demo.observer import Observer
from examples.demo.progress import DONE
from examples.demo.report import LABELS
from examples.demo.show import Show
from examples.demo.tables import WEEK_MS

SPEEDS = (1.0, 60.0, 600.0, 3_600.0, 10_000.0, 20_000.0, 50_000.0, 200_000.0, MAX_SPEED)
AWAY_AFTER_S = 2.0


def speed_words(speed: float) -> str:
    """A speed and what it means for a week.

    >>> speed_words(20_000.0), speed_words(1.0), speed_words(MAX_SPEED)
    ('20,000× · a week in 30 s', 'real time', 'as fast as it goes')
    """
    if speed == MAX_SPEED:
        return "as fast as it goes"
    if speed == 1:
        return "real time"
    week_s = WEEK_MS / 1000 / speed
    span = (
        f"{week_s:,.0f} s"
        if week_s < 120
        else f"{week_s / 60:,.0f} min"
        if week_s < 7200
        else f"{week_s / 3600:,.0f} h"
    )
    return f"{speed:,.0f}× · a week in {span}"


def moment(at_ms: int) -> str:
    """A moment of the shop for people, UTC.

    >>> moment(1767225600000)
    'Thu 1 Jan 2026, 00:00'
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M}"


def status(show: Show, observer: Observer | None) -> dict[str, Any]:
    """The head of every page: what is going on, the shop's clock, whether rayce answers."""
    shop, current, play = show.shop, show.progress.current, show.progress.stages["play"]
    clock = shop.clock if shop else None
    away = observer.away_s if observer else None
    return {
        "state": _state(show, away is not None and away > AWAY_AFTER_S),
        "stage": current.title if current and current.name != "play" else "",
        "clock": moment(clock.now_ms()) if clock else None,
        "running": clock.running if clock else True,
        "playable": show.playing_or_after,
        "away_s": away if away is not None and away > AWAY_AFTER_S else None,
        "ended": show.cluster_ended,
        "degraded": [part.name for part in observer.parts if part.up is False]
        if observer and observer.degraded
        else [],
        "failed": show.progress.failed,
        "over": play.state == DONE,
        "weeks": show.weeks,
    }


def speed(show: Show) -> dict[str, Any]:
    """The speed slider."""
    now = show.shop.clock.speed if show.shop else show.options.speed
    place = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - now) if SPEEDS[place] != now else -1)
    return {"places": len(SPEEDS) - 1, "place": place, "words": speed_words(now)}


def overview(show: Show, observer: Observer | None) -> dict[str, Any]:
    """The tiles, bars and lists of the overview."""
    measured = show.measurements
    sizes = observer.segment_sizes() if observer else []
    return {
        "stages": list(show.progress),
        "setting_up": not show.playing_or_after,
        "setup_s": sum(s for name, s in show.progress.seconds().items() if name not in ("play", "verify")),
        "events_per_s": observer.events_per_s if observer else None,
        "lag": observer.stream.lag if observer and observer.stream.known else None,
        "visible_ms": measured.visible_ms.percentiles(WINDOW),
        "request_ms": measured.request_ms.percentiles(WINDOW),
        "hits": [(LABELS[name], measured.hits[name].hit_rate, name) for name in LISTS],
        "scored": measured.hits["most_popular"].baskets,
        "live_share": measured.live_share(personal=False),
        "served": measured.served.most_common(),
        "sent": measured.events_sent,
        "requests": measured.requests,
        "failed": measured.failed_requests,
        "not_stored": measured.not_stored,
        "found": show.found,
        "segments": sizes,
        "largest": max((size for _, size in sizes), default=1),
        "household_count": len(show.shop.households) if show.shop else 0,
        "parts": observer.parts if observer else [],
        "generations": observer.generations if observer else {},
        "dead_letters": observer.stream.dead_letters if observer else 0,
        "play": show.progress.stages["play"],
    }


def series(show: Show, since_s: float) -> dict[str, list[float | None]]:
    """The live charts' columns after `since_s`, by name."""
    points = [point for point in show.measurements.points if point.at_s > since_s]
    return {name: [getattr(point, name) for point in points] for name in Point._fields}


def _state(show: Show, away: bool) -> str:
    play = show.progress.stages["play"]
    if away or show.cluster_ended is not None:
        return "waiting"
    if show.progress.failed:
        return "failed"
    if play.state == DONE:
        return "ended"
    if not show.playing_or_after:
        return "setting up"
    return "playing" if show.shop and show.shop.clock.running else "paused"
