"""The log: acknowledged means there, one person is one partition in order, positions are kept by hand."""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
import pytest

from rayce.settings import Settings
from rayce.stores.interfaces import DEAD, EVENTS, Record
from rayce.stores.kafka_log import LogReader, LogWriter, create_topics
from rayce.stores.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

PARTITIONS = 3
WITHIN_S = 30.0


class Log:
    """A log's writer, and how to make readers of it."""

    def __init__(self, writer: Any, reader: Callable[..., Any]) -> None:
        self.writer, self.reader = writer, reader


@pytest.fixture(params=["memory", "kafka"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    """The real one is shared by the tests of a session."""
    if request.param == "memory":
        memory = MemoryLog(PARTITIONS)
        yield Log(memory, memory.reader)
        return
    settings: Settings = request.getfixturevalue("real_stack")
    kafka = msgspec.structs.replace(settings.kafka, partitions=PARTITIONS, ack_timeout_ms=20_000)
    create_topics(kafka)
    create_topics(kafka)  # harmless when they are there
    writer = LogWriter(kafka)
    yield Log(writer, lambda partitions, most=500: LogReader(kafka, partitions, most))
    writer.close()


def read_until(reader: Any, wanted: int, tag: bytes) -> list[Record]:
    """Polls until `wanted` records that begin with the tag have come."""
    found: list[Record] = []
    until_s = time.monotonic() + WITHIN_S
    while len(found) < wanted and time.monotonic() < until_s:
        found += [record for record in reader.poll(100) if record.value.startswith(tag)]
    return found


def tagged(count: int, keys: int = 7) -> tuple[bytes, Sequence[tuple[str, bytes]]]:
    """Records of a few keys, numbered."""
    tag = uuid.uuid4().hex
    return tag.encode(), [(f"{tag}-{n % keys}", f"{tag} {n % keys} {n:05}".encode()) for n in range(count)]


async def test_what_is_acknowledged_can_be_read_in_order_of_each_key(log: Log) -> None:
    tag, records = tagged(700)
    await log.writer.write(EVENTS, records)
    assert log.writer.connected()
    reader = log.reader(range(PARTITIONS))
    found = read_until(reader, 700, tag)
    reader.close()
    assert sorted(record.value for record in found) == sorted(value for _key, value in records)
    for key in {value.split()[1] for _key, value in records}:
        mine = [record for record in found if record.value.split()[1] == key]
        assert [record.value for record in mine] == sorted(record.value for record in mine)
        assert len({record.partition for record in mine}) == 1
        assert [record.offset for record in mine] == sorted({record.offset for record in mine})


async def test_writing_nothing_is_acknowledged_at_once(log: Log) -> None:
    await log.writer.write(EVENTS, [])


async def test_a_reader_sees_its_own_partitions_only(log: Log) -> None:
    tag, records = tagged(90, keys=30)
    await log.writer.write(EVENTS, records)
    whole = log.reader(range(PARTITIONS))
    everything = read_until(whole, 90, tag)
    whole.close()
    for partition in range(PARTITIONS):
        share = [record for record in everything if record.partition == partition]
        reader = log.reader([partition])
        assert read_until(reader, len(share), tag) == share
        reader.close()


async def test_a_poll_brings_no_more_than_asked_for(log: Log) -> None:
    _tag, records = tagged(50)
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS), 8)
    until_s, sizes = time.monotonic() + WITHIN_S, []
    while len(sizes) < 5 and time.monotonic() < until_s:
        sizes += [len(found)] if (found := reader.poll(100)) else []
    reader.close()
    assert len(sizes) == 5 and max(sizes) <= 8


async def test_the_position_is_where_the_next_reader_begins(log: Log) -> None:
    partition = 1
    reader = log.reader([partition])
    tag, records = tagged(300, keys=20)
    await log.writer.write(EVENTS, records)
    seen = read_until(reader, 50, tag)
    at = seen[30]
    reader.commit({partition: at.offset}, True)
    assert reader.committed() == {partition: at.offset}
    reader.close()
    successor = log.reader([partition])
    assert successor.committed() == {partition: at.offset}
    assert read_until(successor, 1, tag)[0] == at
    successor.close()


async def test_where_nothing_was_committed_reading_begins_at_the_beginning(log: Log) -> None:
    reader = log.reader([2])
    committed = reader.committed()
    if committed == {2: -1}:
        _tag, records = tagged(60, keys=20)
        await log.writer.write(EVENTS, records)
        first = next(iter(read_until(reader, 1, b"")))
        assert first.offset == 0
    reader.close()


