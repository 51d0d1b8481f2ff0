"""Hot memory in Redis: how it is laid out, and what a server that stalls or a cluster of them does to it."""

import asyncio
import socket
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from cluster.local.errors import ServerUnavailable
from cluster.local.valkey import answers_ping, valkey_binary
from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.settings import RedisSettings, Settings
from rayce.stores.interfaces import HotRow, Shown
from rayce.stores.redis_keys import Keys
from rayce.stores.redis_view import RedisReader, RedisWriter

pytestmark = pytest.mark.anyio

YES, ALLOWED = Consent(1, 100), Consent(1)
FLAGS = pack_flags(Profile(flags=2**64 - 1, last_ms=1_767_225_600_000))


def somebody() -> str:
    return f"k1:{uuid.uuid4().hex}"


@pytest.fixture
def patient(real_stack: Settings) -> RedisSettings:
    return msgspec.structs.replace(real_stack.redis, read_timeout_ms=20_000, write_timeout_ms=20_000, flag_buckets=4)


def test_bucket_and_field_are_disjoint_parts_of_the_digest() -> None:
    home = Keys(16_384).home("k1:" + "ab" * 6 + "00" * 2 + "00" * 7 + "05")
    assert (home.flags, home.field) == (b"rf:{5}:0", b"\xab" * 6)


def test_all_keys_of_a_person_have_one_slot_whatever_the_digest(patient: RedisSettings) -> None:
    """Braces within the digest do not count: the first pair of them in a key is the tag."""
    slot = redis.cluster.key_slot
    for digest in ("7b" * 16, "7d" * 16, "7b7d" * 8, uuid.uuid4().hex):
        home = Keys(16_384).home("k1:" + digest)
        assert slot(home.flags) == slot(home.state) == slot(home.guard)


def test_people_are_spread_evenly_over_the_buckets() -> None:
    keys = Keys(16)
    counts: Counter[bytes] = Counter(keys.home(somebody()).flags for _ in range(3200))
    assert len(counts) == 16 and min(counts.values()) > 120 and max(counts.values()) < 300


def test_buckets_of_hundreds_keep_the_small_encoding_and_a_person_costs_few_bytes(patient: RedisSettings) -> None:
    """Consent included; a person with ten short-lived flags does not spoil a bucket."""
    client = redis.Redis.from_url(patient.url)
    client.flushall()
    writer = RedisWriter(patient)
    people = [somebody() for _ in range(640)]
    writer.put_back([], dict.fromkeys(people, YES))
    writer.show([Shown(who, b"state", FLAGS) for who in people])
    sizes = [client.memory_usage(f"rf:{{{bucket}}}:0") for bucket in range(4)]
    assert sum(sizes) / len(people) < 26
    many = Profile(short_lived=tuple((bit, 1_767_225_600) for bit in range(10)))
    writer.show([Shown(people[0], b"state", pack_flags(many))])
    assert {client.object("encoding", f"rf:{{{bucket}}}:0") for bucket in range(4)} == {b"listpack"}
    assert 0 < client.ttl(Keys(4).home(people[0]).state) <= patient.profile_ttl_s
    assert client.keys("rc:*") == []
    client.flushall()


async def test_a_decision_is_kept_as_a_guard_for_as_long_as_the_settings_say(patient: RedisSettings) -> None:
    client, reader, who = redis.Redis.from_url(patient.url), RedisReader(patient), somebody()
    await reader.put_consent(who, YES)
    guard = Keys(4).home(who).guard
    assert client.get(guard) == YES.to_bytes()
    assert 0 < client.ttl(guard) <= patient.decision_ttl_s
    await reader.close()


async def test_a_server_that_has_forgotten_the_scripts_gets_them_again(patient: RedisSettings) -> None:
    client, who = redis.Redis.from_url(patient.url), somebody()
    writer, reader = RedisWriter(patient), RedisReader(patient)
    for _ in range(2):
        client.script_flush()
        await reader.put_consent(who, YES)
        client.script_flush()
        writer.show([Shown(who, b"1", FLAGS), Shown(who, b"2", FLAGS)])
        client.script_flush()
        writer.put_back([], {who: YES})
        client.script_flush()
        await reader.backfill([Shown(who, b"older", FLAGS)], {who: YES})
        assert await reader.read_states([who]) == [HotRow(ALLOWED, b"2")]
    await reader.close()


async def test_a_value_that_is_none_is_nothing_and_is_replaced(patient: RedisSettings) -> None:
    client, who = redis.Redis.from_url(patient.url), somebody()
    writer, reader, home = RedisWriter(patient), RedisReader(patient), Keys(4).home(who)
    for damaged in (b"", b"\0", b"\xff\xff"):
        client.hset(home.flags, home.field, damaged)
        assert await reader.read_flags([who]) == [HotRow(None, None)]
        for call in (
            lambda: writer.show([Shown(who, b"s", FLAGS)]),
            lambda: writer.put_back([Shown(who, b"s", FLAGS)], {}),
        ):
            client.hset(home.flags, home.field, damaged)
            call()
            assert await reader.read_flags([who]) == [HotRow(None, FLAGS)]
        client.hset(home.flags, home.field, damaged)
        await reader.put_consent(who, Consent(3, int(time.time() * 1000)))
        assert await reader.read_flags([who]) == [HotRow(Consent(3), None)]
        client.delete(home.guard)
    await reader.close()


