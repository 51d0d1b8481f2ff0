"""The one transaction of the stream: up to 99 profiles put under a lease that must still be ours.

Its JSON is written by hand: what does not change from one profile to the next is encoded once a transaction.
"""

from binascii import b2a_base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from botocore.exceptions import ClientError

from rayce.errors import Fenced, Unavailable
from rayce.stores.dynamo.connection import Connection, Item
from rayce.stores.interfaces import Save

PERSON, BODY, MARK = "<person>", "<body>", "<mark>"
"""Places in the pattern of a put; no table's name can hold these characters."""


class Owner(NamedTuple):
    """Whose transaction it is."""

    partition: int
    epoch: int


class Left(NamedTuple):
    """A tally to be left with the lease, and which of the owner's saves leaves it: a lower step never follows a higher."""

    tally: bytes
    step: int


def encoded(db: Connection, owner: Owner, saves: Sequence[Save], left: Left | None) -> bytes:
    """The body of the request."""
    pattern = _put_pattern(db.table("profiles"), owner)
    quoted = msgspec.json.encode
    actions = [msgspec.json.encode(_lease(db.table("leases"), owner, left))]
    actions += [
        pattern % (quoted(person), b2a_base64(state, newline=False), offset, offset) for person, state, offset in saves
    ]
    return b'{"TransactItems":[%b]}' % b",".join(actions)


def transact(db: Connection, owner: Owner, body: bytes) -> bool:
    """Whether it was done; False where another transaction was in the way. Raises `Fenced`, `Unavailable`."""
    try:
        db.ask("TransactWriteItems", body)
    except ClientError as error:
        reasons = {reason["Code"] for reason in error.response.get("CancellationReasons", ())}
        if "ConditionalCheckFailed" in reasons:
            raise Fenced(*owner) from None
        if reasons - {"None", "TransactionConflict"}:
            raise Unavailable("dynamodb", str(error)) from None
        return False
    return True


def _lease(table: str, owner: Owner, left: Left | None) -> Item:
    key, epoch = {"part": {"N": str(owner.partition)}}, {"N": str(owner.epoch)}
    if left is None:
        return {
            "ConditionCheck": {
                "TableName": table,
                "Key": key,
                "ConditionExpression": "epoch = :epoch",
                "ExpressionAttributeValues": {":epoch": epoch},
            }
        }
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "ConditionExpression": "epoch = :epoch AND (attribute_not_exists(step) OR step <= :step)",
            "UpdateExpression": "SET tally = :tally, step = :step",
            "ExpressionAttributeValues": {
                ":epoch": epoch,
                ":tally": {"B": left.tally},
                ":step": {"N": str(left.step)},
            },
        }
    }


def _put_pattern(table: str, owner: Owner) -> bytes:
    part = {"N": str(owner.partition)}
    put = {
        "Put": {
            "TableName": table,
            "Item": {
                "person": {"S": PERSON},
                "body": {"B": BODY},
                "part": part,
                "mark": {"N": MARK},
                "epoch": {"N": str(owner.epoch)},
            },
            "ConditionExpression": "attribute_not_exists(mark) OR part <> :part OR mark <= :mark",
            "ExpressionAttributeValues": {":part": part, ":mark": {"N": MARK}},
        }
    }
    pattern = msgspec.json.encode(put).replace(b'"%b"' % PERSON.encode(), b"%b")
    return pattern.replace(BODY.encode(), b"%b").replace(MARK.encode(), b"%d")