async def test_a_commit_that_nobody_waits_for_arrives_too(log: Log) -> None:
    _tag, records = tagged(30, keys=15)
    await log.writer.write(EVENTS, records)
    reader = log.reader([0])
    reader.poll(1000)
    reader.commit({0: 7}, False)
    until_s = time.monotonic() + WITHIN_S
    while reader.committed() != {0: 7} and time.monotonic() < until_s:
        reader.poll(50)
    assert reader.committed() == {0: 7}
    reader.close()


async def test_partitions_come_and_go_and_the_others_are_not_disturbed(log: Log) -> None:
    tag, records = tagged(120, keys=40)
    reader = log.reader([0])
    await log.writer.write(EVENTS, records)
    whole = log.reader(range(PARTITIONS))
    everything = read_until(whole, 120, tag)
    whole.close()
    mine = [record for record in everything if record.partition == 0]
    assert read_until(reader, len(mine), tag) == mine
    other = [record for record in everything if record.partition == 2]
    reader.begin(2, other[0].offset)
    assert read_until(reader, len(other), tag) == other
    reader.leave(2)
    _tag, more = tagged(60, keys=40)
    await log.writer.write(EVENTS, more)
    assert {record.partition for record in read_until(reader, 1, _tag)} == {0}
    reader.close()


async def test_a_paused_partition_goes_on_where_it_is_told_to(log: Log) -> None:
    tag, records = tagged(90, keys=30)
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS))
    everything = read_until(reader, 90, tag)
    again = [record for record in everything if record.partition == 1]
    reader.pause(1)
    _tag, more = tagged(60, keys=40)
    await log.writer.write(EVENTS, more)
    assert 1 not in {record.partition for record in read_until(reader, 10, _tag)}
    reader.begin(1, again[3].offset)
    assert read_until(reader, len(again) - 3, tag) == again[3:]
    reader.close()


async def test_idling_loses_nothing(log: Log) -> None:
    tag, records = tagged(300, keys=30)
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS), 20)
    found = read_until(reader, 5, tag)
    for _ in range(5):
        reader.idle()
    found += read_until(reader, 300 - len(found), tag)
    assert sorted(record.value for record in found) == sorted(value for _key, value in records)
    reader.close()


async def test_fetching_gives_records_by_partition_with_their_keys(log: Log) -> None:
    tag, records = tagged(40, keys=20)
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS))
    until_s, keys = time.monotonic() + WITHIN_S, []
    while len(keys) < 40 and time.monotonic() < until_s:
        for partition, found in reader.fetch(100).items():
            assert {record.partition for record in found} == {partition}
            keys += [record.key for record in found if record.value.startswith(tag)]
    assert sorted(keys) == sorted(key.encode() for key, _value in records)
    reader.close()


async def test_a_dead_letter_keeps_its_key_and_headers(log: Log) -> None:
    tag, _records = tagged(1)
    log.writer.write_now(EVENTS, tag, [("reason", b"no good")], b"key")
    reader = log.reader(range(PARTITIONS))
    (record,) = read_until(reader, 1, tag)
    assert (record.key, record.headers) == (b"key", (("reason", b"no good"),))
    reader.close()


async def test_the_end_is_known_after_reading(log: Log) -> None:
    tag, records = tagged(40, keys=20)
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS))
    found = read_until(reader, 40, tag)
    ends = reader.known_end()
    reader.close()
    for record in found:
        assert record.offset < ends[record.partition]


async def test_dead_letters_have_a_topic_of_their_own(log: Log) -> None:
    tag, _records = tagged(1)
    log.writer.write_now(DEAD, tag + b" dead", [("reason", b"no good")])
    await log.writer.write(EVENTS, [("k", tag + b" alive")])
    reader = log.reader(range(PARTITIONS))
    assert [record.value for record in read_until(reader, 1, tag)] == [tag + b" alive"]
    reader.close()


async def test_a_large_record_goes_through(log: Log) -> None:
    tag, _records = tagged(1)
    await log.writer.write(EVENTS, [("large", tag + bytes(700_000))])
    reader = log.reader(range(PARTITIONS))
    assert len(read_until(reader, 1, tag)[0].value) == 700_000 + len(tag)
    reader.close()


async def test_a_reader_may_begin_at_a_moment_and_misses_nothing_from_then_on(log: Log) -> None:
    tag, records = tagged(30, keys=15)
    before_ms = time.time_ns() // 1_000_000 - 1
    await log.writer.write(EVENTS, records)
    reader = log.reader(range(PARTITIONS))
    begins = reader.at_time(before_ms)
    assert sorted(begins) == list(range(PARTITIONS))
    for partition, offset in begins.items():
        reader.begin(partition, offset)
    assert len(read_until(reader, 30, tag)) == 30
    never = reader.at_time(before_ms + 3_600_000)
    assert all(never[partition] >= offset for partition, offset in begins.items())
    reader.close()
