"""Notes beside the generations, in their table: names of generations hold a slash, names of books do not."""

from rayce.stores.dynamo.connection import Part
from rayce.stores.interfaces import check_note

_BOOK = "notes#"


class Notes(Part):
    """`DurableNotes`."""

    def save_note(self, book: str, key: str, body: bytes) -> None:
        """See `DurableNotes.save_note`."""
        check_note(body)
        item = {"name": {"S": _BOOK + book}, "part": {"S": key}, "body": {"B": body}}
        self._db.call("put_item", TableName=self._db.table("generations"), Item=item)

    def load_notes(self, book: str) -> dict[str, bytes]:
        """See `DurableNotes.load_notes`."""
        found = self._db.pages(
            "query",
            "generations",
            KeyConditionExpression="#name = :name",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":name": {"S": _BOOK + book}},
            ConsistentRead=True,
        )
        return {item["part"]["S"]: bytes(item["body"]["B"]) for item in found}
