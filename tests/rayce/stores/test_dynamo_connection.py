"""What the endpoint answers becomes the same error, whichever way was taken; and who asks is whom boto3 would take."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.json import Decoder

from rayce.errors import Fenced, Unavailable
from rayce.settings import DynamoSettings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.dynamo.connection import MAX_ROUNDS, Connection
from rayce.stores.dynamo.wire_values import GotMany, OfPerson
from rayce.stores.interfaces import Save
from tests.rayce.stores.fake_endpoint import FakeEndpoint, Request, ok

SPACE = "com.amazonaws.dynamodb.v20120810#"


def refusal(code: str, status: str = "400 Bad Request", **more: Any) -> bytes:
    return ok(json.dumps({"__type": SPACE + code, "Message": f"said {code}", **more}).encode(), status)


def cancelled(*codes: str) -> bytes:
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(lambda request: ok(b"{}")) as serving:
        yield serving


def settings(endpoint: FakeEndpoint, **more: Any) -> DynamoSettings:
    keys = {"access_key_id": "local", "secret_access_key": "local"} | more
    return DynamoSettings(f"http://127.0.0.1:{endpoint.port}", timeout_ms=20_000, **keys)


@pytest.fixture
def db(endpoint: FakeEndpoint) -> Connection:
    return Connection(settings(endpoint))


WAYS: dict[str, Callable[[Connection], object]] = {
    "boto3": lambda db: db.call("transact_write_items", TransactItems=[]),
    "wire": lambda db: db.ask("TransactWriteItems", b"{}"),
}


@pytest.mark.parametrize("way", WAYS)
class TestBothWays:
    def test_a_refused_condition_is_told_with_its_reasons(
        self, db: Connection, endpoint: FakeEndpoint, way: str
    ) -> None:
        endpoint.answer = lambda request: cancelled("None", "ConditionalCheckFailed", "TransactionConflict")
        with pytest.raises(ClientError) as caught:
            WAYS[way](db)
        told = caught.value.response
        assert told["Error"]["Code"] == "TransactionCanceledException"
        assert "said TransactionCanceledException" in str(caught.value)
        reasons = [reason["Code"] for reason in told["CancellationReasons"]]  # type: ignore[typeddict-item]
        assert reasons == ["None", "ConditionalCheckFailed", "TransactionConflict"]

    @pytest.mark.parametrize(
        "reply",
        [
            refusal("ValidationException"),
            refusal("ResourceNotFoundException"),
            refusal("ProvisionedThroughputExceededException"),
            refusal("ExpiredTokenException"),
            refusal("InternalServerError", "500 Internal Server Error"),
            refusal("ServiceUnavailable", "503 Service Unavailable"),
            ok(b"<html>", "502 Bad Gateway"),
            ok(b"", "400 Bad Request"),
            None,
        ],
    )
    def test_everything_else_is_unavailable(
        self, db: Connection, endpoint: FakeEndpoint, way: str, reply: bytes | None
    ) -> None:
        endpoint.answer = lambda request: reply
        with pytest.raises(Unavailable) as caught:
            WAYS[way](db)
        assert caught.value.store == "dynamodb"
        assert caught.value.reason

    def test_nothing_is_retried(self, db: Connection, endpoint: FakeEndpoint, way: str) -> None:
        endpoint.answer = lambda request: refusal("ThrottlingException")
        with pytest.raises(Unavailable):
            WAYS[way](db)
        assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        (("ConditionalCheckFailed", "None"), Fenced),
        (("TransactionConflict", "ConditionalCheckFailed"), Fenced),
        (("TransactionConflict", "None"), Unavailable),
        (("ThrottlingError", "None"), Unavailable),
        (("ValidationError", "TransactionConflict"), Unavailable),
    ],
)
def test_why_a_transaction_was_cancelled_decides_who_is_to_blame(
    endpoint: FakeEndpoint, codes: tuple[str, ...], error: type[Exception]
) -> None:
    endpoint.answer = lambda request: cancelled(*codes)
    with pytest.raises(error):
        DynamoStore(settings(endpoint)).save_profiles(1, 2, [Save("a", b"x", 3)])


def test_a_transaction_that_met_another_is_repeated_as_it_was(endpoint: FakeEndpoint) -> None:
    endpoint.answer = lambda request: cancelled("TransactionConflict") if len(endpoint.requests) < 3 else ok(b"{}")
    DynamoStore(settings(endpoint)).save_profiles(1, 2, [Save("a", b"x", 3)], b"tally")
    bodies = [request.body for request in endpoint.requests]
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


def test_the_same_save_again_is_of_a_later_step_and_otherwise_the_same(endpoint: FakeEndpoint) -> None:
    store = DynamoStore(settings(endpoint))
    for _ in range(2):
        store.save_profiles(1, 2, [Save("a", b"x", 3)], b"tally")
    first, second = (request.body for request in endpoint.requests)
    assert first != second
    assert first.replace(b'":step":{"N":"1"}', b'":step":{"N":"2"}') == second


MANY = Decoder(GotMany[OfPerson])


def _few_at_a_time(request: Request) -> bytes:
    """Answers two of the keys and hands the others back."""
    (asked,) = json.loads(request.body)["RequestItems"].values()
    now, later = asked["Keys"][:2], asked["Keys"][2:]
    found = [{"person": key["person"], "body": {"B": "eA=="}, "more": {"S": "of later versions"}} for key in now]
    rest = {"UnprocessedKeys": {"rayce-consents": asked | {"Keys": later}}} if later else {"UnprocessedKeys": {}}
    return ok(json.dumps({"Responses": {"rayce-consents": found}, **rest}).encode())


def test_keys_that_were_not_looked_at_are_asked_for_again(db: Connection, endpoint: FakeEndpoint) -> None:
    endpoint.answer = _few_at_a_time
    people = [f"p{n}" for n in range(7)]
    found = list(db.get_many("consents", [{"person": {"S": person}} for person in people], MANY))
    assert [(item.person.S, item.body.B) for item in found] == [(person, b"x") for person in people]
    assert all(
        json.loads(request.body)["RequestItems"]["rayce-consents"]["ConsistentRead"] for request in endpoint.requests
    )
    assert len(endpoint.requests) == 4


def test_keys_that_are_never_looked_at_are_given_up(db: Connection, endpoint: FakeEndpoint) -> None:
    def never(request: Request) -> bytes:
        return ok(json.dumps({"UnprocessedKeys": json.loads(request.body)["RequestItems"]}).encode())

    endpoint.answer = never
    with pytest.raises(Unavailable, match="throttling"):
        list(db.get_many("consents", [{"person": {"S": "a"}}], MANY))
    assert len(endpoint.requests) == MAX_ROUNDS


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"Responses": {"rayce-consents": [{"person": {"N": "1"}}]}}']
)
def test_a_reply_that_is_not_what_was_promised_is_unavailable(
    db: Connection, endpoint: FakeEndpoint, body: bytes
) -> None:
    endpoint.answer = lambda request: ok(body)
    with pytest.raises(Unavailable, match="unreadable"):
        list(db.get_many("consents", [{"person": {"S": "a"}}], MANY))


class TestWhoAsks:
    def signed_by(self, endpoint: FakeEndpoint) -> tuple[str, str | None]:
        """Access key and token of the last request."""
        fields = endpoint.requests[-1].fields
        return fields["authorization"].partition("Credential=")[2].partition("/")[0], fields.get("x-amz-security-token")

    @pytest.fixture(autouse=True)
    def nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No credentials anywhere on this machine."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, "/nonexistent")

    def chained(self, endpoint: FakeEndpoint) -> Connection:
        return Connection(settings(endpoint, access_key_id=None, secret_access_key=None))

    @pytest.mark.parametrize("way", WAYS)
    def test_the_settings_keys_come_first(
        self, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        WAYS[way](Connection(settings(endpoint, access_key_id="of-the-settings")))
        assert self.signed_by(endpoint) == ("of-the-settings", None)

    @pytest.mark.parametrize("way", WAYS)
    def test_then_boto3s_chain_with_its_token(
        self, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "temporary")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
        WAYS[way](self.chained(endpoint))
        assert self.signed_by(endpoint) == ("temporary", "token")

    @pytest.mark.parametrize("way", WAYS)
    def test_where_there_are_none_it_is_unavailable(self, endpoint: FakeEndpoint, way: str) -> None:
        with pytest.raises(Unavailable, match="credentials"):
            WAYS[way](self.chained(endpoint))

    @pytest.mark.parametrize("way", WAYS)
    def test_an_instances_credentials_are_renewed_before_they_end(
        self, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        """They come from a container's credential endpoint, and each lasts less than botocore's safety margin."""
        issued = []

        def issue(request: Request) -> bytes:
            issued.append(f"key{len(issued) + 1}")
            ends = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            body = {
                "AccessKeyId": issued[-1],
                "SecretAccessKey": "x",
                "Token": f"token-{issued[-1]}",
                "Expiration": ends,
            }
            return ok(json.dumps(body).encode(), fields="Content-Type: application/json\r\n")

        with FakeEndpoint(issue) as issuer:
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{issuer.port}/")
            db = self.chained(endpoint)
            seen = []
            for _ in range(2):
                WAYS[way](db)
                seen.append(self.signed_by(endpoint))
        assert len(set(seen)) == 2, "the first was used until its end"
        assert all(token == f"token-{key}" for key, token in seen)
