"""What is exported and imported into an empty world gives the same state to the bit, whatever the form of the file."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from msgspec.structs import replace

from rayce.event import CONSENT_CHANGED, ERASED, Event, encode_event
from rayce.exporting.columns import EVENTS
from rayce.exporting.events import Wanted, exported_events
from rayce.exporting.files import write_file
from rayce.stores.interfaces import EVENTS as TOPIC
from tests.imports import World
from tests.samples import T0, event, histories

FORMS = ("a.parquet", "a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.jsonl.zst")


def in_time(events: list[Event]) -> list[Event]:
    """Decisions on consent in order of time, as people make them; all else stays as disordered as it is."""
    return [
        replace(each, timestamp_ms=T0 + at) if each.type in (CONSENT_CHANGED, ERASED) else each
        for at, each in enumerate(events)
    ]


def repeated_long_ago() -> list[Event]:
    """The last one counts, as the fold has forgotten its id."""
    return [
        event("view", "p1", at=T0 + day * 86_400_000, event_id=name)
        for day, name in ((0, "same"), (5, "other"), (9, "same"))
    ]


def world_of(events: list[Event]) -> World:
    world = World()
    world.log.write_all_now(TOPIC, [(each.person.encode(), encode_event(each)) for each in events])
    return world


def moved(source: World, path: Path, form: str) -> World:
    """The world after an export and an import."""
    rows = exported_events(source.records, Wanted("shop"), source.durable.load_consents)
    write_file(path / form, EVENTS, rows)
    target = World()
    report = target.run(path / form, consent=None, now_ms=lambda: 1 << 43, batch_rows=13)
    assert report.broken == ""
    assert report.errors == []
    return target


@pytest.mark.parametrize("form", ["a.parquet", "a.csv", "a.jsonl.zst"])
@given(events=histories(30).map(in_time))
@settings(max_examples=15, phases=[Phase.generate])
def test_state_is_the_same_to_the_bit(form: str, events: list[Event]) -> None:
    source = world_of(events)
    with tempfile.TemporaryDirectory() as folder:
        target = moved(source, Path(folder), form)
    assert target.states() == source.states()


def test_every_field_comes_back_also_what_json_cannot_say(tmp_path: Path) -> None:
    odd = {"nan": float("inf"), "minus": float("-inf"), "int": 1, "float": 1.0, "true": True, "text": 'a"\n,;\t\x00ü'}
    given_ = event("purchase", "p1", "p,2", consent=7, session="ab", context=odd, properties={"n": -(2**53), "x": 0.1})
    for form in FORMS:
        (found,) = moved(world_of([given_]), tmp_path, form).events()
        assert found == given_, form
        assert [type(value) for value in found.context.values()] == [type(value) for value in odd.values()]


def test_a_repeated_id_that_the_fold_counted_twice_long_ago_is_so_again(tmp_path: Path) -> None:
    source = world_of(repeated_long_ago())
    assert moved(source, tmp_path, "a.parquet").states() == source.states()


def test_without_the_places_of_records_such_a_log_would_not_be_the_same(tmp_path: Path) -> None:
    """The negative control of the test above."""
    source = world_of(repeated_long_ago())
    rows = exported_events(source.records, Wanted("shop"), lambda persons: {})
    write_file(tmp_path / "a.jsonl", EVENTS, ({**row, "partition": None, "offset": None} for row in rows))
    target = World()
    assert target.run(tmp_path / "a.jsonl", consent=None).counts.known == 1
    assert target.states() != source.states()


def test_the_same_export_twice_or_two_that_overlap_count_once(tmp_path: Path) -> None:
    source = world_of([event("view", f"p{at}", at=T0 + at * 86_400_000) for at in range(20)])
    target = moved(source, tmp_path, "a.jsonl")
    rows = exported_events(source.records, Wanted("shop", T0 + 5 * 86_400_000), source.durable.load_consents)
    write_file(tmp_path / "b.parquet", EVENTS, rows)
    report = target.run(tmp_path / "b.parquet", consent=None)
    assert (report.counts.events, report.counts.known) == (0, 15)
    assert target.states() == source.states()


def test_what_was_taken_back_is_not_exported(tmp_path: Path) -> None:
    source = world_of(
        [
            event("view", "secret"),
            event("view", "hers", who=2),
            event(CONSENT_CHANGED, consent=0, at=T0 + 1),
            event(CONSENT_CHANGED, consent=1, at=T0 + 2),
            event("view", "later", at=T0 + 3),
            event(ERASED, who=3, at=T0 + 4),
        ]
    )
    target = moved(source, tmp_path, "a.jsonl.zst")
    assert {line.item_id for each in target.events() for line in each.items} == {"hers", "later"}
    assert target.states() == source.states()
    assert target.durable.load_consents([source.events()[0].person])


def test_filters_and_other_tenants(tmp_path: Path) -> None:
    events = [event("view", "p1"), event("purchase", "p2", at=T0 + 5), event("view", "p3", at=T0 + 9, tenant="other")]
    source = world_of(events)
    wanted = Wanted("shop", T0 + 1, T0 + 9, frozenset({"purchase"}))
    assert [row["items"][0]["item_id"] for row in exported_events(source.records, wanted, lambda p: {})] == ["p2"]
    assert list(exported_events(source.records, wanted._replace(until_ms=T0 + 5), lambda p: {})) == []


def test_the_same_log_gives_the_same_bytes(tmp_path: Path) -> None:
    source = world_of([event("view", f"p{at}", who=at % 5) for at in range(50)])
    for form in FORMS:
        moved(source, tmp_path, form)
        first = (tmp_path / form).read_bytes()
        moved(source, tmp_path, form)
        second = (tmp_path / form).read_bytes()
        assert (gzip.decompress(first) == gzip.decompress(second)) if form.endswith(".gz") else first == second


def test_records_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    source = world_of([event("view", "p1")])
    source.log.write_all_now(TOPIC, [(b"k", b"\xc1")])
    rows = list(exported_events(source.records, Wanted("shop"), lambda persons: {}))
    assert len(rows) == 1


def test_an_export_that_does_not_say_its_tenant_is_refused(tmp_path: Path) -> None:
    rows = list(exported_events(world_of([event("view", "p1")]).records, Wanted("shop"), lambda persons: {}))
    stripped = [{name: value for name, value in row.items() if name != "tenant"} for row in rows]
    without = EVENTS.remove(EVENTS.get_field_index("tenant"))
    for form in FORMS:
        write_file(tmp_path / form, without, stripped)
        world = World()
        report = world.run(tmp_path / form, consent=None)
        assert "an exported event says its tenant" in report.broken + "".join(each.reason for each in report.errors)
        assert world.events() == []


def test_a_row_of_another_tenant_among_others_is_refused_alone(tmp_path: Path) -> None:
    source = world_of([event(CONSENT_CHANGED, consent=1), event("view", "p1")])
    rows = list(exported_events(source.records, Wanted("shop"), lambda persons: {}))
    write_file(tmp_path / "a.csv", EVENTS, [{**rows[0], "tenant": "other"}, rows[1]])
    world = World()
    report = world.run(tmp_path / "a.csv", consent=None)
    assert [(each.row, each.column, each.value) for each in report.errors] == [(1, "tenant", "other")]
    assert [each.type for each in world.events()] == ["view"]
    assert not world.durable.load_consents([each.person for each in world.events()]), "nor its decision"
