from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from jobs import sources as module
from jobs.sources import Files, LakeEvents, Log, Source, source_of
from rayce.errors import InvalidInput, InvalidSettings, Unavailable
from rayce.event_files import write_event_file
from rayce.lake.settings import LakeSettings
from rayce.settings import Settings
from rayce.stores.interfaces import Record


class FakeBroker:
    """Partitions that grow at the end and, by retention, shrink at the beginning."""

    def __init__(self, *sizes: int) -> None:
        self.first = dict.fromkeys(range(len(sizes)), 0)
        self.end = dict(enumerate(sizes))
        self.open = 0

    def reader(self, partitions: Sequence[int]) -> "FakeReader":
        self.open += 1
        return FakeReader(self, partitions)


class FakeReader:
    """See `LogReader`."""

    def __init__(self, broker: FakeBroker, partitions: Sequence[int]) -> None:
        self._broker = broker
        self._next = dict.fromkeys(partitions, 0)

    def begin(self, partition: int, offset: int) -> None:
        self._next[partition] = offset

    def leave(self, partition: int) -> None:
        del self._next[partition]

    def beginning(self) -> dict[int, int]:
        return {p: self._broker.first[p] for p in self._next}

    def end(self) -> dict[int, int]:
        return {p: self._broker.end[p] for p in self._next}

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        assert set(end) == set(self._next)
        for partition, start in self._next.items():
            for offset in range(max(start, self._broker.first[partition]), end[partition]):
                yield Record(partition, offset, f"{partition}:{offset}".encode())

    def close(self) -> None:
        self._broker.open -= 1


def values(*spans: tuple[int, int, int]) -> list[bytes]:
    return [f"{p}:{offset}".encode() for p, first, until in spans for offset in range(first, until)]


def test_the_log_is_read_partition_by_partition_up_to_the_pin_whatever_comes_later() -> None:
    broker = FakeBroker(3, 0, 2)
    log = Log(broker.reader, 3)
    pin = log.now()
    broker.end = {0: 9, 1: 9, 2: 9}
    for _reading in range(2):
        assert list(log.records(pin)) == values((0, 0, 3), (2, 0, 2))
    assert log.total(pin) == 5
    assert log.holds(pin)
    assert log.now() != pin
    assert broker.open == 0


def test_a_pin_of_the_log_does_not_hold_where_records_are_gone_or_the_topic_is_another() -> None:
    broker = FakeBroker(10, 10)
    log = Log(broker.reader, 2)
    pin = log.now()
    broker.first[1] = 1
    assert not log.holds(pin)
    assert list(log.records(log.now())) == values((0, 0, 10), (1, 1, 10))
    broker.first[1] = 0
    broker.end[0] = 9
    assert not log.holds(pin)
    assert not Log(FakeBroker(20, 20, 20).reader, 3).holds(pin)
    assert not log.holds({"source": "lake", "version": 3})


def test_records_that_retention_takes_while_the_job_reads_are_missed_loudly() -> None:
    broker = FakeBroker(10, 10)
    log = Log(broker.reader, 2)
    records = log.records(log.now())
    assert next(records) == b"0:0"
    broker.first[1] = 4
    with pytest.raises(Unavailable, match="retention has taken records of partition 1"):
        list(records)
    assert broker.open == 0


def files_of(folder: Path, *contents: list[bytes]) -> list[str]:
    paths = [str(folder / f"part-{n}") for n in range(len(contents))]
    for path, records in zip(paths, contents, strict=True):
        write_event_file(path, records)
    return paths


def test_files_are_pinned_by_what_is_in_them(tmp_path: Path) -> None:
    paths = files_of(tmp_path, [b"a", b"bc"], [b"d"])
    source = Files(paths)
    pin = source.now()
    assert list(source.records(pin)) == [b"a", b"bc", b"d"]
    assert source.total(pin) == 3
    assert msgspec.json.decode(msgspec.json.encode(pin)) == pin
    assert source.holds(pin)
    assert not Files(paths[::-1]).holds(pin)
    files_of(tmp_path, [b"a", b"bd"])
    assert not source.holds(pin)


