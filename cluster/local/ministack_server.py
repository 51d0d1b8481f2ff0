"""The stand-in for DynamoDB where there is no Java: `ministack`, a Python wheel."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.local.dynamodb_local import answers_http
from cluster.local.server_kind import Launch, Say, ServerKind


def _launch(ports: Sequence[int], data: Path, say: Say) -> Launch:
    state, scratch = data / "state", data / "tmp"
    state.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(exist_ok=True)
    env = {
        "BIND_HOST": "127.0.0.1",  # It would bind every address.
        "IOT_MTLS_ENABLED": "0",  # Its MQTT listener binds every address whatever BIND_HOST says.
        "SFTP_ENABLED": "0",
        "GATEWAY_PORT": str(ports[0]),
        "SERVICES": "dynamodb",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state),
        "TMPDIR": str(scratch),
        "LOG_LEVEL": "WARNING",
    }
    return Launch([sys.executable, "-m", "ministack"], env)


def _ready(port: int) -> bool:
    return answers_http(port, "/_ministack/health")


MINISTACK = ServerKind(
    "dynamodb",
    "ministack",
    real=False,
    embedded=True,
    launch=_launch,
    ready=_ready,
    forgets="writes its tables to disk only when it is stopped in order: a kill loses everything since the start",
)
