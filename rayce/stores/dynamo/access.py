"""Where and as whom the wire asks: whatever boto3 has found out for its own client of the same session."""

from typing import Any

from botocore.exceptions import NoCredentialsError
from botocore.httpsession import get_cert_path
from botocore.session import Session
from botocore.utils import get_environ_proxies

from rayce.settings import DynamoSettings
from rayce.stores.dynamo.signature import Identity
from rayce.stores.dynamo.wire import Wire


def wire_to(session: Session, endpoint_url: str, settings: DynamoSettings) -> Wire:
    """A wire to boto3's endpoint, with its credentials, authorities and (unless the endpoint is ours) proxy."""
    proxies = {} if settings.endpoint_url else get_environ_proxies(endpoint_url)
    return Wire(
        endpoint_url,
        settings.region,
        Identities(session, settings.access_key_id, settings.secret_access_key),
        settings.timeout_ms / 1000,
        get_cert_path(session.get_config_variable("ca_bundle") or True),
        proxies.get("https"),
    )


class Identities:
    """The key that was given, or what boto3's chain finds; temporary ones are renewed by botocore before they end."""

    def __init__(self, session: Session, access_key: str | None, secret_key: str | None) -> None:
        given = access_key is not None and secret_key is not None
        self._fixed = Identity(access_key or "", secret_key or "") if given else None
        self._found: Any = None if given else session.get_credentials()

    def __call__(self) -> Identity:
        """Raises a `BotoCoreError` where there is none or it could not be renewed."""
        if self._fixed is not None:
            return self._fixed
        if self._found is None:
            raise NoCredentialsError()
        found = self._found.get_frozen_credentials()
        return Identity(found.access_key, found.secret_key, found.token)