async def test_a_server_that_stalls_is_unavailable_and_then_answers_everybody_rightly(patient: RedisSettings) -> None:
    client = redis.Redis.from_url(patient.url)
    writer, reader = RedisWriter(patient), RedisReader(patient)
    people = [somebody() for _ in range(50)]
    writer.put_back([], dict.fromkeys(people, YES))
    writer.show([Shown(who, who.encode(), FLAGS) for who in people])
    await reader.read_flags(people)
    reader._wire._timeout_s = 0.02
    client.execute_command("CLIENT", "PAUSE", 300, "ALL")
    failed = await asyncio.gather(*(reader.read_flags([who]) for who in people), return_exceptions=True)
    assert {type(error) for error in failed} == {Unavailable}
    reader._wire._timeout_s = 20.0
    found = await asyncio.gather(*(reader.read_states([who]) for who in people))
    assert found == [[HotRow(ALLOWED, who.encode())] for who in people]
    await reader.close()


def test_a_writer_whose_server_stalls_says_so(patient: RedisSettings) -> None:
    client = redis.Redis.from_url(patient.url)
    writer = RedisWriter(msgspec.structs.replace(patient, write_timeout_ms=20))
    client.execute_command("CLIENT", "PAUSE", 200, "ALL")
    for call in (
        lambda: writer.show([Shown(somebody(), b"s", FLAGS)]),
        writer.incarnation,
        lambda: writer.put_status({"a": b""}),
    ):
        with pytest.raises(Unavailable):
            call()
    client.ping()


def test_a_writer_without_a_server_says_so() -> None:
    writer = RedisWriter(RedisSettings(url="redis://127.0.0.1:1/0"))
    for call in (
        lambda: writer.show([Shown(somebody(), b"s", FLAGS)]),
        writer.incarnation,
        lambda: writer.put_status({"a": b""}),
    ):
        with pytest.raises(Unavailable):
            call()


async def test_a_refused_write_is_unavailable(patient: RedisSettings) -> None:
    """A key of another kind, as another program on the same server might leave it."""
    client = redis.Redis.from_url(patient.url)
    client.flushall()
    who = somebody()
    client.set(Keys(4).home(who).flags, "not a hash")
    reader = RedisReader(patient)
    with pytest.raises(Unavailable):
        RedisWriter(patient).show([Shown(who, b"s", FLAGS)])
    with pytest.raises(Unavailable):
        await reader.read_flags([who])
    await reader.close()
    client.flushall()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    """A Redis Cluster of one node that owns all slots."""
    try:
        binary = valkey_binary()
    except ServerUnavailable as reason:
        pytest.skip(str(reason))
    folder: Path = tmp_path_factory.mktemp("cluster")
    with socket.socket() as probe, socket.socket() as bus:
        probe.bind(("127.0.0.1", 0))
        bus.bind(("127.0.0.1", 0))
        port, bus_port = probe.getsockname()[1], bus.getsockname()[1]
    options = {
        "port": port,
        "cluster-port": bus_port,
        "bind": "127.0.0.1",
        "dir": folder,
        "cluster-enabled": "yes",
        "save": "",
    }
    arguments = [str(part) for key, value in options.items() for part in (f"--{key}", value)]
    process = subprocess.Popen([str(binary), *arguments], stdout=subprocess.DEVNULL)
    try:
        until_s = time.monotonic() + 30
        while not answers_ping(port) and time.monotonic() < until_s:
            time.sleep(0.05)
        node = redis.Redis(port=port)
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in node.execute_command("CLUSTER", "INFO") and time.monotonic() < until_s:
            time.sleep(0.05)
        yield RedisSettings(
            url=f"redis://127.0.0.1:{port}",
            cluster=True,
            flag_buckets=64,
            read_timeout_ms=20_000,
            write_timeout_ms=20_000,
        )
    finally:
        process.kill()
        process.wait()


async def test_a_cluster_serves_as_one_node_does(cluster: RedisSettings) -> None:
    """The suite of contracts runs on one with three masters; this is the rest."""
    writer, reader = RedisWriter(cluster), RedisReader(cluster)
    people = [somebody() for _ in range(100)]
    writer.put_back([], dict.fromkeys(people, YES))
    writer.show([Shown(who, b"s" + who.encode(), FLAGS) for who in people])
    assert await reader.read_flags(people) == [HotRow(ALLOWED, FLAGS)] * 100
    assert await reader.read_states(people) == [HotRow(ALLOWED, b"s" + who.encode()) for who in people]
    writer.show_lists(3, [(people[0], b"list")], 60)
    assert await reader.read_lists(3, people[:2]) == [b"list", None]
    name = writer.incarnation()
    assert name and writer.incarnation() == name
    writer.put_status({"stream:0": b"1"})
    await reader.tell_status("edge:1", b"2")
    assert await reader.read_status() == {"stream:0": b"1", "edge:1": b"2"}
    await reader.close()
    writer.close()


async def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    away = RedisSettings(url="redis://127.0.0.1:1", cluster=True)
    writer, reader = RedisWriter(away), RedisReader(away)
    with pytest.raises(Unavailable):
        writer.show([Shown(somebody(), b"s", FLAGS)])
    with pytest.raises(Unavailable):
        await reader.read_flags([somebody()])
    writer.close()
    await reader.close()


async def test_a_node_of_a_cluster_that_has_forgotten_the_scripts_gets_them_again(cluster: RedisSettings) -> None:
    client, who = redis.RedisCluster.from_url(cluster.url), somebody()
    writer, reader = RedisWriter(cluster), RedisReader(cluster)
    client.script_flush()
    await reader.put_consent(who, YES)
    client.script_flush()
    writer.show([Shown(who, b"s", FLAGS)])
    assert await reader.read_states([who]) == [HotRow(ALLOWED, b"s")]
    await reader.close()
    writer.close()
