"""What a start will do, settled before anything is started: which kind of each server, on which ports, how launched."""

import random
from dataclasses import dataclass

from cluster.local.errors import LocalStackError, ServerUnavailable
from cluster.local.kinds import ROLES, Mode, by_name, candidates
from cluster.local.ports import free_ports, is_free
from cluster.local.root_folder import RootFolder
from cluster.local.server_kind import Launch, Say, ServerKind
from cluster.local.server_record import ServerRecord


@dataclass(frozen=True, slots=True)
class Planned:
    """A server that runs already (`launch` is None), or how to start it."""

    record: ServerRecord
    launch: Launch | None


def plan(root: RootFolder, name: str, mode: Mode, say: Say) -> Planned:
    """Re-use the server that runs, or prepare the first kind that can be had.

    Raises `ServerUnavailable` when no kind can be had, `LocalStackError` when one runs that the mode does not allow.
    """
    last = ServerRecord.load(root.record(name))
    if last is not None and last.alive():
        if by_name(last.kind) not in candidates(name, mode):
            raise LocalStackError(
                f"{name} already runs as {last.kind}, but {mode} servers were asked for: stop it first (`down`)"
            )
        return Planned(last, None)
    refused: list[str] = []
    for kind in candidates(name, mode):
        record = ServerRecord(name, kind.kind, _ports(root, last, kind))
        try:
            launch = kind.launch(record.ports, root.data / kind.kind, say)
        except ServerUnavailable as reason:
            refused.append(f"{kind.kind}: {reason}")
            continue
        if kind.forgets:
            cause = f" ({refused[0]})" if refused else ""
            say(f"{name}: {kind.kind} stands in for the real server{cause}; it {kind.forgets}")
        return Planned(record, launch)
    raise ServerUnavailable(f"{name} cannot be started:\n  " + "\n  ".join(refused))


def _ports(root: RootFolder, last: ServerRecord | None, kind: ServerKind) -> tuple[int, ...]:
    """The ports it had, if they are still free; otherwise new ones that no server of this root has."""
    if last is not None and len(last.ports) == kind.port_count and all(is_free(port) for port in last.ports):
        return last.ports
    records = [record for role in ROLES if (record := ServerRecord.load(root.record(role))) is not None]
    taken = {port for record in records for port in record.ports}
    return free_ports(kind.port_count, taken, random.Random())
