"""The stand-in for Kafka where there is no Java: librdkafka's mock broker, in a process of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.local.kafka_broker import is_live
from cluster.local.server_kind import Launch, Say, ServerKind

TOPICS_FILE = "topics.json"
"""In the stack's data folder: the topics that exist from the start, name to number of partitions."""


def _launch(ports: Sequence[int], data: Path, say: Say) -> Launch:
    topics = str(data.parent / TOPICS_FILE)
    return Launch([sys.executable, "-m", "cluster.local.mock_kafka", "--port", str(ports[0]), "--topics", topics])


MOCK_KAFKA = ServerKind(
    "kafka",
    "mock-kafka",
    real=False,
    embedded=True,
    launch=_launch,
    ready=is_live,
    forgets="keeps everything in memory, and of each partition only the last 5 MiB: a stop or a kill loses the log",
)
