"""What all tests share: the same random examples at every run, one event loop per test, and one real stack per session."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from cluster.local.errors import ServerUnavailable
from cluster.local.stack import LocalStack
from rayce.settings import Settings, load_settings

settings.register_profile(
    "same", derandomize=True, deadline=None, max_examples=60, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("same")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def real_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of Valkey, Kafka and DynamoDB Local, started for this session. Missing: skip on a laptop, fail in CI."""
    stack = LocalStack(tmp_path_factory.mktemp("stack"), mode="real")
    try:
        stack.up()
    except ServerUnavailable as reason:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI has to have the real servers: {reason}")
        pytest.skip(str(reason))
    try:
        yield load_settings(stack.settings_path, {})
    finally:
        stack.down()
