"""The settings of the stack, as the one YAML file that rayce's settings loader reads, and the API key beside it.

What is secret is made once and kept, so that pseudonyms and keys stay valid over restarts; where the servers are is
written anew each time.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from cluster.local.root_folder import RootFolder
from cluster.local.server_record import ServerRecord


def write(root: RootFolder, records: Iterable[ServerRecord]) -> None:
    """Bring `settings.yaml` and `api-key` up to date for these servers. Both are readable by their owner only."""
    tree = _read(root.settings)
    for record in records:
        tree[record.name] = section(record)
    tree.setdefault("privacy", {"current_key": "k1", "pseudonym_keys": {"k1": secrets.token_hex(32)}})
    digest = hashlib.sha256(_api_key(root.api_key).encode()).hexdigest()
    keys = tree.setdefault("edge", {}).setdefault("api_keys", {})
    keys["local"] = {"sha256": digest, "tenant": "demo", "scopes": ["events", "read", "write"]}
    _write_private(root.settings, yaml.safe_dump(tree, sort_keys=False))


def section(record: ServerRecord) -> dict[str, Any]:
    """What rayce has to know to reach one server."""
    address = f"127.0.0.1:{record.ports[0]}"
    if record.name == "redis":
        return {"url": f"redis://{address}/0"}
    if record.name == "kafka":
        # The mock broker cannot be asked for its version in a way that kafka-python understands.
        return {"bootstrap": address, "api_version": "2.3" if record.kind == "mock-kafka" else None}
    return {
        "endpoint_url": f"http://{address}",
        "region": "eu-west-1",
        "access_key_id": "local",
        "secret_access_key": "local",
    }


def _api_key(path: Path) -> str:
    if not path.exists():
        _write_private(path, f"rk_{secrets.token_urlsafe(24)}\n")
    return path.read_text().strip()


def _read(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def _write_private(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    os.replace(draft, path)
