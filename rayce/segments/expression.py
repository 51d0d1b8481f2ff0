"""A rule as a checked tree: what both back ends, the one for requests and the one for batches, and explanations work from.

For example `all: [{feature: cart_items, ge: 1}, {not: {feature: country, in: [DE, AT]}}]`.
"""

from collections.abc import Iterator
from typing import NamedTuple

Bound = float | str | tuple[str, ...]


class Comparison(NamedTuple):
    """A feature held against bounds, all of which must hold: (`ge`, 1.0) and so on; words for a categorical feature."""

    feature: str
    categorical: bool
    bounds: tuple[tuple[str, Bound], ...]


class InSegment(NamedTuple):
    """Membership of another segment as it stands, that is before the event at which the rule is asked."""

    segment: str
    bit: int
    short_lived: bool


class AllOf(NamedTuple):
    """Every rule holds."""

    rules: "tuple[Rule, ...]"


class AnyOf(NamedTuple):
    """At least one rule holds."""

    rules: "tuple[Rule, ...]"


class Not(NamedTuple):
    """The rule does not hold."""

    rule: "Rule"


Rule = Comparison | InSegment | AllOf | AnyOf | Not


def leaves(rule: Rule) -> Iterator[Comparison | InSegment]:
    """What the rule reads, in the order in which it is read; the same more than once where it is written so."""
    if isinstance(rule, Comparison | InSegment):
        yield rule
    elif isinstance(rule, Not):
        yield from leaves(rule.rule)
    else:
        for below in rule.rules:
            yield from leaves(below)
