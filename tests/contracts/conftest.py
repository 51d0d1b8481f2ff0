"""The backends on which every contract is tried: memory, the real servers, and the stand-in for DynamoDB."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec
import pytest
import redis

from cluster.local.stack import LocalStack
from cluster.local.valkey_cluster import ValkeyCluster
from rayce.settings import DynamoSettings, RedisSettings, Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotBuckets, HotReader, HotWriter
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from rayce.stores.redis_view import RedisReader, RedisWriter


@pytest.fixture(scope="session")
def real_dynamodb(real_stack: Settings) -> DynamoStore:
    return _created(real_stack.dynamodb)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoStore]:
    with LocalStack(tmp_path_factory.mktemp("ministack"), mode="embedded", only=["dynamodb"]) as stack:
        yield _created(load_settings(stack.settings_path, {}).dynamodb)


def _created(settings: DynamoSettings) -> DynamoStore:
    patient = msgspec.structs.replace(settings, timeout_ms=20_000, table_prefix="contracts-")
    store = DynamoStore(patient)
    store.create()
    return store


@pytest.fixture(params=["memory", "dynamodb", "ministack"])
def durable(request: pytest.FixtureRequest) -> Durable:
    """Warm memory, shared by the tests of a session: every test has people and names of its own."""
    if request.param == "memory":
        return MemoryDurable()
    store: Durable = request.getfixturevalue({"dynamodb": "real_dynamodb", "ministack": "ministack"}[request.param])
    return store


class Hot:
    """Both sides of one hot memory, how to empty it, and how to let its guards of consent expire."""

    def __init__(
        self,
        writer: HotWriter,
        reader: HotReader,
        wipe: Callable[[], object],
        expire_guards: Callable[[], object],
    ) -> None:
        self.writer, self.reader, self.wipe, self.expire_guards = writer, reader, wipe, expire_guards

    @property
    def buckets(self) -> HotBuckets:
        """The writer as jobs see it."""
        return self.writer  # type: ignore[return-value]


def memory_hot() -> Hot:
    """In this process."""
    clock = [0]
    memory = MemoryHot(lambda: clock[0])

    def expire() -> None:
        clock[0] += 10**9

    return Hot(memory, memory, memory.wipe, expire)


def redis_hot(settings: RedisSettings) -> Hot:
    """Over a server or a cluster of them."""
    patient = msgspec.structs.replace(settings, read_timeout_ms=5_000, write_timeout_ms=5_000)
    client = (redis.RedisCluster if settings.cluster else redis.Redis).from_url(settings.url)

    def expire() -> None:
        for key in client.scan_iter("rc:*"):
            client.delete(key)

    return Hot(RedisWriter(patient), RedisReader(patient), client.flushall, expire)


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory, real_stack: Settings) -> Iterator[RedisSettings]:
    """Three masters; where the real servers are missing the tests are skipped with those."""
    with ValkeyCluster(tmp_path_factory.mktemp("masters"), replicas=False) as running:
        yield RedisSettings(url=running.url, cluster=True, flag_buckets=512)


@pytest.fixture(params=["memory", "valkey", "cluster"])
async def hot(request: pytest.FixtureRequest) -> AsyncIterator[Hot]:
    """Hot memory; the real ones are shared by the tests of a session."""
    if request.param == "memory":
        yield memory_hot()
        return
    settings = request.getfixturevalue("real_stack").redis if request.param == "valkey" else None
    hot = redis_hot(settings or request.getfixturevalue("redis_cluster"))
    yield hot
    hot.writer.close()  # type: ignore[attr-defined]
    await hot.reader.close()  # type: ignore[attr-defined]


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def somebody() -> Callable[[], str]:
    """New people."""
    return lambda: f"k1:{uuid.uuid4().hex}"
