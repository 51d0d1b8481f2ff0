"""AWS Signature Version 4 for the one kind of request that the wire sends: a POST of JSON without a query.

The steps are those of "Create a signed AWS API request" in AWS's IAM user guide; a test compares the result with botocore's.
"""

import hmac
from hashlib import sha256
from typing import NamedTuple

ALGORITHM, SERVICE = "AWS4-HMAC-SHA256", "dynamodb"
CONTENT_TYPE = "application/x-amz-json-1.0"
TARGET = "DynamoDB_20120810."


class Identity(NamedTuple):
    """Who signs; the token is there where the secret is a temporary one."""

    access_key: str
    secret_key: str
    token: str | None = None


class Signer:
    """Signs requests to one host and region. May be shared among threads."""

    def __init__(self, host: str, region: str, path: str = "/") -> None:
        self._host, self._region, self._path = host, region, path
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def headers(self, identity: Identity, stamp: str, operation: str, body: bytes) -> str:
        """The head's lines that identify and authorise a request sent at `stamp` (`YYYYMMDDTHHMMSSZ`, UTC)."""
        signed = {"content-type": CONTENT_TYPE, "host": self._host, "x-amz-date": stamp}
        if identity.token:
            signed["x-amz-security-token"] = identity.token
        signed["x-amz-target"] = TARGET + operation
        names = ";".join(signed)  # in alphabetical order, as the signature demands
        lines = [f"{name}:{value}\n" for name, value in signed.items()]
        request = f"POST\n{self._path}\n\n{''.join(lines)}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{SERVICE}/aws4_request"
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._day_key(identity.secret_key, stamp[:8]), text.encode(), "sha256").hex()
        proof = f"{ALGORITHM} Credential={identity.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        return "".join(f"{name}: {value}\r\n" for name, value in signed.items()) + f"authorization: {proof}\r\n"

    def _day_key(self, secret_key: str, day: str) -> bytes:
        """Derived once a day and secret. Read and replaced whole, so threads need no lock."""
        made_for, key = self._key
        if made_for != (secret_key, day):
            key = f"AWS4{secret_key}".encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = ((secret_key, day), key)
        return key
