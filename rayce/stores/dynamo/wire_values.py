"""DynamoDB's JSON as the hot path reads it: typed, so that one pass turns a reply into values (base64 and numbers included)."""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

T = TypeVar("T")


class Text(Struct, gc=False):
    """A string."""

    S: str


class Binary(Struct, gc=False):
    """Bytes; base64 on the wire."""

    B: bytes


class Number(Struct, gc=False):
    """A whole number; a string on the wire, so decoders must not be strict."""

    N: int


class Body(Struct, gc=False):
    """What every table has: something encoded by us."""

    body: Binary


class OfPerson(Body, gc=False):
    """A person's consent or list."""

    person: Text


class OfItem(Body, gc=False):
    """A tenant's product."""

    item: Text


class OfProfile(OfPerson, gc=False):
    """A profile with its watermark."""

    part: Number
    mark: Number


class GotMany(Struct, Generic[T]):
    """Reply of BatchGetItem, by table."""

    responses: dict[str, list[T]] = msgspec.field(name="Responses", default_factory=dict)
    unprocessed: dict[str, msgspec.Raw] = msgspec.field(name="UnprocessedKeys", default_factory=dict)


class Page(Struct, Generic[T]):
    """Reply of Scan."""

    items: list[T] = msgspec.field(name="Items", default_factory=list)
    last: dict[str, Any] | None = msgspec.field(name="LastEvaluatedKey", default=None)


class Reason(Struct):
    """Why one action of a transaction did not happen; "None": for the others' sake."""

    code: str = msgspec.field(name="Code", default="")


class Failure(Struct):
    """Body of any reply but 200. The message is spelt in two ways."""

    kind: str = msgspec.field(name="__type", default="")
    message: str | None = None
    Message: str | None = None
    reasons: list[Reason] = msgspec.field(name="CancellationReasons", default_factory=list)

    @property
    def code(self) -> str:
        """The kind without its name space."""
        return self.kind.rpartition("#")[2]
