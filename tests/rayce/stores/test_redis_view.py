"""Hot memory in Redis: how it is laid out, and what a server that stalls or a cluster of them does to it."""

import asyncio
import socket
import subprocess
import time
import uuid
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
from rayce.stores.redis_view import Keys, RedisReader, RedisWriter

pytestmark = pytest.mark.anyio

YES = Consent(1, 100)


def somebody() -> str:
    return f"k1:{uuid.uuid4().hex}"


@pytest.fixture
def patient(real_stack: Settings) -> RedisSettings:
    return msgspec.structs.replace(real_stack.redis, read_timeout_ms=20_000, write_timeout_ms=20_000, flag_buckets=4)


def test_bucket_and_field_are_disjoint_parts_of_the_digest() -> None:
    bucket, field = Keys(16_384).home("k1:" + "ab" * 6 + "00" * 2 + "00" * 7 + "05")
    assert (bucket, field) == ("5", b"\xab" * 6)


def test_people_are_spread_evenly_over_the_buckets() -> None:
    keys = Keys(16)
    counts = [0] * 16
    for _ in range(3200):
        counts[int(keys.home(somebody())[0])] += 1
    assert min(counts) > 120 and max(counts) < 300


def test_buckets_of_hundreds_keep_the_small_encoding_and_flags_cost_few_bytes(patient: RedisSettings) -> None:
    client = redis.Redis.from_url(patient.url)
    client.flushall()
    writer = RedisWriter(patient)
    flags = pack_flags(Profile(flags=2**64 - 1, last_ms=1_767_225_600_000))
    people = [somebody() for _ in range(800)]
    writer.show([Shown(who, b"state", flags, YES) for who in people])
    for kind in ("rf", "rc"):
        for bucket in range(4):
            assert client.object("encoding", f"{kind}:{bucket}") == b"listpack"
    assert sum(client.memory_usage(f"rf:{bucket}") for bucket in range(4)) / len(people) < 32
    assert 0 < client.ttl(Keys.state(people[0])) <= patient.profile_ttl_s
    client.flushall()


async def test_a_server_that_stalls_is_unavailable_and_then_answers_everybody_rightly(patient: RedisSettings) -> None:
    client = redis.Redis.from_url(patient.url)
    writer, reader = RedisWriter(patient), RedisReader(patient)
    people = [somebody() for _ in range(50)]
    writer.show([Shown(who, who.encode(), who.encode(), YES) for who in people])
    await reader.read_flags(people)
    reader._wire._timeout_s = 0.02
    client.execute_command("CLIENT", "PAUSE", 300, "ALL")
    failed = await asyncio.gather(*(reader.read_flags([who]) for who in people), return_exceptions=True)
    assert {type(error) for error in failed} == {Unavailable}
    reader._wire._timeout_s = 20.0
    found = await asyncio.gather(*(reader.read_states([who]) for who in people))
    assert found == [[HotRow(YES, who.encode())] for who in people]
    await reader.close()


def test_a_writer_whose_server_stalls_says_so(patient: RedisSettings) -> None:
    client = redis.Redis.from_url(patient.url)
    writer = RedisWriter(msgspec.structs.replace(patient, write_timeout_ms=20))
    client.execute_command("CLIENT", "PAUSE", 200, "ALL")
    for call in (
        lambda: writer.show([Shown(somebody(), b"s", b"f")]),
        writer.incarnation,
        lambda: writer.put_status({"a": b""}),
    ):
        with pytest.raises(Unavailable):
            call()
    client.ping()


def test_a_writer_without_a_server_says_so() -> None:
    writer = RedisWriter(RedisSettings(url="redis://127.0.0.1:1/0"))
    for call in (
        lambda: writer.show([Shown(somebody(), b"s", b"f")]),
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
    client.set("rf:" + Keys(4).home(who)[0], "not a hash")
    reader = RedisReader(patient)
    with pytest.raises(Unavailable):
        RedisWriter(patient).show([Shown(who, b"s", b"f")])
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
    writer, reader = RedisWriter(cluster), RedisReader(cluster)
    people = [somebody() for _ in range(100)]
    writer.show([Shown(who, b"s" + who.encode(), b"f" + who.encode(), YES) for who in people])
    assert await reader.read_flags(people) == [HotRow(YES, b"f" + who.encode()) for who in people]
    assert await reader.read_states(people) == [HotRow(YES, b"s" + who.encode()) for who in people]
    await reader.put_consent(people[0], Consent(0, 200))
    await reader.backfill([Shown(people[1], b"old", b"old")], {people[1]: Consent(7, 1)})
    assert await reader.read_states(people[:2]) == [
        HotRow(Consent(0, 200), None),
        HotRow(YES, b"s" + people[1].encode()),
    ]
    writer.show([Shown(people[2], None, None, Consent(0, 300))])
    assert await reader.read_flags([people[2]]) == [HotRow(Consent(0, 300), None)]
    writer.show_lists(3, [(people[0], b"list")], 60)
    assert await reader.read_lists(3, people[:2]) == [b"list", None]
    name = writer.incarnation()
    assert name and writer.incarnation() == name
    writer.put_status({"stream:0": b"1"})
    await reader.tell_status("edge:1", b"2")
    assert await reader.read_status() == {"stream:0": b"1", "edge:1": b"2"}
    await reader.close()
    writer.close()
