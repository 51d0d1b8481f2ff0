"""A slots document as lines for people: what each slot does in which order, and how likely each arm is."""

from collections.abc import Iterator

from rayce.slots.assignment import odds
from rayce.slots.document import Experiment, Slot


def summary(slots: tuple[Slot, ...]) -> Iterator[str]:
    """One line a slot, one an experiment."""
    for slot in slots:
        order = [f"{rule.name}{'' if rule.enabled else ' (off)'}" for rule in slot.rules]
        state = "" if slot.enabled else " OFF, everybody gets the fallback"
        yield f"{slot.name}: {len(slot.variants)} variants, {' > '.join([*order, slot.fallback])}{state}"
        opened = {rule.experiment for rule in slot.rules if rule.enabled}
        for experiment in slot.experiments:
            yield f"  {experiment.name}: {_shares(experiment)}{_state(experiment, opened)}"


def _shares(experiment: Experiment) -> str:
    shares = [
        f"{arm.called} {share:.2%}"
        for arm, share in zip(experiment.arms, odds(experiment.arms, experiment.holdout), strict=True)
    ]
    return ", ".join([*shares, f"held out {experiment.holdout:.2%}"])


def _state(experiment: Experiment, opened: set[str | None]) -> str:
    part = experiment.layer
    words = [f"{part.start:.0%} to {part.end:.0%} of the layer {part.name}"] if part else []
    if not experiment.enabled:
        words.append("OFF")
    elif experiment.name not in opened:
        words.append("no rule asks it")
    return f" ({', '.join(words)})" if words else ""
