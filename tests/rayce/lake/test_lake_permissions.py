"""The policy for the lake on S3 allows what the lake asks an object store for, below its prefix, and nothing else."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from deltalake import DeltaTable

from cluster.local_cluster import free_port
from rayce.lake.compacting import compact
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table
from rayce.lake.upkeep import keep
from tests.rayce.lake.lakes import FROM_MS, append, encoded
from tests.rayce.lake.s3_recorder import Needed
from tests.rayce.lake.test_object_store import settings as settings  # the fixture

CHECKOUT = Path(__file__).parents[3]
POLICY = json.loads((CHECKOUT / "cluster" / "iam" / "lake.json").read_text(encoding="utf-8"))
DAY_MS = 86_400_000


def allows(needs: Needed, bucket: str = "shop-lake") -> bool:
    """Whether a statement of the policy does, as IAM reads it."""
    return any(_allows(statement, *needs, bucket) for statement in POLICY["Statement"])


def _allows(statement: dict[str, Any], action: str, key: str, bucket: str) -> bool:
    assert statement["Effect"] == "Allow"
    actions = statement["Action"]
    if action not in ([actions] if isinstance(actions, str) else actions):
        return False
    if action == "s3:ListBucket":
        prefixes = statement["Condition"]["StringLike"]["s3:prefix"]
        return statement["Resource"] == f"arn:aws:s3:::{bucket}" and any(fnmatchcase(key, p) for p in prefixes)
    return fnmatchcase(f"arn:aws:s3:::{bucket}/{key}", statement["Resource"])


@pytest.fixture
def recorded(settings: LakeSettings, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Where the store is to be asked, and the file in which is what it was asked."""
    port, to_port = free_port(0), urlsplit(settings.storage_options["AWS_ENDPOINT_URL"]).port
    told = tmp_path / "needed.txt"
    command = [sys.executable, "-m", "tests.rayce.lake.s3_recorder", str(port), str(to_port)]
    with told.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, cwd=CHECKOUT)
    try:
        until_s = time.monotonic() + 30
        while not _listens(port):
            assert process.poll() is None and time.monotonic() < until_s
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", told
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def seen(settings: LakeSettings, recorded: tuple[str, Path]) -> set[Needed]:
    """What was asked for in the life of a lake: made, filled, read, compacted, erased from and cleaned up."""
    url, told = recorded
    there = LakeSettings(path=settings.path, storage_options={**settings.storage_options, "AWS_ENDPOINT_URL": url})
    create_table("events", there)
    append(LakeTable("events", there), 0, encoded(range(20)))
    append(LakeTable("events", there), 0, encoded(range(20, 30)))
    assert compact(LakeTable("events", there)) > 0
    append(LakeTable("events", there), 0, encoded([3], type="erased"))
    table = LakeTable("events", there)
    keep(table, table, FROM_MS + DAY_MS)
    assert open_lake(there).count() > 0
    delta = DeltaTable(f"{there.path}/events", storage_options=there.storage_options)
    delta.vacuum(0, dry_run=False, enforce_retention_duration=False)
    lines = told.read_text().splitlines()
    return {(action, key) for action, _, key in (line.partition(" ") for line in lines)}


def test_all_that_the_lake_asks_for_is_allowed_and_all_that_is_allowed_it_needs(seen: set[Needed]) -> None:
    refused = {needs for needs in seen if not allows(needs)}
    assert not refused
    allowed = {a for s in POLICY["Statement"] for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert allowed - {action for action, _key in seen} <= {"s3:AbortMultipartUpload"}, "of large files that broke off"


def test_control_nothing_beside_the_lake_is_allowed() -> None:
    assert allows(("s3:GetObject", "rayce/events/x")) and allows(("s3:ListBucket", "rayce/events/_delta_log/"))
    for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
        assert not allows((action, "other/x")) and not allows((action, "rayce-not/x"))
    assert not allows(("s3:ListBucket", "")) and not allows(("s3:ListBucket", "other/"))
    assert not allows(("s3:DeleteBucket", "rayce/")) and not allows(("s3:GetObject", "rayce/x"), "another")


def test_it_speaks_of_the_lake_of_the_documentation() -> None:
    text = (CHECKOUT / "docs" / "lake.md").read_text(encoding="utf-8")
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "lake:" in block)
    path = urlsplit(yaml.safe_load(shown)["lake"]["path"])
    assert allows(("s3:PutObject", f"{path.path.strip('/')}/events/x"), path.netloc)
    assert "cluster/iam/lake.json" in text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
