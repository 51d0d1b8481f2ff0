"""Real Kafka, Redis and DynamoDB Local for the stream's benchmarks, without Ray; and the count of what the profiles hold."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from benchmarks.program import say
from cluster.local.stack import LocalStack
from cluster.prepare import prepare_stores
from rayce.profile import decode_profile
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore

AT_ONCE = 2_000


@contextmanager
def stores(sections: dict[str, dict[str, Any]]) -> Iterator[tuple[Path, Settings]]:
    """The settings' file and the settings of servers of our own, gone afterwards; `sections` are put over the local ones."""
    with tempfile.TemporaryDirectory(prefix="rayce-bench-") as root:
        with LocalStack(Path(root), mode="real", progress=say) as stack:
            tree = yaml.safe_load(stack.settings_path.read_text(encoding="utf-8"))
            for section, values in sections.items():
                tree[section] = {**tree.get(section, {}), **values}
            path = Path(root) / "settings.bench.yaml"
            path.touch(mode=0o600)
            path.write_text(yaml.safe_dump(tree), encoding="utf-8")
            settings = load_settings(path, {})
            prepare_stores(settings)
            yield path, settings


def lost_and_doubled(settings: Settings, sent: Counter[str]) -> tuple[int, int]:
    """What the durable profiles have counted against what was sent, person by person."""
    durable = DynamoStore(settings.dynamodb)
    lost = doubled = 0
    people = list(sent)
    for at in range(0, len(people), AT_ONCE):
        batch = people[at : at + AT_ONCE]
        found = durable.load_profiles(batch)
        for person in batch:
            counted = decode_profile(found[person].state).events if person in found else 0
            lost += max(0, sent[person] - counted)
            doubled += max(0, counted - sent[person])
    return lost, doubled
