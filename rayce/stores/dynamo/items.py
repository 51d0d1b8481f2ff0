"""The tenants' product catalogues, one item a product."""

from collections.abc import Collection, Iterable, Mapping

from msgspec.json import Decoder

from rayce.stores.dynamo.connection import Part, unique
from rayce.stores.dynamo.wire_values import GotMany, OfItem

_many = Decoder(GotMany[OfItem])


class Items(Part):
    """`DurableItems`."""

    def save_items(self, tenant: str, items: Mapping[str, bytes]) -> None:
        """See `DurableItems.save_items`."""
        self._db.write_many(
            "items",
            (
                {"PutRequest": {"Item": {"tenant": {"S": tenant}, "item": {"S": item_id}, "body": {"B": body}}}}
                for item_id, body in items.items()
            ),
        )

    def load_items(self, tenant: str, item_ids: Collection[str]) -> dict[str, bytes]:
        """See `DurableItems.load_items`."""
        keys = ({"tenant": {"S": tenant}, "item": {"S": item_id}} for item_id in unique(item_ids))
        return {item.item.S: item.body.B for item in self._db.get_many("items", keys, _many)}

    def delete_items(self, tenant: str, item_ids: Collection[str]) -> None:
        """See `DurableItems.delete_items`."""
        self._db.write_many(
            "items",
            ({"DeleteRequest": {"Key": {"tenant": {"S": tenant}, "item": {"S": i}}}} for i in unique(item_ids)),
        )

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        """See `DurableItems.all_items`."""
        found = self._db.pages(
            "query",
            "items",
            ConsistentRead=True,
            KeyConditionExpression="tenant = :tenant",
            ExpressionAttributeValues={":tenant": {"S": tenant}},
        )
        return ((item["item"]["S"], bytes(item["body"]["B"])) for item in found)
