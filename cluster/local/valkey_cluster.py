"""A Redis Cluster on loopback, for tests and benchmarks: three masters, each with a replica, ready in a few seconds.

Nothing is kept on disk but what each node knows of the others: the cluster is a view that may vanish, here too. Formed by
hand (`CLUSTER ADDSLOTSRANGE`, `MEET`, `REPLICATE`; Redis Cluster specification, "Nodes handshake"), so no tool is needed.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import redis

from cluster.local.errors import ServerFailed
from cluster.local.ports import free_ports
from cluster.local.process import OwnedProcess, spawn
from cluster.local.valkey import answers_ping, command_line, server_options, valkey_binary

SLOTS = 16_384
MASTERS = 3
WITHIN_S = 30.0
_POLL_S = 0.05

_OPTIONS = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": "1000",  # ms until a node that is silent is taken for dead: a failover takes 1 to 3 s
    "cluster-require-full-coverage": "no",  # as ElastiCache: who lives on the other masters is still served
    "cluster-replica-validity-factor": "0",  # a replica takes over however long it has heard nothing
    "cluster-allow-replica-migration": "no",
    "cluster-announce-ip": "127.0.0.1",
    "repl-diskless-sync-delay": "0",
    "appendonly": "no",
}


class Node:
    """One server of the cluster: where it listens, and its process."""

    def __init__(self, port: int, bus_port: int, folder: Path) -> None:
        self.port, self.bus_port = port, bus_port
        self.folder = folder / str(port)
        self.process: OwnedProcess | None = None

    def start(self) -> None:
        """Start it, with what it knows from before, and wait until it answers."""
        options = server_options(self.port, self.folder) | _OPTIONS | {"cluster-port": str(self.bus_port)}
        argv = command_line(valkey_binary(), options)
        pid = spawn(argv, env=dict(os.environ), cwd=self.folder, log=self.folder / "log")
        self.process = OwnedProcess.from_pid(pid)
        wait_until(f"node {self.port} answers", lambda: answers_ping(self.port))

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()

    def pause(self) -> None:
        """SIGSTOP: it neither answers nor takes what its master sends."""
        if self.process is not None:
            self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        if self.process is not None:
            self.process.send(signal.SIGCONT)

    def ask(self, *command: str | int) -> str:
        """A command's reply as text."""
        with redis.Redis(port=self.port, socket_timeout=2) as client:
            client.response_callbacks.clear()
            reply = client.execute_command(*command)
        return reply.decode() if isinstance(reply, bytes) else str(reply)


class ValkeyCluster:
    """A context manager; `url` and `nodes` are there once it is up. Only its own processes are ever ended, by pid."""

    def __init__(self, folder: Path, replicas: bool = True, rng: random.Random | None = None) -> None:
        """`folder` is emptied at the end. Without replicas there are three masters only."""
        self._folder = folder
        ports = free_ports(2 * MASTERS * (2 if replicas else 1), set(), rng or random.Random())
        self.nodes = [Node(port, bus, folder) for port, bus in zip(ports[::2], ports[1::2], strict=True)]

    @property
    def url(self) -> str:
        """Where a client may start from."""
        return f"redis://127.0.0.1:{self.nodes[0].port}/0"

    def up(self) -> None:
        """Start and form it. What was started is ended again when that fails."""
        try:
            for node in self.nodes:
                node.start()
            self._form()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End every node and forget everything."""
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "ValkeyCluster":
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def masters(self) -> list[Node]:
        """The nodes that serve slots now, as the living ones see it."""
        return [node for node in self.nodes if _alive(node) and "role:master" in node.ask("INFO", "replication")]

    def master_of(self, key: str | bytes) -> Node:
        """The node that serves a key now."""
        slot = int(self.masters()[0].ask("CLUSTER", "KEYSLOT", key if isinstance(key, str) else key.decode()))
        return next(node for node in self.masters() if _serves(node, slot))

    def replica_of(self, master: Node) -> Node:
        """A living node that copies this master."""
        wanted = f"master_port:{master.port}"
        return next(n for n in self.nodes if _alive(n) and wanted in n.ask("INFO", "replication").splitlines())

    def wait_caught_up(self) -> None:
        """Wait until the replicas have what the masters had acknowledged before."""
        for master in self.masters():
            wait_until(f"the replica of {master.port} has all", lambda m=master: m.ask("WAIT", 1, 1_000) == "1")  # type: ignore[misc]

    def wait_whole(self) -> None:
        """Wait until every slot has a master, every living node agrees, and every replica has caught up."""
        for node in filter(_alive, self.nodes):
            wait_until(f"node {node.port} finds the cluster whole", lambda node=node: _whole(node))  # type: ignore[misc]

    def _form(self) -> None:
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        bounds = [SLOTS * n // MASTERS for n in range(MASTERS + 1)]
        for epoch, (node, (first, end)) in enumerate(zip(masters, pairwise(bounds), strict=True), 1):
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        for node in self.nodes[1:]:
            self.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus_port)
        for node in self.nodes:
            wait_until(f"node {node.port} knows all", lambda node=node: _knows(node, len(self.nodes)))  # type: ignore[misc]
        for master, replica in zip(masters, replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", master.ask("CLUSTER", "MYID"))
        self.wait_whole()


def wait_until(what: str, holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait for something to become true. Raises `ServerFailed` after the time."""
    until_s = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > until_s:
            raise ServerFailed(f"after {within_s:.0f} s it is still not so that {what}")
        time.sleep(_POLL_S)


def _alive(node: Node) -> bool:
    return node.process is not None and node.process.alive()


def _knows(node: Node, count: int) -> bool:
    lines = node.ask("CLUSTER", "NODES").splitlines()
    return len(lines) == count and all("handshake" not in line and "noaddr" not in line for line in lines)


def _whole(node: Node) -> bool:
    told = node.ask("CLUSTER", "INFO")
    if "cluster_state:ok" not in told or f"cluster_slots_ok:{SLOTS}" not in told:
        return False
    replication = node.ask("INFO", "replication")
    return "role:master" in replication or "master_link_status:up" in replication


def _serves(node: Node, slot: int) -> bool:
    mine = next(line for line in node.ask("CLUSTER", "NODES").splitlines() if "myself" in line)
    return any(_within(slot, part.split("-")) for part in mine.split()[8:])


def _within(slot: int, bounds: Sequence[str]) -> bool:
    return int(bounds[0]) <= slot <= int(bounds[-1])
