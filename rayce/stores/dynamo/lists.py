"""Precomputed lists by person and generation; DynamoDB's own time to live removes those of old generations."""

import time
from collections.abc import Collection, Iterable

from msgspec.json import Decoder

from rayce.stores.dynamo.connection import MAX_WRITE, Part, batches, unique
from rayce.stores.dynamo.wire_values import GotMany, OfPerson

_many = Decoder(GotMany[OfPerson])

KEPT_S = 60 * 86_400


class Lists(Part):
    """`DurableLists`."""

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        """See `DurableLists.save_lists`."""
        expires_s = str(int(time.time()) + KEPT_S)
        self._db.write_many(
            "lists",
            (
                {
                    "PutRequest": {
                        "Item": {
                            "person": {"S": person},
                            "generation": {"N": str(generation)},
                            "body": {"B": body},
                            "expires_s": {"N": expires_s},
                        }
                    }
                }
                for person, body in lists
            ),
        )

    def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
        """See `DurableLists.load_lists`."""
        keys = ({"person": {"S": person}, "generation": {"N": str(generation)}} for person in unique(persons))
        found = self._db.get_many("lists", keys, _many, consistent=False)
        return {item.person.S: item.body.B for item in found}

    def drop_lists(self, below: int, kept: Collection[int], dry_run: bool = False) -> int:
        """See `DurableLists.drop_lists`."""
        keys = (
            {"person": item["person"], "generation": item["generation"]}
            for item in self._db.pages(
                "scan",
                "lists",
                ProjectionExpression="#person, #generation",
                FilterExpression="#generation < :below",
                ExpressionAttributeNames={"#person": "person", "#generation": "generation"},
                ExpressionAttributeValues={":below": {"N": str(below)}},
            )
            if int(item["generation"]["N"]) not in kept
        )
        count = 0
        for batch in batches(keys, MAX_WRITE):
            count += len(batch)
            if not dry_run:
                self._db.write_many("lists", ({"DeleteRequest": {"Key": key}} for key in batch))
        return count
