"""What is written for rayce: where the servers are, and secrets that are made once."""

import hashlib
import stat
from pathlib import Path

import yaml

from cluster.local.root_folder import RootFolder
from cluster.local.server_record import ServerRecord
from cluster.local.settings_file import write

RECORDS = [
    ServerRecord("redis", "valkey", (20001,)),
    ServerRecord("kafka", "kafka", (20002, 20003)),
    ServerRecord("dynamodb", "dynamodb-local", (20004,)),
]


def test_the_tree_is_exactly_what_the_settings_loader_knows(tmp_path: Path) -> None:
    root = RootFolder(tmp_path)
    write(root, RECORDS)
    tree = yaml.safe_load(root.settings.read_text())
    secret = tree["privacy"]["pseudonym_keys"].pop("k1")
    assert len(bytes.fromhex(secret)) == 32
    digest = hashlib.sha256(root.api_key.read_text().strip().encode()).hexdigest()
    assert tree == {
        "redis": {"url": "redis://127.0.0.1:20001/0"},
        "kafka": {"bootstrap": "127.0.0.1:20002", "api_version": None},
        "dynamodb": {
            "endpoint_url": "http://127.0.0.1:20004",
            "region": "eu-west-1",
            "access_key_id": "local",
            "secret_access_key": "local",
        },
        "privacy": {"current_key": "k1", "pseudonym_keys": {}},
        "edge": {"api_keys": {"local": {"sha256": digest, "tenant": "demo", "scopes": ["events", "read", "write"]}}},
    }


def test_secrets_and_other_keys_survive_a_second_write(tmp_path: Path) -> None:
    root = RootFolder(tmp_path)
    write(root, RECORDS)
    first, key = yaml.safe_load(root.settings.read_text()), root.api_key.read_text()
    first["privacy"]["pseudonym_keys"]["k0"] = "00" * 32
    first["edge"]["api_keys"]["mine"] = {"sha256": "ab", "tenant": "me", "scopes": ["read"]}
    root.settings.write_text(yaml.safe_dump(first))
    write(root, [ServerRecord("redis", "valkey", (20009,))])
    second = yaml.safe_load(root.settings.read_text())
    assert root.api_key.read_text() == key
    assert second == {**first, "redis": {"url": "redis://127.0.0.1:20009/0"}}


def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    root = RootFolder(tmp_path)
    write(root, RECORDS)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (root.settings, root.api_key)] == [0o600, 0o600]


def test_the_mock_broker_needs_its_version_told(tmp_path: Path) -> None:
    root = RootFolder(tmp_path)
    write(root, [ServerRecord("kafka", "mock-kafka", (20002,))])
    assert yaml.safe_load(root.settings.read_text())["kafka"] == {"bootstrap": "127.0.0.1:20002", "api_version": "2.3"}
