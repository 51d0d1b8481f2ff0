"""The request that is written by hand says exactly what botocore's own serializer would say."""

import json
from typing import Any

import botocore.session
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from rayce.settings import DynamoSettings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.dynamo.connection import Connection
from rayce.stores.dynamo.transaction import Left, Owner, encoded
from rayce.stores.interfaces import Save

COUNT = st.integers(0, 2**63 - 1)
SAVES = st.lists(st.builds(Save, st.text(), st.binary(max_size=200), COUNT), max_size=5)
OWNERS = st.builds(Owner, st.integers(0, 10_000), COUNT)


def connection() -> Connection:
    return DynamoStore(DynamoSettings("http://127.0.0.1:1", access_key_id="a", secret_access_key="b"))._db


DB = connection()


def botocores(actions: list[dict[str, Any]]) -> Any:
    """The body that botocore makes of these actions; the token that it adds is not ours."""
    operation = botocore.session.Session().get_service_model("dynamodb").operation_model("TransactWriteItems")
    request = create_serializer("json", include_validation=False).serialize_to_request(
        {"TransactItems": actions, "ClientRequestToken": "x"}, operation
    )
    made = json.loads(request["body"])
    del made["ClientRequestToken"]
    return made


def lease(owner: Owner, left: Left | None) -> dict[str, Any]:
    epoch = {":epoch": {"N": str(owner.epoch)}}
    place = {"TableName": "rayce-leases", "Key": {"part": {"N": str(owner.partition)}}}
    if left is None:
        return {"ConditionCheck": place | {"ConditionExpression": "epoch = :epoch", "ExpressionAttributeValues": epoch}}
    values = epoch | {":tally": {"B": left.tally}, ":step": {"N": str(left.step)}}
    condition = "epoch = :epoch AND (attribute_not_exists(step) OR step <= :step)"
    expressions = {"ConditionExpression": condition, "UpdateExpression": "SET tally = :tally, step = :step"}
    return {"Update": place | expressions | {"ExpressionAttributeValues": values}}


def put(owner: Owner, save: Save) -> dict[str, Any]:
    part, mark = {"N": str(owner.partition)}, {"N": str(save.offset)}
    item = {"person": {"S": save.person}, "body": {"B": save.state}, "part": part, "mark": mark}
    return {
        "Put": {
            "TableName": "rayce-profiles",
            "Item": item | {"epoch": {"N": str(owner.epoch)}},
            "ConditionExpression": "attribute_not_exists(mark) OR part <> :part OR mark <= :mark",
            "ExpressionAttributeValues": {":part": part, ":mark": mark},
        }
    }


@given(OWNERS, SAVES, st.none() | st.builds(Left, st.binary(max_size=200), COUNT))
def test_it_is_what_botocore_would_send(owner: Owner, saves: list[Save], left: Left | None) -> None:
    expected = botocores([lease(owner, left), *(put(owner, save) for save in saves)])
    assert json.loads(encoded(DB, owner, saves, left)) == expected


@given(st.sampled_from(["<person>", "<body>", "<mark>", '"<person>"', "%b", "%d%%", "\x00", "ü\ud7ff😀"]))
def test_a_name_that_looks_like_a_place_in_the_pattern_is_just_a_name(person: str) -> None:
    save, owner = Save(person, b"<mark>", 7), Owner(1, 2)
    assert json.loads(encoded(DB, owner, [save], None)) == botocores([lease(owner, None), put(owner, save)])
