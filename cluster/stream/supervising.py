"""Looks after the workers: how many there are, who owns what, who hangs. All that it knows it has from asking them.

So a supervisor that is lost loses nothing: the next one asks. Two of them, or one that is wrong, cannot do harm either: who
takes a partition fences whoever had it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import structlog

from cluster.stream.scaling import Trend, follow
from cluster.stream.sharing import Claims, share_out
from cluster.stream.telling import Standing
from rayce.settings import StreamSettings

log = structlog.get_logger(__name__)

START_WITHIN_S = 60.0


class Report(NamedTuple):
    """What a worker says of itself: seconds since its loop came round, what it claims, and how its partitions are doing."""

    silent_s: float
    claims: Claims
    standings: Mapping[int, Standing]


class Crew(Protocol):
    """The workers, by name. Nothing here raises because a worker does not answer."""

    def members(self) -> list[str]:
        """Who is there, alive or not."""
        ...

    def ask(self, names: Iterable[str]) -> dict[str, Report | None]:
        """What they say; None of who does not answer in time. Who is known to be dead is left out."""
        ...

    def tell(self, name: str, take: list[int], release: list[int]) -> None:
        """Give and take partitions."""
        ...

    def hire(self, name: str) -> None:
        """Start a worker; harmless if it is there."""
        ...

    def replace(self, name: str) -> None:
        """Kill it; another process of this name follows."""
        ...

    def dismiss(self, name: str) -> None:
        """Stop it in order, for good. It owns nothing any more."""
        ...


class Supervising:
    """One `look` after another, from one thread."""

    def __init__(
        self,
        crew: Crew,
        partitions: int,
        settings: StreamSettings,
        clock: Callable[[], float],
        name_of: Callable[[int], str],
    ) -> None:
        self._crew = crew
        self._partitions = partitions
        self._settings = settings
        self._clock = clock
        self._name_of = name_of
        self._trend: Trend | None = None
        self._heard_s: dict[str, float] = {}
        self._claims: dict[str, Claims] = {}
        self._unknown: set[str] = set()
        """Workers of a former supervisor's that have not said yet what they have."""
        self._began_s = 0.0
        self.halted: dict[int, str] = {}
        """Partitions that are halted, and why."""
        self.complete = False
        """Whether at the last look every partition was owned by a worker that answers."""

    def look(self) -> None:
        """Once: ask all, put right what is not as it should be."""
        now = self._clock()
        members = self._crew.members()
        if self._trend is None:
            self._trend = Trend(len(members))
            self._unknown, self._began_s = set(members), now
        reports = self._crew.ask(members)
        self._take_note(reports, now)
        answers = {name: report for name, report in reports.items() if report is not None}
        self._follow(answers, now)
        wanted = [self._name_of(n) for n in range(self._trend.workers)]
        for name in wanted:
            if name not in members:
                self._crew.hire(name)
                self._heard_s[name] = now + START_WITHIN_S
        self._replace_hanging(reports, now)
        if not self._unknown or now - self._began_s > self._settings.hang_timeout_s:
            self._share_out(answers, wanted)
        for name in answers.keys() - set(wanted):
            if not self._claims[name].wanted and not self._claims[name].leaving:
                log.info("worker_dismissed", worker=name)
                self._crew.dismiss(name)

    def _take_note(self, reports: Mapping[str, Report | None], now: float) -> None:
        """Who is dead claims nothing any more; who does not answer claims what it did."""
        self._claims = {name: self._claims.get(name, Claims()) for name in reports}
        for name, report in reports.items():
            if report is not None:
                self._claims[name] = report.claims
                self._heard_s[name] = now - report.silent_s
            else:
                self._heard_s.setdefault(name, now + START_WITHIN_S)
        self._unknown = {name for name in self._unknown if name in reports and reports[name] is None}

    def _follow(self, answers: Mapping[str, Report], now: float) -> None:
        standings = {n: standing for report in answers.values() for n, standing in report.standings.items()}
        self.halted = {n: standing.halted for n, standing in standings.items() if standing.halted}
        owned = {n for report in answers.values() for n, epoch in report.claims.wanted.items() if epoch}
        self.complete = len(owned) == self._partitions
        lag = sum(standing.lag or 0 for standing in standings.values() if not standing.halted)
        assert self._trend is not None
        before, self._trend = self._trend, follow(self._trend, lag, self._partitions, self._settings, now)
        if before.workers != self._trend.workers:
            log.info("stream_scaled", workers=self._trend.workers, lag_events=lag)

    def _replace_hanging(self, reports: Mapping[str, Report | None], now: float) -> None:
        for name in reports:
            silent_s = now - self._heard_s[name]
            if silent_s > self._settings.hang_timeout_s:
                log.warning("worker_replaced", worker=name, silent_s=silent_s)
                self._heard_s[name] = now + START_WITHIN_S
                self._claims[name] = Claims()
                self._crew.replace(name)

    def _share_out(self, answers: Mapping[str, Report], wanted: list[str]) -> None:
        moves = share_out(self._partitions, self._claims, [name for name in wanted if name in answers])
        for name in answers:
            take, release = moves.take.get(name, []), moves.release.get(name, [])
            if take or release:
                log.info("partitions_moved", worker=name, take=take, release=release)
                self._crew.tell(name, take, release)
