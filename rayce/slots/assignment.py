"""Assignment: which arm of an experiment a person is in. By hash alone: nothing is stored, every replica agrees at once.

Each arm draws for the person, by keyed BLAKE2b (RFC 7693) of salt, arm and pseudonym; the largest `ln(draw) / weight` wins
(weighted rendezvous hashing: Thaler and Ravishankar 1998; Schindelhauer and Schomaker 2005, "Weighted distributed hash tables",
the logarithmic method). So an arm is won with probability weight / sum of weights, independently of other salts, and as few
people as can be move when weights change: an arm that grows draws people from all the others, one that shrinks or is taken out
gives only its own people away; whoever is in neither stays.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log
from typing import Protocol, TypeVar

RESOLUTION = 2**53
HOLDOUT_DRAW, LAYER_DRAW = "\1holdout", "\1layer"
"""What is drawn for beside arms, whose names have no control characters."""


class Weighted(Protocol):
    """An arm."""

    @property
    def called(self) -> str:
        """Its name."""

    @property
    def weight(self) -> float:
        """Its weight against the others."""


def draw(seed: str, what: str, person: str) -> float:
    """A number in (0, 1), always the same for the same three, and as good as independent for any others."""
    digest = blake2b(f"{what}\0{person}".encode(), digest_size=8, key=_key(seed), person=b"rayce slot")
    return ((int.from_bytes(digest.digest(), "big") >> 11) + 0.5) / RESOLUTION


def is_within(seed: str, what: str, person: str, start: float, end: float) -> bool:
    """Whether the person's draw is in [start, end)."""
    return start <= draw(seed, what, person) < end


Arm = TypeVar("Arm", bound=Weighted)


def choose(seed: str, arms: Sequence[Arm], person: str) -> Arm | None:
    """The person's arm; None where no arm has a weight."""
    best, found = float("-inf"), None
    for arm in arms:
        if arm.weight > 0:
            score = log(draw(seed, arm.called, person)) / arm.weight
            if score > best:
                best, found = score, arm
    return found


def odds(arms: Sequence[Weighted], holdout: float) -> list[float]:
    """The probability of each arm among people of the experiment, `holdout` of whom get none."""
    total = sum(arm.weight for arm in arms)
    return [(1.0 - holdout) * arm.weight / total if total else 0.0 for arm in arms]


def _key(seed: str) -> bytes:
    """Salts are at most 64 characters, keys at most 64 bytes."""
    raw = seed.encode()
    return raw if len(raw) <= 64 else blake2b(raw, digest_size=32).digest()
