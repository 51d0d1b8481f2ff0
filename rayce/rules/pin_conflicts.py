"""Pins that may want the same place at the same moment: not an error, as the more important one wins, but told."""

from collections.abc import Iterator, Sequence

from rayce.errors import InvalidDocument
from rayce.rules.audience import Audience
from rayce.rules.rule import Pin, Rule
from rayce.rules.window import parse_window


def pin_conflicts(rules: Sequence[Rule]) -> Iterator[str]:
    """A sentence for each pair of pins that overlap, unless their audiences can never hold together."""
    pinned = [(rule, rule.pin) for rule in rules if rule.pin is not None]
    for i, (rule, pin) in enumerate(pinned):
        for other, its in pinned[i + 1 :]:
            if not _never_together(rule.audience, other.audience):
                if _overlap(pin, its):
                    yield f"`{rule.name}` and `{other.name}` pin to the same place; `{rule.name}` wins, the other moves down"
                if both := {str(item) for item in pin.items} & {str(item) for item in its.items}:
                    yield f"`{rule.name}` and `{other.name}` both pin {min(both)!r}; `{rule.name}` wins"


def _overlap(one: Pin, other: Pin) -> bool:
    return one.position < other.position + len(other.items) and other.position < one.position + len(one.items)


def _never_together(one: Audience, other: Audience) -> bool:
    """Whether slots, context, segments or windows exclude each other; where that cannot be seen, no."""
    if one.slots and other.slots and not set(one.slots) & set(other.slots):
        return True
    for feature, words in one.context.items():
        if feature in other.context and not set(words) & set(other.context[feature]):
            return True
    for this, that in ((one, other), (other, one)):
        asked, refused = this.segments, set(that.segments.none)
        if refused & set(asked.all) or (asked.any and set(asked.any) <= refused):
            return True
    first, second = (
        parse_window(each.from_, each.until, each.zone, (), (), "audience", InvalidDocument) for each in (one, other)
    )
    for before, after in ((first, second), (second, first)):
        if before.until_ms is not None and after.from_ms is not None and before.until_ms <= after.from_ms:
            return True
    return False
