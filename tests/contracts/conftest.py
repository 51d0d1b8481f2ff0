"""The backends on which every contract is tried: memory, the real servers, and the stand-in for DynamoDB."""

import uuid
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec
import pytest

from cluster.local.stack import LocalStack
from rayce.settings import DynamoSettings, Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotReader, HotWriter
from rayce.stores.memory import MemoryDurable, MemoryHot
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
    """Both sides of one hot memory, and how to empty it."""

    def __init__(self, writer: HotWriter, reader: HotReader, wipe: Callable[[], object]) -> None:
        self.writer, self.reader, self.wipe = writer, reader, wipe


@pytest.fixture(params=["memory", "valkey"])
async def hot(request: pytest.FixtureRequest) -> AsyncIterator[Hot]:
    """Hot memory; the real one is shared by the tests of a session."""
    if request.param == "memory":
        memory = MemoryHot()
        yield Hot(memory, memory, memory.wipe)
        return
    settings = request.getfixturevalue("real_stack").redis
    patient = msgspec.structs.replace(settings, read_timeout_ms=5_000, write_timeout_ms=5_000)
    writer, reader = RedisWriter(patient), RedisReader(patient)
    yield Hot(writer, reader, writer._client.flushall)
    writer.close()
    await reader.close()


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex}"


@pytest.fixture
def somebody() -> Callable[[], str]:
    """New people."""
    return lambda: f"k1:{uuid.uuid4().hex}"
