"""Our signature against botocore's own: the same request, byte for byte the same proof."""

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from rayce.stores.dynamo.signature import CONTENT_TYPE, TARGET, Identity, Signer

KEYS = st.text("ABCabc019/+=", min_size=1, max_size=40)
STAMPS = st.datetimes().map(lambda at: f"{at.year:04}{at:%m%dT%H%M%SZ}")


def botocores(url: str, region: str, identity: Identity, stamp: str, operation: str, body: bytes) -> str:
    """What botocore puts into `Authorization`."""
    request = AWSRequest("POST", url, data=body)
    request.headers["Content-Type"] = CONTENT_TYPE
    request.headers["X-Amz-Target"] = TARGET + operation
    request.headers["X-Amz-Date"] = stamp
    if identity.token:
        request.headers["X-Amz-Security-Token"] = identity.token
    request.context["timestamp"] = stamp
    auth = SigV4Auth(Credentials(*identity), "dynamodb", region)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return str(request.headers["Authorization"])


def ours(signer: Signer, identity: Identity, stamp: str, operation: str, body: bytes) -> str:
    lines = dict(line.split(": ", 1) for line in signer.headers(identity, stamp, operation, body).splitlines())
    return lines["authorization"]


@given(KEYS, KEYS, st.none() | KEYS, STAMPS, st.sampled_from(["Scan", "BatchGetItem"]), st.binary(max_size=300))
def test_it_is_botocores(access: str, secret: str, token: str | None, stamp: str, operation: str, body: bytes) -> None:
    identity = Identity(access, secret, token)
    for host, region in (("dynamodb.eu-west-1.amazonaws.com", "eu-west-1"), ("127.0.0.1:8000", "local")):
        scheme = "https" if "amazonaws" in host else "http"
        expected = botocores(f"{scheme}://{host}/", region, identity, stamp, operation, body)
        assert ours(Signer(host, region), identity, stamp, operation, body) == expected


def test_an_endpoint_below_a_path_is_signed_with_it() -> None:
    identity, stamp = Identity("key", "secret"), "20261120T111213Z"
    expected = botocores("http://gate:8000/dynamo", "eu-west-1", identity, stamp, "Scan", b"{}")
    assert ours(Signer("gate:8000", "eu-west-1", "/dynamo"), identity, stamp, "Scan", b"{}") == expected
    assert ours(Signer("gate:8000", "eu-west-1"), identity, stamp, "Scan", b"{}") != expected


def test_another_day_and_another_secret_are_not_signed_with_the_kept_key() -> None:
    """The key is derived once a day: one signer over a midnight and over a renewal of temporary credentials."""
    signer = Signer("host", "eu-west-1")
    for secret, stamp in (("a", "20261120T235959Z"), ("a", "20261121T000000Z"), ("b", "20261121T000001Z")):
        identity = Identity("key", secret, "token")
        expected = botocores("http://host/", "eu-west-1", identity, stamp, "Scan", b"{}")
        assert ours(signer, identity, stamp, "Scan", b"{}") == expected


@pytest.mark.parametrize("changed", ["body", "operation", "stamp", "secret", "token", "region", "host"])
def test_whatever_is_changed_changes_the_signature(changed: str) -> None:
    def proof(name: str) -> str:
        it = dict.fromkeys(["body", "operation", "secret", "token", "region", "host"], "a")
        it["stamp"] = "20261120T111213Z"
        it[name] = it.get(name, "") + "x" if name != "stamp" else "20261120T111214Z"
        identity = Identity("key", it["secret"], it["token"])
        signed = ours(Signer(it["host"], it["region"]), identity, it["stamp"], it["operation"], it["body"].encode())
        return signed.partition("Signature=")[2]

    assert proof(changed) != proof("nothing")
