"""A cohort: what a page may be made by that many share: segments and context words, and nothing that tells one person.

Its token is what a content network keys its cache by: it stands in addresses and logs, so it has bit numbers (which are never
given to another segment) instead of names, few enough segments that a cohort stays large, and no word of a person.

    v1 [.b<bit>-<bit>…] [.<feature>-<word>]…        bits ascending, features sorted: equal cohorts have equal tokens
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from rayce.circumstances import Words
from rayce.errors import InvalidInput
from rayce.rules.known_words import described, is_known

VERSION = "v1"
CONTEXT = ("country", "day_part", "device", "language")
"""Context features that a cohort may have, sorted. Who came from where (`referrer`) changes with every click."""
MAX_SEGMENTS = 8
MAX_TOKEN = 200

Enough = Callable[[int, Sequence[int]], bool]
"""Whether so many people are in a segment, and in it and each of the others too, that it tells nobody apart."""

_BITS = re.compile(r"b(0|[1-9][0-9]{0,5})(?:-(0|[1-9][0-9]{0,5}))*")


class Cohort(Struct, frozen=True):
    """Bit numbers, ascending, and context words by name, sorted. Made by `cohort_of` and `decode_cohort`, which see to it."""

    segments: tuple[int, ...] = ()
    context: Words = ()

    @property
    def bits(self) -> int:
        """The segments as an integer: bit n set = in the segment with bit n."""
        return sum(1 << bit for bit in self.segments)


EVERYBODY = Cohort()


def cohort_of(
    bits: int, context: Words, wanted: Sequence[int], words: Collection[tuple[str, str]], has_enough: Enough
) -> Cohort:
    """The cohort of somebody in the segments `bits` and in a context.

    Of the segments those that are `wanted` (bit numbers, what matters most first), at most `MAX_SEGMENTS`, each only where
    `has_enough` people are in it together with any one of those taken before; of the context what is among `words`.
    """
    taken: list[int] = []
    for bit in wanted:
        if bits >> bit & 1 and len(taken) < MAX_SEGMENTS and bit not in taken and has_enough(bit, taken):
            taken.append(bit)
    return Cohort(tuple(sorted(taken)), tuple(word for word in context if word[0] in CONTEXT and word in words))


def encode_cohort(cohort: Cohort) -> str:
    """The token, fit for a path.

    >>> encode_cohort(Cohort((3, 17), (("country", "DE"), ("device", "phone"))))
    'v1.b3-17.country-DE.device-phone'
    >>> encode_cohort(EVERYBODY)
    'v1'
    """
    parts = [VERSION]
    if cohort.segments:
        parts.append("b" + "-".join(map(str, cohort.segments)))
    return ".".join([*parts, *(f"{name}-{word}" for name, word in cohort.context)])


def decode_cohort(token: str, names: Mapping[int, str]) -> Cohort:
    """Inverse of `encode_cohort`, and of nothing else: one cohort has one token. `names` are the segments by bit.

    `InvalidInput` says what is not known: version, segment, feature, word; or that it is too long, or not in order.
    """
    if len(token) > MAX_TOKEN:
        raise InvalidInput(f"cohort: longer than {MAX_TOKEN} characters", "cohort", token[:64])
    version, *parts = token.split(".")
    if version != VERSION:
        raise _refusal(f"{version[:16]!r} is no version of a cohort; known: {VERSION}", token)
    segments: tuple[int, ...] = ()
    if parts and _BITS.fullmatch(parts[0]):
        segments = tuple(map(int, parts.pop(0)[1:].split("-")))
    cohort = Cohort(segments, tuple(_word(part, token) for part in parts))
    _check(cohort, names, token)
    return cohort


def _word(part: str, token: str) -> tuple[str, str]:
    feature, dash, word = part.partition("-")
    if not dash or feature not in CONTEXT:
        raise _refusal(f"{part!r} is no segments and no context; known features: {', '.join(CONTEXT)}", token)
    if not is_known(feature, word):
        raise _refusal(f"no {feature} is {word!r}; known: {described(feature)}", token)
    return feature, word


def _check(cohort: Cohort, names: Mapping[int, str], token: str) -> None:
    for bit in cohort.segments:
        if bit not in names:
            raise _refusal(f"the live catalogue has no segment with bit {bit}", token)
    if len(cohort.segments) > MAX_SEGMENTS:
        raise _refusal(f"more than {MAX_SEGMENTS} segments", token)
    features = [feature for feature, _word in cohort.context]
    if list(cohort.segments) != sorted(set(cohort.segments)) or features != sorted(set(features)):
        raise _refusal("not in order, or something stands twice", token)


def _refusal(message: str, token: str) -> InvalidInput:
    return InvalidInput(f"cohort: {message}", "cohort", token)
