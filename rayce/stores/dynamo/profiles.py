"""Profiles with their watermark, and the partitions' leases that fence a former owner.

A save is a transaction of up to 99 puts and one check that the lease still has our epoch: once a successor has raised it,
nothing of ours is written any more, so what the successor has loaded stays true.
"""

from collections.abc import Collection, Iterator, Sequence

from botocore.exceptions import ClientError

from rayce.errors import Fenced, Unavailable
from rayce.stores.dynamo.connection import Item, Part, found_by, unique
from rayce.stores.interfaces import Save, StoredProfile

MAX_SAVES, MAX_SAVE_BYTES = 99, 3_000_000
"""Of one transaction: DynamoDB takes 100 actions and 4 MB."""
MAX_CONFLICTS = 5


class Profiles(Part):
    """`DurableProfiles`."""

    def acquire(self, partition: int) -> int:
        """See `DurableProfiles.acquire`."""
        reply = self._db.call(
            "update_item",
            TableName=self._db.table("leases"),
            Key={"part": {"N": str(partition)}},
            UpdateExpression="ADD epoch :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        return int(reply["Attributes"]["epoch"]["N"])

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        """See `DurableProfiles.load_profiles`."""
        items = self._db.get_many("profiles", ({"person": {"S": person}} for person in unique(persons)))
        return found_by(items, "person", _stored)

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save]) -> None:
        """See `DurableProfiles.save_profiles`."""
        for batch in _transactions(saves):
            actions = [self._lease_check(partition, epoch)]
            actions += [self._profile_put(partition, epoch, save) for save in batch]
            for _try in range(MAX_CONFLICTS):
                if self._transact(partition, epoch, actions):
                    break
            else:
                raise Unavailable("dynamodb", "transactions keep conflicting")

    def _transact(self, partition: int, epoch: int, actions: list[Item]) -> bool:
        try:
            self._db.call("transact_write_items", TransactItems=actions)
        except ClientError as error:
            reasons = {reason["Code"] for reason in error.response.get("CancellationReasons", ())}
            if "ConditionalCheckFailed" in reasons:
                raise Fenced(partition, epoch) from None
            if reasons - {"None", "TransactionConflict"}:
                raise Unavailable("dynamodb", str(error)) from None
            return False
        return True

    def _lease_check(self, partition: int, epoch: int) -> Item:
        return {
            "ConditionCheck": {
                "TableName": self._db.table("leases"),
                "Key": {"part": {"N": str(partition)}},
                "ConditionExpression": "epoch = :epoch",
                "ExpressionAttributeValues": {":epoch": {"N": str(epoch)}},
            }
        }

    def _profile_put(self, partition: int, epoch: int, save: Save) -> Item:
        return {
            "Put": {
                "TableName": self._db.table("profiles"),
                "Item": {
                    "person": {"S": save.person},
                    "body": {"B": save.state},
                    "part": {"N": str(partition)},
                    "mark": {"N": str(save.offset)},
                    "epoch": {"N": str(epoch)},
                },
                "ConditionExpression": "attribute_not_exists(mark) OR part <> :part OR mark <= :mark",
                "ExpressionAttributeValues": {":part": {"N": str(partition)}, ":mark": {"N": str(save.offset)}},
            }
        }


def _transactions(saves: Sequence[Save]) -> Iterator[list[Save]]:
    batch: list[Save] = []
    size = 0
    for save in saves:
        size += len(save.state)
        if batch and (len(batch) == MAX_SAVES or size > MAX_SAVE_BYTES):
            yield batch
            batch, size = [], len(save.state)
        batch.append(save)
    if batch:
        yield batch


def _stored(item: Item) -> StoredProfile:
    return StoredProfile(bytes(item["body"]["B"]), int(item["part"]["N"]), int(item["mark"]["N"]))
