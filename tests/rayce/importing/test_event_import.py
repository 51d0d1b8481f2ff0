"""Imports that are killed, repeated and overlapped: every row is counted once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.importing.mapping import EventMapping, parse_mapping
from tests.imports import NAMES, TENANT, Flaky, Killed, World, at_step, away, history, lines

BASKETS = """
user_id: customer
type: {constant: purchase}
timestamp: when
group_by: basket
items: {item_id: sku}
"""


def most_often(world: World) -> int:
    return max(Counter((event.person, event.event_id) for event in world.events()).values(), default=0)


def once(rows: list[dict[str, Any]], path: Path) -> dict[str, bytes]:
    """The states after an import that nothing happened to."""
    world = World()
    assert not world.run(lines(path / "undisturbed.jsonl", rows)).broken
    return world.states()


class TestKilled:
    @pytest.mark.parametrize("error", [Killed(), away()], ids=["killed", "unavailable"])
    def test_at_any_step_and_run_again_it_goes_on_and_counts_every_row_once(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        rows = history(rows=24)
        file, expected = lines(tmp_path / "a.jsonl", rows), once(rows, tmp_path)
        number = 0
        while True:
            world = World()
            step = at_step(number, error)
            try:
                world.run(file, step, Flaky(world.durable, step), batch_rows=5)
            except (Killed, Unavailable):
                report = world.run(file, batch_rows=5)
                assert not report.broken
                assert report.counts.rows == 24
                assert world.states() == expected, number
                assert most_often(world) == 1
            else:
                break
            number += 1
        assert number > 40

    def test_a_mutant_that_does_not_look_into_the_log_counts_twice(self, tmp_path: Path) -> None:
        rows = history(users=1, rows=24)
        file, expected = lines(tmp_path / "a.jsonl", rows), once(rows, tmp_path)
        world = World()
        with pytest.raises(Killed):
            world.run(file, at_step(15, Killed()), batch_rows=8)
        world.run(file, batch_rows=8, settles=False)
        assert most_often(world) == 2
        assert world.states() != expected, "the fold's own memory of ids does not reach so far"

    def test_twice_at_different_steps(self, tmp_path: Path) -> None:
        rows = history(rows=24)
        file, expected = lines(tmp_path / "a.jsonl", rows), once(rows, tmp_path)
        for first in range(0, 30, 3):
            for second in range(0, 20, 3):
                world = World()
                for number in (first, second):
                    step = at_step(number, Killed())
                    with pytest.raises(Killed):
                        world.run(file, step, Flaky(world.durable, step), batch_rows=5)
                world.run(file, batch_rows=4)
                assert world.states() == expected, (first, second)

    def test_another_file_with_the_same_rows_knows_what_the_killed_one_wrote(self, tmp_path: Path) -> None:
        rows = history(rows=24)
        world = World()
        with pytest.raises(Killed):
            world.run(lines(tmp_path / "a.jsonl", rows), at_step(13, Killed()), batch_rows=5)
        world.run(lines(tmp_path / "b.jsonl", rows[3:]), batch_rows=5)
        world.run(tmp_path / "a.jsonl", batch_rows=5)
        assert most_often(world) == 1
        assert len(world.events()) == 24

    def test_a_log_that_is_away_for_a_moment_ends_nothing(self, tmp_path: Path) -> None:
        rows = history(rows=24)
        file, expected = lines(tmp_path / "a.jsonl", rows), once(rows, tmp_path)
        for number in range(20):
            world = World()
            assert not world.run(file, at_step(number, away()), tries=3, batch_rows=5).broken
            assert world.states() == expected
            assert most_often(world) == 1

    def test_what_others_write_meanwhile_is_no_matter(self, tmp_path: Path) -> None:
        world = World()
        with pytest.raises(Killed):
            world.run(lines(tmp_path / "a.jsonl", history(rows=24)), at_step(7, Killed()), batch_rows=5)
        world.log.write_all_now("rayce.events", [(b"k", b"not an event"), (None, b"")])
        world.run(tmp_path / "a.jsonl", batch_rows=5)
        assert sum(b"not" not in record.value and record.value != b"" for record in world.records()) == 24


class TestRepeated:
    def test_the_same_file_is_known_by_its_content_under_any_name(self, tmp_path: Path) -> None:
        world = World()
        world.run(lines(tmp_path / "a.jsonl", history()))
        assert world.run(lines(tmp_path / "again.jsonl", history())).was_complete
        assert len(world.events()) == 40

    def test_again_reads_it_once_more_and_still_counts_nothing_twice(self, tmp_path: Path) -> None:
        world = World()
        world.run(lines(tmp_path / "a.jsonl", history()))
        report = world.run(tmp_path / "a.jsonl", again=True, batch_rows=3)
        assert (report.counts.events, report.counts.known) == (0, 40)
        assert len(world.events()) == 40

    def test_a_row_that_stands_in_two_files_is_counted_once_however_long_ago(self, tmp_path: Path) -> None:
        world, rows = World(), history(rows=60)
        world.run(lines(tmp_path / "a.jsonl", rows[:40]), batch_rows=6)
        report = world.run(lines(tmp_path / "b.jsonl", rows[20:]), batch_rows=7)
        assert (report.counts.events, report.counts.known) == (20, 20)
        assert world.states() == once(rows, tmp_path)

    def test_equal_rows_are_one_event_unless_the_mapping_goes_by_their_place(self, tmp_path: Path) -> None:
        rows = [{"customer": "ada", "when": "2026-01-01", "sku": "p1"}] * 3
        file = lines(tmp_path / "a.jsonl", rows)
        text = BASKETS.replace("group_by: basket\n", "")
        for identity, count in (("content", 1), ("position", 3)):
            world = World()
            mapping = parse_mapping(f"{text}identity: {identity}", EventMapping)
            assert world.run(file, mapping=mapping).counts.events == count
            world.run(file, mapping=mapping, again=True)
            assert len(world.events()) == count

    def test_an_id_that_the_file_brings_stays(self, tmp_path: Path) -> None:
        world = World()
        world.run(lines(tmp_path / "a.jsonl", [{**row, "event_id": f"e{at}"} for at, row in enumerate(history())]))
        assert {event.event_id for event in world.events()} == {f"e{at}" for at in range(40)}

    def test_ids_do_not_depend_on_the_file_or_its_form(self, tmp_path: Path) -> None:
        rows, one, other = history(rows=6), World(), World()
        one.run(lines(tmp_path / "a.jsonl", rows))
        other.run(lines(tmp_path / "b.jsonl", rows[::-1]))
        assert {event.event_id for event in one.events()} == {event.event_id for event in other.events()}


class TestErrors:
    def test_good_rows_go_through_and_each_bad_one_is_told_with_file_row_column_and_value(self, tmp_path: Path) -> None:
        rows = history(rows=4)
        rows[1]["items"][0]["price"] = -1
        rows[2]["colour"] = "red"
        told: list[Any] = []
        file = lines(tmp_path / "a.jsonl", rows)
        world = World()
        report = world.run(file, tell=told.append)
        assert (report.counts.events, report.counts.refused) == (2, 2)
        assert [(each.file, each.row, each.column) for each in told] == [
            (str(file), 2, "items[0].price"),
            (str(file), 3, "colour"),
        ]
        assert told[0].value == -1

    def test_a_column_is_named_as_it_stands_in_the_file(self, tmp_path: Path) -> None:
        told: list[Any] = []
        mapping = parse_mapping(BASKETS, EventMapping)
        rows = [{"customer": "ada", "when": "2026-01-01", "basket": 1, "sku": "x" * 200}]
        World().run(lines(tmp_path / "a.jsonl", rows), mapping=mapping, tell=told.append)
        assert [(each.row, each.column) for each in told] == [(1, "sku")]

    @pytest.mark.parametrize("most", [0, 1, 2, 5])
    def test_max_errors_stops_there_and_the_next_run_goes_on_behind(self, tmp_path: Path, most: int) -> None:
        rows = history(rows=40)
        for at in (3, 4, 11, 12, 13, 30):
            rows[at]["type"] = "unheard of"
        file = lines(tmp_path / "a.jsonl", rows)
        world = World()
        stopped_at = [4, 5, 12, 13, 14, 31][most]
        report = world.run(file, max_errors=most, batch_rows=7)
        assert "more than" in report.broken
        assert report.counts.rows == stopped_at
        assert len(world.events()) == stopped_at - most - 1
        report = world.run(file, batch_rows=7)
        assert (report.resumed_at, report.counts.rows, report.counts.refused) == (stopped_at, 40, 6)
        assert len(world.events()) == 34
        assert most_often(world) == 1

    def test_a_basket_on_both_sides_of_where_it_stopped_is_left_whole_for_the_next_run(self, tmp_path: Path) -> None:
        rows: list[dict[str, Any]] = [
            {"customer": "ada", "when": "2026-01-01", "basket": basket, "sku": f"p{at}"}
            for at, basket in enumerate([1, 1, 2, 2, 2, 3])
        ]
        rows[3]["when"] = "yesterday"
        mapping = parse_mapping(BASKETS, EventMapping)
        world, file = World(), lines(tmp_path / "a.jsonl", rows)
        world.run(file, mapping=mapping, max_errors=0)
        assert [[line.item_id for line in event.items] for event in world.events()] == [["p0", "p1"]]
        world.run(file, mapping=mapping)
        assert [[line.item_id for line in event.items] for event in world.events()] == [
            ["p0", "p1"],
            ["p2", "p4"],
            ["p5"],
        ]

    def test_rows_of_one_user_that_go_backwards_are_counted(self, tmp_path: Path) -> None:
        rows = history(users=1, rows=5)
        rows[1], rows[3] = rows[3], rows[1]
        assert World().run(lines(tmp_path / "a.jsonl", rows)).backwards == 2

    def test_a_file_that_breaks_off_keeps_what_was_good_and_the_mended_one_goes_on(self, tmp_path: Path) -> None:
        import gzip

        rows, world = history(rows=2_000, step_ms=60_000), World()
        whole = gzip.compress(lines(tmp_path / "a.jsonl", rows).read_bytes())
        (tmp_path / "b.jsonl.gz").write_bytes(whole[: len(whole) // 2])
        report = world.run(tmp_path / "b.jsonl.gz")
        assert "is cut short" in report.broken
        (tmp_path / "b.jsonl.gz").write_bytes(whole)
        assert not world.run(tmp_path / "b.jsonl.gz").broken
        assert len(world.events()) == 2_000
        assert most_often(world) == 1


class TestConsent:
    def test_without_a_word_from_anybody_nothing_is_kept(self, tmp_path: Path) -> None:
        world = World()
        assert world.run(lines(tmp_path / "a.jsonl", history()), consent=None).counts.without_consent == 40
        assert world.events() == []

    def test_a_persons_own_decision_counts_more_than_what_the_file_declares(self, tmp_path: Path) -> None:
        world = World()
        world.durable.save_consent(NAMES.person(TENANT, "u0"), Consent(0, 1))
        world.durable.save_consent(NAMES.person(TENANT, "u1"), Consent(1, 1))
        report = world.run(lines(tmp_path / "a.jsonl", history()), consent=7)
        found = {event.person: event.consent for event in world.events()}
        assert found == {
            NAMES.person(TENANT, "u1"): 1,
            NAMES.person(TENANT, "u2"): 7,
            NAMES.person(TENANT, "u3"): 7,
        }
        assert report.counts.without_consent == 10

    def test_the_record_alone_is_enough(self, tmp_path: Path) -> None:
        world = World()
        world.durable.save_consent(NAMES.person(TENANT, "u0"), Consent(3, 1))
        world.run(lines(tmp_path / "a.jsonl", history()), consent=None)
        assert {(event.person, event.consent) for event in world.events()} == {(NAMES.person(TENANT, "u0"), 3)}

    def test_the_column_of_a_mapping_says_it_and_an_unknown_value_is_a_no(self, tmp_path: Path) -> None:
        mapping = parse_mapping(
            BASKETS + "consent: {column: optin, values: {yes: [personalization, training]}}", EventMapping
        )
        rows = [
            {"customer": f"u{at}", "when": "2026-01-01", "sku": "p", "basket": at, "optin": said}
            for at, said in enumerate(["yes", "no", "", None, "maybe"])
        ]
        world = World()
        report = world.run(lines(tmp_path / "a.jsonl", rows), mapping=mapping)
        assert [(event.person, event.consent) for event in world.events()] == [(NAMES.person(TENANT, "u0"), 3)]
        assert report.counts.without_consent == 4

    def test_raw_ids_and_what_is_not_listed_never_reach_the_log(self, tmp_path: Path) -> None:
        rows = [
            {**row, "user_id": "ada@example.org", "properties": {"email": "x@y.z", "coupon": "C1"}} for row in history()
        ]
        world = World()
        world.run(lines(tmp_path / "a.jsonl", rows))
        written = b"".join(record.value + (record.key or b"") for record in world.records())
        kept = b"".join(body for notes in world.durable._notes.values() for body in [notes])
        assert b"C1" in written
        assert b"ada" not in written + kept
        assert b"x@y" not in written + kept

    def test_another_declaration_is_another_reading_unless_the_mapping_has_the_better_of_it(
        self, tmp_path: Path
    ) -> None:
        file = lines(tmp_path / "a.jsonl", [{"customer": "ada", "when": "2026-01-01", "sku": "p1", "basket": 1}])
        for said, is_known in (("", False), ("consent: [personalization]", True)):
            mapping, world = parse_mapping(BASKETS + said, EventMapping), World()
            world.run(file, mapping=mapping, consent=None)
            assert world.run(file, mapping=mapping, consent=None).was_complete
            assert world.run(file, mapping=mapping, consent=3).was_complete is is_known
            assert most_often(world) == 1
