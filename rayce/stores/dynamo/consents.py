"""Consent records, one item a person."""

from collections.abc import Collection

from botocore.exceptions import ClientError

from rayce.consent import Consent
from rayce.stores.dynamo.connection import Part, found_by, unique


class Consents(Part):
    """`DurableConsents`."""

    def load_consents(self, persons: Collection[str]) -> dict[str, Consent]:
        """See `DurableConsents.load_consents`."""
        items = self._db.get_many("consents", ({"person": {"S": person}} for person in unique(persons)))
        return found_by(items, "person", lambda item: Consent.from_bytes(bytes(item["body"]["B"])))

    def save_consent(self, person: str, consent: Consent) -> None:
        """See `DurableConsents.save_consent`."""
        changed = {"N": str(consent.changed_ms)}
        try:
            self._db.call(
                "put_item",
                TableName=self._db.table("consents"),
                Item={"person": {"S": person}, "body": {"B": consent.to_bytes()}, "changed_ms": changed},
                ConditionExpression="attribute_not_exists(changed_ms) OR changed_ms <= :changed",
                ExpressionAttributeValues={":changed": changed},
            )
        except ClientError:
            return  # the newer decision stands
