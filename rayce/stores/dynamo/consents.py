"""Consent records, one item a person."""

from collections.abc import Collection

from botocore.exceptions import ClientError
from msgspec.json import Decoder

from rayce.consent import Consent
from rayce.stores.dynamo.connection import Part, unique
from rayce.stores.dynamo.wire_values import GotMany, OfPerson

_many = Decoder(GotMany[OfPerson])


class Consents(Part):
    """`DurableConsents`."""

    def load_consents(self, persons: Collection[str]) -> dict[str, Consent]:
        """See `DurableConsents.load_consents`."""
        keys = ({"person": {"S": person}} for person in unique(persons))
        found = self._db.get_many("consents", keys, _many)
        return {item.person.S: Consent.from_bytes(item.body.B) for item in found}

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