def test_records_that_are_cut_elsewhere_are_another_input(tmp_path: Path) -> None:
    first, second = Files(files_of(tmp_path, [b"ab", b"c"])).now(), Files(files_of(tmp_path, [b"a", b"bc"])).now()
    assert first != second


def test_a_file_that_is_cut_short_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (path,) = files_of(tmp_path, [b"abc", b"def"])
    Path(path).write_bytes(Path(path).read_bytes()[:-1])
    with pytest.raises(InvalidInput, match="cut short"):
        Files([path]).now()


class FakeLake:
    """A lake of some versions, each with one record more."""

    def __init__(self, version: int, kept: range = range(100)) -> None:
        self.version = version
        self.kept = kept

    def at(self, version: int) -> "FakeLake":
        if version not in self.kept:
            raise InvalidInput(f"the lake has no version {version}")
        return FakeLake(version, self.kept)

    def records(self, tenant: str | None = None) -> Iterator[bytes]:
        return iter([f"{tenant}-{n}".encode() for n in range(self.version)])

    def count(self, tenant: str | None = None) -> int:
        return self.version


def test_the_lake_is_read_as_of_the_version_that_was_pinned() -> None:
    lake = FakeLake(3)
    source = LakeEvents(lake, "shop")  # type: ignore[arg-type]
    pin = source.now()
    lake.version = 7
    assert list(source.records(pin)) == [b"shop-0", b"shop-1", b"shop-2"]
    assert source.total(pin) == 3
    assert source.at(pin).version == 3
    assert source.holds(pin)
    lake.kept = range(4, 100)
    assert not source.holds(pin)
    assert not source.holds({"source": "files", "files": []})


@pytest.mark.parametrize(
    ("kind", "lake", "files", "expected"),
    [
        ("auto", "", None, Log),
        ("auto", "/lake", None, LakeEvents),
        ("kafka", "/lake", None, Log),
        ("lake", "/lake", None, LakeEvents),
        ("lake", "", ["a"], Files),
        ("auto", "/lake", ["a"], Files),
    ],
)
def test_files_come_before_the_lake_and_the_lake_before_kafka(
    kind: str, lake: str, files: list[str] | None, expected: type[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = pytest.importorskip("rayce.lake.reading")
    monkeypatch.setattr(reading, "open_lake", lambda settings: FakeLake(1))
    assert isinstance(source_of(Settings(lake=LakeSettings(path=lake)), "shop", kind, files), expected)


def test_a_lake_that_is_asked_for_and_not_there_is_told() -> None:
    with pytest.raises(InvalidSettings, match="there is no lake") as refused:
        source_of(Settings(), "shop", "lake", None)
    assert refused.value.key == "lake.path"
    assert "auto" in module.KINDS


def test_a_job_that_goes_on_reads_a_real_lake_as_of_its_first_run(tmp_path: Path) -> None:
    lakes = pytest.importorskip("tests.rayce.lake.lakes")
    table = lakes.a_table(tmp_path)
    lakes.append(table, 0, lakes.encoded(range(5)))
    settings = Settings(lake=lakes.settings(tmp_path))
    first = source_of(settings, "shop", "auto", None)
    pin = msgspec.json.decode(msgspec.json.encode(first.now()))
    lakes.append(table, 0, lakes.encoded(range(5, 9)))
    later = source_of(settings, "shop", "auto", None)
    assert list(later.records(pin)) == list(first.records(pin)) == lakes.encoded(range(5))
    assert later.total(pin) == 5
    assert list(later.records(later.now())) == lakes.encoded(range(9))
    assert later.holds(pin)
    assert not later.holds({**pin, "version": 99})
