"""Documents: YAML that people activate and take back without a restart. Each is a generation of its tenant, by kind.

Every process takes it up through `LiveGenerations` with `document_parser`; until one was activated there is none.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from rayce.errors import InvalidArtifact, InvalidInput
from rayce.generations import Parse, generation_name
from rayce.publication import publish
from rayce.stores.interfaces import DurableGenerations

RULES, SLOTS, MODELS, KEYS = "rules", "slots", "models", "keys"
"""Kinds: the marketer's rules, decision slots, model routing, API keys (these belong to `EVERYBODY`)."""
EVERYBODY = "_"
"""Stands for the tenant of what all tenants share."""

DOCUMENT_FILE, MANIFEST_FILE = "document.yaml", "manifest.json"

ParseText = Callable[[str], Any]
"""What a text says; `InvalidInput` with key and value where it does not hold together."""


class _Manifest(Struct, frozen=True):
    activated_ms: int
    before: int


class Document(NamedTuple):
    """A document that is live: its generation, its text, since when (ms), and which was live before it (0: none)."""

    number: int
    text: str
    activated_ms: int
    before: int


def activate_document(
    durable: DurableGenerations, tenant: str, kind: str, text: str, parse: ParseText, now_ms: int
) -> int:
    """Make a document live and return its number; where `parse` refuses it, nothing changes.

    What is live already stays as it is, so that a way back is not used up by repeating.
    """
    parse(text)
    name = generation_name(tenant, kind)
    before = durable.live(name).get(name, 0)
    # the text alone: what is damaged or no longer holds together must be replaceable
    if before and durable.load_generation(name, before).get(DOCUMENT_FILE) == text.encode():
        return before
    files = {DOCUMENT_FILE: text.encode(), MANIFEST_FILE: msgspec.json.encode(_Manifest(now_ms, before))}
    return publish(durable, name, files, document_parser(parse))


def roll_back_document(durable: DurableGenerations, tenant: str, kind: str, parse: ParseText) -> int:
    """Make the document live that was so before, and return its number. `InvalidInput` where there is none any more."""
    name = generation_name(tenant, kind)
    live = live_document(durable, tenant, kind)
    if live is None:
        raise InvalidInput(f"there is nothing to go back to: no {kind} were activated", "generation", None)
    if live.before not in durable.numbers(name):
        was = f"generation {live.before}, which is no longer kept" if live.before else "nothing; activate an empty one"
        raise InvalidInput(
            f"there is nothing to go back to: before generation {live.number} it was {was}", "generation", live.before
        )
    document_parser(parse)(durable.load_generation(name, live.before))
    durable.make_live(name, live.before)
    return live.before


def document_parser(parse: ParseText) -> Parse:
    """Reads what a document says out of a generation's files, for `LiveGenerations`."""
    return lambda files: _parsed(files, parse)


def document_text(durable: DurableGenerations, tenant: str, kind: str) -> str | None:
    """The text that is live; None where nothing was activated."""
    live = live_document(durable, tenant, kind)
    return None if live is None else live.text


def live_document(durable: DurableGenerations, tenant: str, kind: str) -> Document | None:
    """The document that is live, whatever it says; None where nothing was activated."""
    name = generation_name(tenant, kind)
    number = durable.live(name).get(name)
    return None if number is None else _document(number, durable.load_generation(name, number))


def _document(number: int, files: Mapping[str, bytes]) -> Document:
    try:
        manifest = msgspec.json.decode(files[MANIFEST_FILE], type=_Manifest)
        return Document(number, files[DOCUMENT_FILE].decode(), manifest.activated_ms, manifest.before)
    except (KeyError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise InvalidArtifact(f"the document cannot be read: {error}", DOCUMENT_FILE, None) from None


def _parsed(files: Mapping[str, bytes], parse: ParseText) -> Any:
    try:
        return parse(files[DOCUMENT_FILE].decode())
    except (KeyError, UnicodeDecodeError, InvalidInput) as error:
        raise InvalidArtifact(f"the document cannot be used: {error}", DOCUMENT_FILE, None) from None
