"""Dead letters go back with key and bytes as they were; one that was killed goes on; a repeated event counts once."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
import yaml

from jobs import replay_dead_letters
from jobs.replay_dead_letters import count, main, reason_of, replay
from rayce.errors import Unavailable
from rayce.event import encode_event
from rayce.profile import decode_profile
from rayce.settings import Settings
from rayce.stores.interfaces import DEAD, EVENTS, Record
from rayce.stores.kafka_log import LogReader, LogWriter, create_topics
from rayce.stores.memory_log import MemoryLog
from tests.cluster.stream.world import World
from tests.samples import T0, event, person


class Letters:
    """Dead letters in a `MemoryLog`, and where a run stands."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.at = 0

    def end(self) -> dict[int, int]:
        return {0: self.log.end(0, DEAD)}

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        yield from self.log.read(0, self.at, end[0] - self.at, DEAD)

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        self.at = positions[0]


def bury(log: MemoryLog, key: bytes, value: bytes, reason: str = "ZeroDivisionError: fifth") -> None:
    log._append(DEAD, 0, value, key, [("reason", reason.encode()), ("position", b"0:7")])


def silent(_text: str) -> None:
    pass


def test_they_come_back_with_their_key_and_bytes_and_count() -> None:
    world = World()
    lost = [event("view", at=T0 + n, event_id=f"e{n}") for n in range(5)]
    for each in lost:
        bury(world.log, each.person.encode(), encode_event(each))
    assert replay(Letters(world.log), world.log, silent) == {"ZeroDivisionError: fifth": 5}
    world.sent += lost
    world.work_off_in_order()
    assert world.states() == world.expected()
    assert decode_profile(world.states()[person(1)]).events == 5
    records = [record for p in range(2) for record in world.log.read(p, 0, 9)]
    assert {record.key for record in records} == {person(1).encode()}
    assert len({record.partition for record in records}) == 1


def test_what_is_put_back_twice_counts_once() -> None:
    world = World()
    each = event("view")
    bury(world.log, each.person.encode(), encode_event(each))
    replay(Letters(world.log), world.log, silent)
    replay(Letters(world.log), world.log, silent)
    world.sent.append(each)
    world.work_off_in_order()
    assert world.states() == world.expected()


class Failing:
    """A log that takes so many batches."""

    def __init__(self, log: MemoryLog, batches: int) -> None:
        self.log, self.left = log, batches

    def write_all_now(self, topic: str, records: list[tuple[bytes | None, bytes]]) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("kafka", "gone")
        self.log.write_all_now(topic, records)


def test_a_run_that_was_broken_off_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_dead_letters, "BATCH", 10)
    log = MemoryLog(1)
    for n in range(45):
        bury(log, b"k", b"%d" % n)
    letters = Letters(log)
    with pytest.raises(Unavailable):
        replay(letters, Failing(log, 2), silent)  # type: ignore[arg-type]
    assert letters.at == 20
    assert replay(letters, log, silent).total() == 25
    assert [record.value for record in log.read(0, 0, 100)] == [b"%d" % n for n in range(45)]
    assert replay(letters, log, silent).total() == 0


def test_letters_that_die_again_meanwhile_wait_for_the_next_run() -> None:
    log = MemoryLog(1)
    bury(log, b"k", b"v")
    original = log.write_all_now

    def dies_again(topic: str, records: list[tuple[bytes | None, bytes]]) -> None:
        original(topic, records)
        bury(log, b"k", b"v")

    log.write_all_now = dies_again  # type: ignore[method-assign,assignment]
    assert replay(Letters(log), log, silent).total() == 1


def test_counting_moves_nothing() -> None:
    log = MemoryLog(1)
    for n in range(3):
        bury(log, b"k", b"v", f"not an event: bad at byte {n}: {n}")
    bury(log, b"k", b"v", "stored profile: not a profile: x")
    letters = Letters(log)
    assert count(letters) == {
        "not an event: bad at byte 0": 1,
        "not an event: bad at byte 1": 1,
        "not an event: bad at byte 2": 1,
        "stored profile: not a profile": 1,
    }
    assert letters.at == 0 and log.read(0, 0, 9) == []


def test_a_letter_without_a_reason_is_counted_as_such() -> None:
    assert reason_of(Record(0, 0, b"v")) == "unknown"


def test_on_kafka(real_stack: Settings, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    kafka = msgspec.structs.replace(real_stack.kafka, partitions=3)  # as in the other tests that share it
    create_topics(kafka)
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"kafka": msgspec.to_builtins(kafka)}))
    main(["--settings", str(path)])  # whatever other tests have left
    capsys.readouterr()
    writer = LogWriter(kafka)
    mine = [(person(n).encode(), encode_event(event("view", who=n, event_id=f"dead{n}"))) for n in range(7)]
    for key, value in mine:
        writer.write_now(DEAD, value, [("reason", b"Bug: once"), ("position", b"1:2")], key)
    writer.close()
    reader = LogReader(kafka, range(3))
    end = reader.end()
    assert main(["--settings", str(path), "--dry-run"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (counts(line), line["reasons"]) == ((7, 0), {"Bug: once": 7})
    assert main(["--settings", str(path)]) == 0
    assert counts(json.loads(capsys.readouterr().out)) == (7, 7)
    for partition, at in end.items():
        reader.begin(partition, at)
    found = list(reader.read_until(reader.end()))
    assert Counter((record.key, record.value) for record in found) == Counter(mine)
    assert main(["--settings", str(path)]) == 0
    assert counts(json.loads(capsys.readouterr().out)) == (0, 0)
    reader.close()
    assert EVENTS == "rayce.events"


def counts(line: dict[str, Any]) -> tuple[int, int]:
    """How many letters there were, and how many were put back."""
    return line["metrics"]["letters"], line["metrics"]["put_back"]
