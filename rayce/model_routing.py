"""Which model ranks for whom: a document (`models`) that splits a tenant's traffic among models by name, and shadows some.

    version: 1
    salt: autumn          # another salt deals everybody anew
    split:                # shares of people; what they leave over goes to `default`
      - {model: gradient, share: 0.1}
      - {model: shuffle, share: 0.01}
    shadow:               # also scored, never shown: how far it differs is counted
      - {model: next, share: 0.05}

A name is a generation: `default` is `ranker`, any other `ranker.<name>`. `noop` and `shuffle` are baselines that need none.
"""

from hashlib import blake2b
from typing import Annotated

from msgspec import Meta, Struct

from rayce.errors import InvalidDocument
from rayce.yaml_tree import read_yaml

KIND = "ranker"
DEFAULT = "default"
NOOP, SHUFFLE = "noop", "shuffle"
BASELINES = (NOOP, SHUFFLE)

ModelName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_-]{0,31}$")]
_PARTS = 1 << 64


class Portion(Struct, frozen=True, forbid_unknown_fields=True):
    """A model and its share of the people, 0 to 1."""

    model: ModelName
    share: Annotated[float, Meta(ge=0, le=1)]


class Routing(Struct, frozen=True, forbid_unknown_fields=True):
    """A tenant's routing. Who gets which model depends on the salt, the shares and their order, and on nothing else.

    To raise a model's share takes people only from those behind it in the list; nobody else changes.
    """

    version: Annotated[int, Meta(ge=1, le=1)] = 1
    salt: Annotated[str, Meta(max_length=64)] = ""
    split: Annotated[tuple[Portion, ...], Meta(max_length=16)] = ()
    shadow: Annotated[tuple[Portion, ...], Meta(max_length=4)] = ()

    def model_of(self, who: str) -> str:
        """The model that ranks for them; `who` is a pseudonym, or what a request without one is about."""
        return _dealt(self.split, place(self.salt, "split", who), DEFAULT) if self.split else DEFAULT

    def shadow_of(self, who: str) -> str:
        """The model that is scored beside it; "" for most. Independent of who gets which model to see."""
        return _dealt(self.shadow, place(self.salt, "shadow", who), "") if self.shadow else ""


EVERYBODY_DEFAULT = Routing()


def kind_of(model: str) -> str:
    """The kind of generation that holds a model.

    >>> kind_of("default"), kind_of("gradient")
    ('ranker', 'ranker.gradient')
    """
    return KIND if model == DEFAULT else f"{KIND}.{model}"


def place(salt: str, purpose: str, who: str) -> float:
    """Where somebody stands between 0 and 1: uniform, stable, independent for each salt and purpose."""
    digest = blake2b(f"{salt}\0{purpose}\0{who}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _PARTS


def parse_routing(text: str) -> Routing:
    """The document; `InvalidDocument` names the key and its value."""
    found = read_yaml(text, Routing)
    for key, portions in (("split", found.split), ("shadow", found.shadow)):
        names = [portion.model for portion in portions]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise InvalidDocument(f"{key}: `{doubled}` stands twice", key, doubled)
        if (total := sum(portion.share for portion in portions)) > 1 + 1e-9:
            raise InvalidDocument(f"{key}: the shares add up to {total:g}, more than everybody", key, total)
    if any(portion.model in BASELINES for portion in found.shadow):
        raise InvalidDocument("shadow: a baseline has no scores to compare", "shadow", None)
    return found


def _dealt(portions: tuple[Portion, ...], at: float, otherwise: str) -> str:
    for model, share in ((portion.model, portion.share) for portion in portions):
        if at < share:
            return model
        at -= share
    return otherwise
