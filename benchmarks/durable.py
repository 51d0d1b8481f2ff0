"""CPU of making profiles durable and of reading them back: ours, by the wire and by boto3, and DynamoDB Local's own.

Clock time is not measured: the server is a stand-in for another machine's.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.program import arguments, cpu_s, finish, say
from cluster.local.stack import LocalStack
from rayce.settings import load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.dynamo.connection import Connection, batches
from rayce.stores.dynamo.transaction import Owner, encoded
from rayce.stores.interfaces import MAX_SAVES, Save

PARTITION, PACK_BYTES = 7, 300_000
Way = Callable[[Sequence[Save]], None]


class Ways:
    """The ways to write and read, over one store."""

    def __init__(self, store: DynamoStore) -> None:
        self._store = store
        self._db: Connection = store._db
        self._table = self._db.table("profiles")
        self._owner = Owner(PARTITION, store.acquire(PARTITION).epoch)

    def save(self, saves: Sequence[Save]) -> None:
        """As the stream does."""
        self._store.save_profiles(*self._owner, saves)

    def save_by_boto3(self, saves: Sequence[Save]) -> None:
        """The same transaction; the request is encoded before, so botocore's share is measured from what it is given."""
        actions = msgspec.json.decode(encoded(self._db, self._owner, saves, None))["TransactItems"]
        for action, save in zip(actions[1:], saves, strict=True):
            action["Put"]["Item"]["body"]["B"] = save.state
        self._db.call("transact_write_items", TransactItems=actions)

    def save_in_25s(self, saves: Sequence[Save]) -> None:
        """Smaller transactions."""
        for few in batches(saves, 25):
            self.save(few)

    def save_unchecked(self, saves: Sequence[Save]) -> None:
        """BatchWriteItem: neither conditions nor a lease. Not safe; for comparison."""
        self._db.write_many("profiles", ({"PutRequest": {"Item": self._item(save)}} for save in saves))

    def save_packed(self, saves: Sequence[Save]) -> None:
        """Many states in one item. Not how anything here is stored; for comparison."""
        pack = b"".join(save.state for save in saves)
        for at in range(0, len(pack), PACK_BYTES):
            item = self._item(Save(f"pack:{at}:{saves[0].person}", pack[at : at + PACK_BYTES], 0))
            self._db.call("put_item", TableName=self._table, Item=item)

    def load(self, saves: Sequence[Save]) -> None:
        """As the stream does."""
        assert len(self._store.load_profiles([save.person for save in saves])) == len(saves)

    def load_by_boto3(self, saves: Sequence[Save]) -> None:
        """The same read."""
        keys = [{"person": {"S": save.person}} for save in saves]
        wanted = {self._table: {"Keys": keys, "ConsistentRead": True}}
        assert len(self._db.call("batch_get_item", RequestItems=wanted)["Responses"][self._table]) == len(saves)

    def load_one_by_one(self, saves: Sequence[Save]) -> None:
        """As a miss does when it is alone."""
        for save in saves:
            self.load([save])

    def _item(self, save: Save) -> dict[str, Any]:
        return {"person": {"S": save.person}, "body": {"B": save.state}, "part": {"N": "7"}, "mark": {"N": "1"}}


def main() -> None:
    """Every way, at several sizes of the state."""
    parser = arguments(__doc__)
    parser.add_argument("--profiles", type=int, default=5_000, help="of each way and size")
    options = parser.parse_args()
    profiles = 500 if options.quick else options.profiles
    with tempfile.TemporaryDirectory(prefix="rayce-bench-") as root:
        with LocalStack(Path(root), mode="real", only=["dynamodb"], progress=say) as stack:
            settings = msgspec.structs.replace(load_settings(stack.settings_path, {}).dynamodb, timeout_ms=60_000)
            store = DynamoStore(settings)
            store.create()
            (server,) = [status.pid for status in stack.status() if status.pid]
            metrics = measured(Ways(store), server, profiles)
    finish("durable", metrics, {"profiles": profiles, "batch": MAX_SAVES})


def measured(ways: Ways, server: int, profiles: int) -> dict[str, float]:
    """Microseconds of CPU a profile; the first size is run twice, once to warm the server up."""
    metrics: dict[str, float] = {}
    for size in (1_000, 500, 1_000, 4_000):
        saves = [Save(f"k1:{os.urandom(16).hex()}", os.urandom(size), 1) for _ in range(profiles)]
        for name in ("save", "save_by_boto3", "save_in_25s", "save_unchecked", "save_packed"):
            metrics |= _one(getattr(ways, name), f"{name}_{size}", saves, server)
        for name in ("load", "load_by_boto3", "load_one_by_one"):
            metrics |= _one(getattr(ways, name), f"{name}_{size}", saves, server)
    return metrics


def _one(way: Way, name: str, saves: Sequence[Save], server: int) -> dict[str, float]:
    ours_s, server_s = time.process_time(), cpu_s([server])
    for batch in batches(saves, MAX_SAVES):
        way(batch)
    ours_us = (time.process_time() - ours_s) / len(saves) * 1e6
    server_us = (cpu_s([server]) - server_s) / len(saves) * 1e6
    say(f"{name}: {ours_us:.1f} µs ours, {server_us:.0f} µs the server's, a profile")
    return {f"{name}_us": round(ours_us, 2), f"{name}_server_us": round(server_us, 1)}


if __name__ == "__main__":
    main()
