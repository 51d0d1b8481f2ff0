"""The tables: name, keys; all are billed per request, so an idle cluster costs nothing."""

from botocore.exceptions import ClientError

from rayce.stores.dynamo.connection import Connection

KEYS: dict[str, dict[str, str]] = {
    "profiles": {"person": "S"},
    "leases": {"part": "N"},
    "consents": {"person": "S"},
    "items": {"tenant": "S", "item": "S"},
    "generations": {"name": "S", "part": "S"},
    "pointers": {"name": "S"},
    "lists": {"person": "S", "generation": "N"},
}

TTL = {"lists": "expires_s"}


def create_tables(db: Connection) -> None:
    """Make the missing tables and wait for them."""
    made = [name for name in KEYS if _create(db, name)]
    for name in made:
        db.client.get_waiter("table_exists").wait(TableName=db.table(name), WaiterConfig={"Delay": 1})
        if name in TTL:
            db.call(
                "update_time_to_live",
                TableName=db.table(name),
                TimeToLiveSpecification={"Enabled": True, "AttributeName": TTL[name]},
            )


def _create(db: Connection, name: str) -> bool:
    keys = KEYS[name]
    try:
        db.call(
            "create_table",
            TableName=db.table(name),
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()],
            BillingMode="PAY_PER_REQUEST",
        )
    except ClientError:
        return False
    return True
