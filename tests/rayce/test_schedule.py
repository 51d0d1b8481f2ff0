from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.batch_settings import Scheduled
from rayce.errors import InvalidSettings
from rayce.schedule import Schedule, parse_schedules
from rayce.settings import load_settings

JOBS = ("build_affinities", "train_ranker")
DAY_S = 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def parsed(**fields: Any) -> Schedule:
    return parse_schedules([Scheduled(**{"job": "build_affinities", "cron": "0 3 * * *", **fields})], JOBS)[0]


def times(schedule: Schedule, first: str, last: str) -> list[str]:
    """When it is due from one moment to another, in UTC."""
    found, moment_s = [], at(first)
    while (due_s := schedule.after(moment_s)) is not None and due_s <= at(last):
        found.append(datetime.fromtimestamp(due_s, UTC).strftime("%d %H:%M"))
        moment_s = due_s
    return found


def test_a_schedule_is_due_by_the_clock_of_its_zone() -> None:
    berlin = parsed(zone="Europe/Berlin")
    assert times(berlin, "2026-01-01T00:00Z", "2026-01-03T00:00Z") == ["01 02:00", "02 02:00"]
    assert times(berlin, "2026-07-01T00:00Z", "2026-07-03T00:00Z") == ["01 01:00", "02 01:00"]


def test_what_falls_into_the_hour_that_summer_time_leaves_out_runs_once_right_after() -> None:
    berlin = parsed(cron="30 2 * * *", zone="Europe/Berlin")
    assert times(berlin, "2026-03-28T12:00Z", "2026-03-30T12:00Z") == ["29 01:00", "30 00:30"]


def test_what_falls_into_the_doubled_hour_runs_once() -> None:
    berlin = parsed(cron="30 2 * * *", zone="Europe/Berlin")
    assert len(times(berlin, "2026-10-24T12:00Z", "2026-10-26T12:00Z")) == 2


def test_a_moment_at_which_it_is_due_is_not_after_itself_but_until_itself() -> None:
    schedule = parsed()
    due_s = at("2026-01-02T03:00Z")
    assert schedule.after(due_s) == due_s + DAY_S
    assert schedule.last_due(due_s - 1, due_s) == due_s
    assert schedule.last_due(due_s, due_s + DAY_S - 1) is None


@given(
    cron=st.sampled_from(["*/7 * * * *", "0 3 * * *", "30 2 * * 0", "15 */5 1,15 * *", "0 0 29 2 *", "5 4 L * *"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 1)),
    minutes=st.integers(0, 60 * 24 * 50),
)
def test_the_last_due_time_is_the_last_of_all_due_times(cron: str, zone: str, start: datetime, minutes: int) -> None:
    schedule = parsed(cron=cron, zone=zone)
    after_s = start.replace(tzinfo=UTC).timestamp()
    until_s = after_s + timedelta(minutes=minutes).total_seconds()
    all_due, moment_s = [], after_s
    while (due_s := schedule.after(moment_s)) is not None and due_s <= until_s:
        assert due_s > moment_s
        all_due.append(due_s)
        moment_s = due_s
    assert schedule.last_due(after_s, until_s) == (all_due[-1] if all_due else None)


def test_years_without_a_scheduler_are_not_walked_through() -> None:
    """A schedule of every minute would otherwise be stepped through five million times: this test would not end in time."""
    assert parsed(cron="* * * * *").last_due(at("2016-01-01T00:00Z"), at("2026-01-01T00:00Z")) == at(
        "2026-01-01T00:00Z"
    )


def test_the_command_runs_the_job_and_quotes_what_is_written() -> None:
    schedule = parsed(name="nightly", tenant="my shop", arguments=("--changed", "; rm -rf /"))
    assert schedule.entrypoint("/etc/rayce settings.yaml") == (
        "python -m jobs.build_affinities --settings '/etc/rayce settings.yaml' --tenant 'my shop' --changed '; rm -rf /'"
    )
    assert parsed().entrypoint("") == "python -m jobs.build_affinities"


@pytest.mark.parametrize(
    ("wrong", "key", "why"),
    [
        ({"job": "os"}, "job", "there is no such job; there are build_affinities, train_ranker"),
        ({"job": "../x"}, "job", "no such job"),
        ({"cron": "61 * * * *"}, "cron", "not a cron expression: Bad minute"),
        ({"cron": "* * * *"}, "cron", "minute, hour, day of month"),
        ({"cron": "* * * * * *"}, "cron", "minute, hour, day of month"),
        ({"cron": "@daily"}, "cron", "minute, hour, day of month"),
        ({"cron": "0 0 30 2 *"}, "cron", ""),
        ({"zone": "Europe/Berlim"}, "zone", "no such time zone"),
        ({"zone": ""}, "zone", "no such time zone"),
        ({"zone": "../../etc/passwd"}, "zone", "no such time zone"),
        ({"arguments": ("--changed", "--tenant=other")}, "arguments[1]", "by itself"),
        ({"name": "a b"}, "name", "letters, digits"),
    ],
)
def test_what_is_wrong_is_named_with_key_and_value(wrong: dict[str, Any], key: str, why: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        parsed(**wrong)
    assert refused.value.key == f"batch.schedules[0].{key}"
    assert refused.value.value in (*wrong.values(), "--tenant=other")
    assert why in str(refused.value)


@given(st.text(alphabet="0123456789*/,-L#WMONabc \n", max_size=16), st.text(max_size=12))
def test_whatever_is_written_is_taken_or_refused_in_words(cron: str, zone: str) -> None:
    try:
        schedule = parsed(cron=cron, zone=zone if zone.isascii() else "UTC")
    except InvalidSettings:
        return
    assert (schedule.after(0.0) or 0) > 0


def test_two_of_one_name_are_refused_and_names_tell_them_apart() -> None:
    twice = [Scheduled("train_ranker", "0 3 * * *", tenant="a"), Scheduled("train_ranker", "0 4 * * *", tenant="a")]
    with pytest.raises(InvalidSettings, match=r"schedules\[1\].name.*there are two of this name"):
        parse_schedules(twice, JOBS)
    named = [twice[0], msgspec.structs.replace(twice[1], name="again")]
    assert [each.name for each in parse_schedules(named, JOBS)] == ["train_ranker-a", "again"]


def test_schedules_are_read_from_the_settings(tmp_path: Any) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(
        """
batch:
  schedules:
    - {job: build_affinities, cron: "0 3 * * *", zone: Europe/Berlin, tenant: shop, resources: {batch: 1}}
    - {job: train_ranker, cron: "0 4 * * 0", arguments: [--source, lake]}
"""
    )
    found = parse_schedules(load_settings(path, {}).batch.schedules, JOBS)
    assert [each.name for each in found] == ["build_affinities-shop", "train_ranker"]
    assert found[0].resources == {"batch": 1}
    assert found[1].arguments == ("--source", "lake")
    path.write_text("batch: {schedules: [{job: build_affinities, corn: x}]}")
    with pytest.raises(InvalidSettings) as refused:
        load_settings(path, {})
    assert refused.value.key.startswith("batch.schedules[0]")
