"""When jobs run by themselves: five fields of cron in a time zone, as written in the settings.

`cronsim` tells the times, as Debian's cron does: at the change to summer time what falls into the hour that is left out runs
once right after it, and at the change back what falls into the doubled hour runs once.
"""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

from rayce.batch_settings import Scheduled
from rayce.errors import InvalidSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_FIELDS = 5
_WINDOWS_S = (3_600, 86_400, 32 * 86_400)
OWN_OPTIONS = ("--settings", "--tenant")
"""Options of a job that a schedule sets itself."""


class Schedule(Struct, frozen=True):
    """One job that runs by itself."""

    name: str
    job: str
    cron: str
    zone: str
    tenant: str = ""
    arguments: tuple[str, ...] = ()
    resources: Mapping[str, float] = {}

    def after(self, moment_s: float) -> float | None:
        """The first time it is due after that moment (both in seconds since the epoch); None: never again."""
        return next(self._times(moment_s), None)

    def last_due(self, after_s: float, until_s: float) -> float | None:
        """The last time it was due after one moment and until the other; None: it was not."""
        for window_s in (*_WINDOWS_S, until_s - after_s):  # so that a long time with many is not walked through
            found = None
            for due_s in self._times(max(after_s, until_s - window_s)):
                if due_s > until_s:
                    break
                found = due_s
            if found is not None or until_s - window_s <= after_s:
                return found
        return None

    def entrypoint(self, settings_path: str) -> str:
        """The shell command that runs the job."""
        words = ["python", "-m", f"jobs.{self.job}"]
        words += ["--settings", settings_path] if settings_path else []
        words += ["--tenant", self.tenant] if self.tenant else []
        return shlex.join([*words, *self.arguments])

    def _times(self, moment_s: float) -> Iterator[float]:
        start = datetime.fromtimestamp(moment_s, UTC).astimezone(ZoneInfo(self.zone))
        return (due.timestamp() for due in CronSim(self.cron, start))


def parse_schedules(scheduled: Sequence[Scheduled], jobs: Collection[str]) -> tuple[Schedule, ...]:
    """What the settings say, checked; `jobs` are those there are. `InvalidSettings` names the key and the value."""
    found = tuple(_parsed(f"batch.schedules[{n}]", each, jobs) for n, each in enumerate(scheduled))
    names = [each.name for each in found]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise _wrong(
                f"batch.schedules[{n}].name", name, "there are two of this name; give each schedule of a job its `name`"
            )
    return found


def _parsed(key: str, each: Scheduled, jobs: Collection[str]) -> Schedule:
    if each.job not in jobs:
        raise _wrong(f"{key}.job", each.job, f"there is no such job; there are {', '.join(sorted(jobs))}")
    for n, argument in enumerate(each.arguments):
        if argument.partition("=")[0] in OWN_OPTIONS:
            raise _wrong(f"{key}.arguments[{n}]", argument, "the schedule gives this option by itself")
    _check_zone(f"{key}.zone", each.zone)
    name = each.name or "-".join(filter(None, [each.job, each.tenant]))
    if not _NAME.fullmatch(name):
        raise _wrong(f"{key}.name", name, "a name has letters, digits, `-`, `_` and `.` only")
    schedule = Schedule(name, each.job, each.cron, each.zone, each.tenant, each.arguments, each.resources)
    _check_cron(f"{key}.cron", schedule)
    return schedule


def _check_zone(key: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):  # which of them depends on what is wrong with it
        raise _wrong(key, zone, "there is no such time zone") from None


def _check_cron(key: str, schedule: Schedule) -> None:
    if len(schedule.cron.split()) != _FIELDS:
        raise _wrong(key, schedule.cron, "minute, hour, day of month, month and day of week are wanted")
    try:
        never = schedule.after(0.0) is None
    except (CronSimError, ValueError, OverflowError) as error:
        raise _wrong(key, schedule.cron, f"not a cron expression: {error}") from None
    if never:
        raise _wrong(key, schedule.cron, "this is never due")


def _wrong(key: str, value: object, why: str) -> InvalidSettings:
    return InvalidSettings(f"setting `{key}` is {value!r}: {why}", key, value)
