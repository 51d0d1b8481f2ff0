"""API keys as a document: added, revoked and taken up by every edge without a restart. Only hashes are ever kept.

A key is `rk_` and 32 random bytes; who was given one has the only copy. It has a tenant, scopes, and may have a rate, a
lowest priority and an end. Keys in the settings go on beside these: with them the first program gets in.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from re import fullmatch
from typing import Literal

from msgspec import Struct, json

from rayce.documents import EVERYBODY, KEYS, activate_document, document_text
from rayce.errors import InvalidDocument
from rayce.refusals import UNREADABLE
from rayce.settings import ApiKey
from rayce.stores.interfaces import DurableGenerations
from rayce.yaml_tree import read_yaml

PREFIX = "rk_"
RANDOM_BYTES = 32
MAX_KEYS = 5_000
MAX_NAME = 64
Keys = Mapping[str, ApiKey]
"""By name."""


class KeyDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    version: Literal[1]
    keys: dict[str, ApiKey] = {}


def parse_keys(text: str) -> Keys:
    """The keys of a document; `InvalidDocument` names key and value, never a hash."""
    keys = _read(text).keys
    if len(keys) > MAX_KEYS:
        raise InvalidDocument(f"at most {MAX_KEYS} keys", "keys", len(keys))
    seen: dict[str, str] = {}
    for name, key in keys.items():
        _check(name, key)
        if key.sha256 in seen:
            raise InvalidDocument(
                f"keys.{name}: the same key as `{seen[key.sha256]}`", f"keys.{name}.sha256", "(hidden)"
            )
        seen[key.sha256] = name
    return keys


def until_ms(key: ApiKey) -> int | None:
    """When the key ends (ms since the epoch), or None. `ValueError` where it is no moment with a zone.

    >>> until_ms(ApiKey("00" * 32, "shop", until="2026-12-01T00:00:00Z"))
    1796083200000
    """
    if not key.until:
        return None
    moment = datetime.fromisoformat(key.until)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return int(moment.timestamp() * 1000)


def make_key(random: bytes) -> str:
    """A key of so many random bytes."""
    return PREFIX + urlsafe_b64encode(random).rstrip(b"=").decode()


def hash_of(key: str) -> str:
    """What is kept of a key: it is random and long, so that one SHA-256 is enough."""
    return sha256(key.encode()).hexdigest()


def add_key(durable: DurableGenerations, name: str, key: ApiKey, now_ms: int) -> int:
    """Make the key live under a new name; the number of the generation. `InvalidDocument` where it cannot be."""
    keys = live_keys(durable)
    if name in keys:
        raise InvalidDocument(f"there is a key named `{name}`: revoke it, or take another name", "name", name)
    with suppress(ValueError):  # what is no moment is refused with the whole document
        if (ends_ms := until_ms(key)) is not None and ends_ms <= now_ms:
            raise InvalidDocument(f"until {key.until}: that is over", "until", key.until)
    return _activate(durable, {**keys, name: key}, now_ms)


def revoke_key(durable: DurableGenerations, name: str, now_ms: int) -> int:
    """Take the key away; the number of the generation. `InvalidDocument` where there is none of that name."""
    keys = live_keys(durable)
    if name not in keys:
        raise InvalidDocument(f"no key is named `{name}`", "name", name)
    return _activate(durable, {other: key for other, key in keys.items() if other != name}, now_ms)


def live_keys(durable: DurableGenerations) -> Keys:
    """The document's keys; empty where none was ever added."""
    text = document_text(durable, EVERYBODY, KEYS)
    return {} if text is None else parse_keys(text)


def _read(text: str) -> KeyDocument:
    """As `_activate` has written it: a hundred times as fast as YAML, which matters with thousands of keys. Else as YAML."""
    try:
        return json.decode(text, type=KeyDocument)
    except UNREADABLE:
        return read_yaml(text, KeyDocument)


def _activate(durable: DurableGenerations, keys: Keys, now_ms: int) -> int:
    """As JSON, which is YAML too: a name or hash that looks like a number stays a text."""
    document = KeyDocument(1, dict(sorted(keys.items())))
    text = json.format(json.encode(document), indent=1).decode()
    return activate_document(durable, EVERYBODY, KEYS, text, parse_keys, now_ms)


def _check(name: str, key: ApiKey) -> None:
    at = f"keys.{name}"
    if not fullmatch(rf"[A-Za-z0-9_.-]{{1,{MAX_NAME}}}", name):
        raise InvalidDocument(f"{at}: 1 to {MAX_NAME} letters, digits, `_`, `.`, `-`", at, name[:MAX_NAME])
    if not fullmatch(r"[0-9a-f]{64}", key.sha256):
        raise InvalidDocument(f"{at}.sha256: no SHA-256 in hexadecimal", f"{at}.sha256", "(hidden)")
    if not key.tenant:
        raise InvalidDocument(f"{at}.tenant: no tenant", f"{at}.tenant", key.tenant)
    if key.tenant == EVERYBODY or "/" in key.tenant:  # generations are named by tenant and kind
        raise InvalidDocument(f"{at}.tenant: not `{EVERYBODY}`, and no `/` in it", f"{at}.tenant", key.tenant)
    try:
        until_ms(key)
    except (ValueError, OverflowError):
        message = f"{at}.until: a moment with its zone, as 2026-12-01T00:00:00Z"
        raise InvalidDocument(message, f"{at}.until", key.until) from None
