"""A real import into real Kafka and DynamoDB, killed with SIGKILL again and again: every row is in the log once."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest
import yaml

from rayce.event import decode_event
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.kafka_log import LogReader, create_topics
from tests.imports import KEYS, history, lines

CHECKOUT = Path(__file__).parent.parent.parent
ROWS, KILLS = 150_000, 8


def settings_file(folder: Path, settings: Settings) -> Path:
    tree = msgspec.to_builtins(settings)
    tree["privacy"]["pseudonym_keys"] = KEYS
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_is_doubled(real_stack: Settings, tmp_path: Path) -> None:
    create_topics(real_stack.kafka)
    DynamoStore(real_stack.dynamodb).create()
    file = lines(tmp_path / "a.jsonl", history(users=900, rows=ROWS, step_ms=60_000))
    command = [sys.executable, "-m", "rayce.cli", "import", "events", str(file), "--consent", "personalization"]
    command += ["--tenant", "imported", "--new-tenant", "--settings", str(settings_file(tmp_path, real_stack))]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    chance, killed = Random(5), 0
    for _attempt in range(KILLS):
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            process.stderr.readline()  # a step of progress: it is in the middle
            time.sleep(chance.random() * 1.5)
            killed += process.poll() is None
            process.kill()  # nothing where it has come to its end by now
    assert killed > 2
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    reader = LogReader(real_stack.kafka, range(real_stack.kafka.partitions), 5_000)
    times = Counter(
        event.event_id for record in reader.replay() if (event := decode_event(record.value)).tenant == "imported"
    )
    reader.close()
    assert (len(times), max(times.values())) == (ROWS, 1)
