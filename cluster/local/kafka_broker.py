"""Kafka: one Apache Kafka 4 node that is broker and controller at once (KRaft)."""

import base64
import os
import socket
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from cluster.local import class_data
from cluster.local.errors import ServerFailed
from cluster.local.jars import POMS, class_path
from cluster.local.java import find_java
from cluster.local.server_kind import Launch, Say, ServerKind

_JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
_METADATA_REQUEST = struct.pack(">hhih5si?", 3, 5, 1, 5, b"rayce", 0, False)  # Metadata v5, no topics.


def _launch(ports: Sequence[int], data: Path, say: Say) -> Launch:
    java, files = find_java(), class_path("kafka", say)
    data.mkdir(parents=True, exist_ok=True)
    properties = data / "server.properties"
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings(ports, data / "log").items()))
    logging = f"-Dlog4j2.configurationFile={POMS / 'kafka' / 'log4j2.xml'}"
    jars = os.pathsep.join(str(file) for file in files)
    program = [str(java), *_JVM, logging, "-cp", jars]
    if not (data / "log" / "meta.properties").exists():
        _format(program, properties)
    program[1:1] = class_data.options("kafka", java, files, data)
    return Launch([*program, "kafka.Kafka", str(properties)])


def _format(program: list[str], properties: Path) -> None:
    # A first byte below 0xF8 keeps the id from beginning with a dash, which the tool would take for an option.
    cluster_id = base64.urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
    command = [*program, "kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", str(properties)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ServerFailed(f"kafka: its storage could not be formatted:\n{run.stdout}{run.stderr}")


def settings(ports: Sequence[int], log: Path) -> dict[str, str]:
    """The node's settings. Everything internal is small and single, because there is one node and a quick start."""
    clients, controller = ports
    internal = {
        f"{topic}.{key}": "1"
        for topic in ("transaction.state.log", "share.coordinator.state.topic")
        for key in ("replication.factor", "min.isr", "num.partitions")
    }
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{clients}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(log),
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        **internal,
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "4",
        # A node that was killed may come back only when its old session is over; by default that takes nine seconds.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }


def live_brokers(port: int) -> int:
    """How many brokers the server at this port reports as alive; 0 when it does not answer like Kafka."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(struct.pack(">i", len(_METADATA_REQUEST)) + _METADATA_REQUEST)
            reply = link.recv(4096)
    except OSError:
        return 0
    # size, correlation id, throttle time, number of brokers
    return int(struct.unpack_from(">i", reply, 12)[0]) if len(reply) >= 16 else 0


def is_live(port: int) -> bool:
    """Whether the node knows itself as a live broker. An open port alone would be too early."""
    return live_brokers(port) > 0


KAFKA = ServerKind(
    "kafka",
    "kafka",
    real=True,
    embedded=False,
    launch=_launch,
    ready=is_live,
    port_count=2,  # for clients, for the controller
    grace_s=30.0,
    after_stop=class_data.keep,
)
