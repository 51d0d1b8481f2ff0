"""The tenants' product catalogues, one item a product."""

from collections.abc import Collection, Iterable, Mapping

from rayce.stores.dynamo.connection import Part, found_by, unique


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
        return found_by(self._db.get_many("items", keys), "item", lambda item: bytes(item["body"]["B"]))

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        """See `DurableItems.all_items`."""
        found = self._db.pages(
            "query",
            "items",
            KeyConditionExpression="tenant = :tenant",
            ExpressionAttributeValues={":tenant": {"S": tenant}},
        )
        return ((item["item"]["S"], bytes(item["body"]["B"])) for item in found)
