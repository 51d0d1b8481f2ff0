"""The job: its last line, its progress, what it leaves alone, and that a server is walked as memory is."""

import asyncio
import json
import time
import uuid
from pathlib import Path

import msgspec
import pytest
import yaml

from jobs import trim_hot_view as program
from rayce.errors import Unavailable
from rayce.profile import Profile
from rayce.segments.catalogue import parse_catalogue
from rayce.segments.flags import lean_flags, pack_flags
from rayce.segments.listing import Listing
from rayce.settings import Settings
from rayce.stores.interfaces import Shown
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from rayce.stores.redis_view import RedisReader, RedisWriter
from tests.samples import person

LONG_AGO_S = 1_700_000_000


def flags_of(until_s: int) -> bytes:
    return pack_flags(Profile(last_ms=LONG_AGO_S * 1000, flags=5, short_lived=((100, until_s),)))


@pytest.fixture
def hot(monkeypatch: pytest.MonkeyPatch) -> MemoryHot:
    """One whose flag has ended long ago, one whose flag ended just now."""
    made = MemoryHot()
    made.show([Shown(person(n), b"s", flags_of(u)) for n, u in ((1, LONG_AGO_S), (2, int(time.time()) - 5))])
    monkeypatch.setattr(program, "_stores", lambda _settings: (MemoryDurable(), made))
    return made


def sizes(hot: MemoryHot) -> list[int]:
    return [len(row.value or b"") for row in asyncio.run(hot.read_flags([person(1), person(2)]))]


def test_the_last_line_is_one_json_object_as_of_every_job(hot: MemoryHot, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([]) == 0
    out, err = capsys.readouterr()
    line = json.loads(out.splitlines()[-1])
    assert (line["job"], line["generation"]) == ("trim_hot_view", {})
    assert line["metrics"].pop("cpu_s") > 0
    assert line["metrics"].pop("peak_rss_gib") > 0
    assert line["metrics"] == {"people": 2, "trimmed": 1, "lists_dropped": 0}
    assert "1 of 1 buckets" in err.splitlines()[-1] and "--from-bucket 1" in err.splitlines()[-1]
    assert sizes(hot) == [4, 15], "what has just ended may still be asked for as of a moment ago"


def test_how_long_ago_is_long_enough_can_be_said(hot: MemoryHot) -> None:
    assert program.main(["--expired-for-s", "0"]) == 0
    assert sizes(hot) == [4, 4]


def test_a_run_that_was_ended_goes_on(hot: MemoryHot) -> None:
    assert program.main(["--from-bucket", "1"]) == 0
    assert sizes(hot) == [15, 15]


def test_only_lists_of_segments_that_keep_none_are_dropped(hot: MemoryHot) -> None:
    rule = {"kind": "rule", "triggers": ["view"], "when": {"feature": "events", "ge": 1}}
    segments = [{"name": "a", "bit": 0, "listed": True, **rule}, {"name": "b", "bit": 2, **rule}]
    catalogue = parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments, "retired_bits": [7]}))
    lists = Listing("shop", (0, 2, 7))
    hot.show([Shown(person(1), b"s", pack_flags(Profile(flags=0b1000_0101)), None, lists)])
    found = program.trim_hot_view(hot, catalogue, ["shop"], 0, LONG_AGO_S, lambda text: None)
    assert found["lists_dropped"] == 2
    assert [bool(asyncio.run(hot.read_members("shop", bit, "", 9)).people) for bit in lists.bits] == [
        True,
        False,
        False,
    ]


def test_a_store_that_is_away_is_told_and_there_is_no_outcome(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_settings: Settings) -> None:
        raise Unavailable("redis", "no answer")

    monkeypatch.setattr(program, "_stores", away)
    assert program.main([]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "no answer" in err


def test_a_setting_that_is_wrong_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--settings", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--from-bucket", "-1"], ["--expired-for-s", "-1"]])
def test_numbers_that_make_no_sense_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(wrong)


def test_a_real_server_is_walked_bucket_by_bucket(real_stack: Settings) -> None:
    settings = msgspec.structs.replace(
        real_stack.redis, flag_buckets=2_000, read_timeout_ms=20_000, write_timeout_ms=20_000
    )
    writer, people = RedisWriter(settings), [f"k1:{uuid.uuid4().hex}" for _ in range(500)]
    writer._socket.ask([("FLUSHALL",)])
    writer.show([Shown(who, b"s", flags_of(LONG_AGO_S + n % 2 * 10**9)) for n, who in enumerate(people)])
    catalogue = parse_catalogue("{version: 1, segments: []}")
    found = program.trim_hot_view(writer, catalogue, ["shop"], 0, LONG_AGO_S, lambda text: None)
    assert found == {"people": 500, "trimmed": 250, "lists_dropped": 0}

    async def read() -> list[bytes | None]:
        reader = RedisReader(settings)
        rows = await reader.read_flags(people)
        await reader.close()
        return [row.value for row in rows]

    due = [lean_flags(flags_of(LONG_AGO_S + n % 2 * 10**9), LONG_AGO_S) for n in range(500)]
    assert asyncio.run(read()) == due
    writer.close()
