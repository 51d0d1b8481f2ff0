"""The slots document: what a marketer writes (YAML), as checked structs.

A slot has variants, a `fallback` among them, and rules in order: the first one whose audience holds decides, by showing a
variant or by opening an experiment. Nothing in it is ever evaluated as code.
"""

from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from rayce.rules.audience import Audience

MAX_SLOTS, MAX_VARIANTS, MAX_RULES, MAX_EXPERIMENTS, MAX_ARMS, MAX_LAYERS = 200, 50, 100, 50, 20, 50

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+\Z")]
Note = Annotated[str, Meta(max_length=500)]
Salt = Annotated[str, Meta(max_length=64, pattern=r"^[\x20-\x7e]*\Z")]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Weight = Annotated[float, Meta(ge=0.0, le=1_000_000.0)]


class Variant(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that the slot can hold; the page knows what to do with the payload."""

    name: Name
    payload: Any = None
    description: Note = ""


class Arm(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of an experiment: the variant it shows, and its weight against the other arms; by default named as it."""

    variant: Name
    weight: Weight = 1.0
    name: Name | None = None

    @property
    def called(self) -> str:
        """The arm's name."""
        return self.name or self.variant


class InLayer(Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a layer's people that an experiment has to itself: from 0 to 1, the end not included."""

    name: Name
    start: Share
    end: Share


class Experiment(Struct, frozen=True, forbid_unknown_fields=True):
    """People of an audience, each in one arm for as long as the arms stay; `holdout` is the share that gets the fallback."""

    name: Name
    arms: Annotated[tuple[Arm, ...], Meta(min_length=1, max_length=MAX_ARMS)]
    salt: Salt = ""
    holdout: Share = 0.0
    enabled: bool = True
    audience: Audience = Audience()
    layer: InLayer | None = None
    description: Note = ""

    @property
    def seed(self) -> str:
        """What people are assigned by: the salt, or else the name."""
        return self.salt or self.name


class SlotRule(Struct, frozen=True, forbid_unknown_fields=True):
    """For its audience: `show` a variant, or ask an `experiment` of the slot."""

    name: Name
    show: Name | None = None
    experiment: Name | None = None
    audience: Audience = Audience()
    enabled: bool = True
    description: Note = ""


class Slot(Struct, frozen=True, forbid_unknown_fields=True):
    """A place of a page. Not `enabled`: everybody gets the fallback."""

    name: Name
    variants: Annotated[tuple[Variant, ...], Meta(min_length=1, max_length=MAX_VARIANTS)]
    fallback: Name
    rules: Annotated[tuple[SlotRule, ...], Meta(max_length=MAX_RULES)] = ()
    experiments: Annotated[tuple[Experiment, ...], Meta(max_length=MAX_EXPERIMENTS)] = ()
    enabled: bool = True
    description: Note = ""


class Layer(Struct, frozen=True, forbid_unknown_fields=True):
    """People dealt out among experiments, of whichever slots, so that nobody is in two of them."""

    name: Name
    salt: Salt = ""
    description: Note = ""

    @property
    def seed(self) -> str:
        """What people are dealt out by."""
        return self.salt or self.name


class SlotsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document."""

    version: Annotated[int, Meta(ge=0, le=2**53)]
    slots: Annotated[tuple[Slot, ...], Meta(max_length=MAX_SLOTS)]
    layers: Annotated[tuple[Layer, ...], Meta(max_length=MAX_LAYERS)] = ()

    @property
    def policy(self) -> str:
        """Names what is in force: `slots:<version>-<hash of what it says>`."""
        digest = blake2b(msgspec.json.encode(self), digest_size=4).hexdigest()
        return f"slots:{self.version}-{digest}"
