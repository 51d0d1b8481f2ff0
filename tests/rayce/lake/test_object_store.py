"""The lake on an object store: conditional writes are what keeps commits apart there."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from cluster.local.ministack_server import MINISTACK
from cluster.local_cluster import free_port
from rayce.errors import LakeConflict, Unavailable
from rayce.lake.compacting import compact
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table
from rayce.lake.upkeep import keep
from tests.rayce.lake.lakes import FROM_MS, append, encoded

KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[LakeSettings]:
    """A lake in a bucket of a server of our own."""
    port = free_port(0)
    launch = MINISTACK.launch([port], tmp_path, lambda line: None)
    environment = {**os.environ, **launch.env, "SERVICES": "s3"}
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(launch.argv, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        until_s = time.monotonic() + 30
        while not MINISTACK.ready(port):
            assert time.monotonic() < until_s, (tmp_path / "server.log").read_text()
            time.sleep(0.05)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-west-1"}
        where = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="lake", CreateBucketConfiguration=where)
        yield LakeSettings(
            path="s3://lake/rayce", storage_options={**KEYS, "AWS_ENDPOINT_URL": url, "max_retries": "0"}
        )
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)


def test_rows_go_in_once_are_read_compacted_and_erased(settings: LakeSettings) -> None:
    create_table("events", settings)
    create_table("events", settings)
    table = LakeTable("events", settings)
    append(table, 0, encoded(range(20)))
    append(table, 1, encoded(range(20, 30)))
    zombie, successor = (LakeTable("events", settings) for _ in range(2))
    append(successor, 0, encoded(range(30, 33)))
    with pytest.raises(LakeConflict):
        append(zombie, 0, encoded(range(30, 33)))
    records = encoded([*range(20), *range(30, 33), *range(20, 30)])
    assert list(open_lake(settings).records()) == records
    assert compact(LakeTable("events", settings)) > 0
    lake = open_lake(settings)
    assert list(lake.records()) == records and lake.positions() == {0: 23, 1: 10}
    append(LakeTable("events", settings), 0, encoded([3], type="erased"))
    table = LakeTable("events", settings)
    assert keep(table, table, FROM_MS + 86_400_000).erased == 4
    assert open_lake(settings).count() == 30 and list(open_lake(settings).at(lake.version).records()) == records


def test_a_bucket_that_is_not_there_is_unavailable(settings: LakeSettings) -> None:
    with pytest.raises(Unavailable):
        create_table("events", LakeSettings(path="s3://nowhere/rayce", storage_options=settings.storage_options))
