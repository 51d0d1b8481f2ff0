"""Start one server and wait until it serves; stop it again. The record on disk is never behind the process."""

import os
import time
from pathlib import Path

from cluster.local.errors import ServerFailed
from cluster.local.interrupts import deferred
from cluster.local.kinds import by_name
from cluster.local.process import OwnedProcess, spawn
from cluster.local.root_folder import RootFolder
from cluster.local.server_kind import Launch
from cluster.local.server_record import ServerRecord

_READY_S = 90.0
_POLL_S = 0.02
_REPOSITORY = Path(__file__).resolve().parents[2]
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def start(root: RootFolder, record: ServerRecord, launch: Launch) -> ServerRecord:
    """Start the process and remember it, in one piece even under Ctrl-C. Does not wait."""
    with deferred():
        pid = spawn(launch.argv, env=_environment(launch.env), cwd=root.path, log=root.log(record.name))
        try:
            process = OwnedProcess.from_pid(pid)
        except ProcessLookupError:
            raise ServerFailed(failure(root, record, "exited at once")) from None
        running = ServerRecord(record.name, record.kind, record.ports, pid, process.started, time.time())
        running.save(root.record(record.name))
    return running


def wait_ready(root: RootFolder, record: ServerRecord, timeout_s: float = _READY_S) -> None:
    """Wait until the server answers. Raises `ServerFailed` as soon as its process is gone, or after the time."""
    ready = by_name(record.kind).ready
    deadline = time.monotonic() + timeout_s
    while not ready(record.ports[0]):
        if not record.alive():
            raise ServerFailed(failure(root, record, "died before it was ready"))
        if time.monotonic() > deadline:
            raise ServerFailed(failure(root, record, f"was not ready after {timeout_s:.0f} s"))
        time.sleep(_POLL_S)
    if not record.alive():  # Then the answer came from a stranger on the same port.
        raise ServerFailed(failure(root, record, "died, and something else answers on its port"))


def stop(root: RootFolder, record: ServerRecord) -> bool:
    """Stop the process if it is still ours. True when it went by itself."""
    process, kind = record.process, by_name(record.kind)
    in_order = process.stop(kind.grace_s) if process is not None else True
    if in_order:
        kind.after_stop(root.data / record.kind)
    record.stopped().save(root.record(record.name))
    return in_order


def _environment(added: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key.lower() not in _PROXIES}
    path = os.pathsep.join(part for part in (str(_REPOSITORY), kept.get("PYTHONPATH")) if part)
    return {**kept, "PYTHONPATH": path, **added}


def failure(root: RootFolder, record: ServerRecord, what: str) -> str:
    """A sentence about a server, with the name and the last lines of its log."""
    log = root.log(record.name)
    lines = log.read_text(errors="replace").splitlines()[-12:] if log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines) or "  (empty)"
    return f"{record.name} ({record.kind}, 127.0.0.1:{record.ports[0]}) {what}. The end of {log}:\n{tail}"
