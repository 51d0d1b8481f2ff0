"""CPU seconds by kind of process: which part of the system a request costs what."""

from collections import defaultdict
from pathlib import Path

from benchmarks.program import cpu_s

GENERATOR = "generator"
KINDS = {
    "EdgeRouter": "edge",
    "FeatureReaderDeployment": "reader",
    "RankerDeployment": "ranker",
    "two_hops:Ingress": "ingress",
    "two_hops:First": "first_hop",
    "two_hops:Second": "second_hop",
    "haproxy": "haproxy",
    "valkey": "redis",
    "redis-server": "redis",
    "ProxyActor": "proxy",
    "ServeController": "controller",
    "PartitionWorker": "stream",
    "gcs_server": "ray",
    "raylet": "ray",
    "java": "kafka_dynamodb",
    "wrk -t": GENERATOR,
}
"""By a part of the command line, in this order; what has none of them is "other"."""


def cpu_by_kind(pids: list[int]) -> dict[str, float]:
    """CPU seconds so far."""
    found: defaultdict[str, float] = defaultdict(float)
    for pid in pids:
        found[kind_of(pid)] += cpu_s([pid])
    return dict(found)


def kind_of(pid: int) -> str:
    """What a process is."""
    line = command_of(pid)
    return next((kind for part, kind in KINDS.items() if part in line), "other")


def command_of(pid: int) -> str:
    """Its command line; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""
