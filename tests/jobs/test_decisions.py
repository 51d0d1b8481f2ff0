"""Where decisions come from: beside the events, or from files of their own."""

from argparse import Namespace
from pathlib import Path

from msgspec.structs import replace

from jobs.decisions import add_decisions, decision_records
from jobs.frame import parser_of
from jobs.pinned_input import PinnedInput
from jobs.sources import Files, LakeEvents
from rayce.decision import Decision, encode_decision
from rayce.lake.reading import open_lake
from tests.jobs.shop import make_job
from tests.rayce.lake.lakes import FROM_MS, a_table, append, encoded, person, settings


def decision(number: int, tenant: str = "shop") -> bytes:
    return encode_decision(
        Decision(
            version=1,
            decision_id=f"d{number}",
            kind="recommendation",
            tenant=tenant,
            at_ms=FROM_MS + number,
            person=person(number),
        )
    )


def test_they_are_read_from_the_lake_where_the_events_are(tmp_path: Path) -> None:
    events, decisions = a_table(tmp_path), a_table(tmp_path, "decisions")
    append(events, 0, encoded(range(5)))
    append(decisions, 0, [decision(1), decision(2, "elsewhere"), decision(3)])
    job = make_job([])
    pinned = PinnedInput(LakeEvents(open_lake(settings(tmp_path)), "shop"), None, lambda _: None)
    job = job._replace(input=pinned, settings=replace(job.settings, lake=settings(tmp_path)))
    assert list(decision_records(job)) == [decision(1), decision(3)]


def test_files_that_are_named_come_before_everything_else(tmp_path: Path) -> None:
    for name, numbers in (("a", (1, 2)), ("b", (3,))):
        (tmp_path / name).write_bytes(b"\n\n".join(decision(number) for number in numbers) + b"\n")
    parser = parser_of("train_ranker", "")
    add_decisions(parser)
    options = parser.parse_args(["--decisions", str(tmp_path / "a"), str(tmp_path / "b")])
    assert list(decision_records(make_job([])._replace(options=options))) == [decision(1), decision(2), decision(3)]


def test_beside_events_from_files_there_are_none(tmp_path: Path) -> None:
    pinned = PinnedInput(Files([]), None, lambda _: None)
    assert list(decision_records(make_job([])._replace(input=pinned, options=Namespace(decisions=None)))) == []
    assert list(decision_records(make_job([]))) == []
