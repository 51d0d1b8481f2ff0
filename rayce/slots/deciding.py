"""Deciding: what a slot shows somebody in some circumstances, why, and with what probability. Microseconds, no store.

Who is nobody (no consent, or no store can tell) is in no experiment: rules by circumstances decide, or the fallback.
"""

from typing import Literal, NamedTuple

from msgspec import Raw, Struct

from rayce.circumstances import Circumstances
from rayce.decision import ArmOdds
from rayce.rules.audience import Holds
from rayce.slots.assignment import HOLDOUT_DRAW, LAYER_DRAW, choose, is_within, odds
from rayce.slots.checks import HOLDOUT
from rayce.slots.document import Arm, Experiment

Reason = Literal["rule", "experiment", "holdout", "fallback", "off", "unknown"]
"""A rule shows it; an arm does; kept out of the experiment; no rule held; the slot is switched off; there is no such slot."""
Passed = Literal["decided", "off", "audience", "experiment_off", "experiment_audience", "layer", "nobody"]
"""What came of a rule: it decided, or why not."""

NULL = Raw(b"null")


class Step(Struct, frozen=True):
    """One rule that was looked at, in order."""

    rule: str
    outcome: Passed


class Choice(NamedTuple):
    """What a slot shows; `variant` is None only where there is no such slot."""

    variant: str | None
    payload: Raw
    reason: Reason
    rule: str = ""
    experiment: str = ""
    arm: str = ""
    arms: tuple[ArmOdds, ...] = ()
    propensity: float = 1.0
    steps: tuple[Step, ...] = ()


UNKNOWN_SLOT = Choice(None, NULL, "unknown")


class BoundExperiment:
    """An experiment with its audience compiled and the odds of its arms."""

    def __init__(self, experiment: Experiment, holds: Holds, layer_seed: str, fallback: str) -> None:
        self.experiment = experiment
        self.holds = holds
        self.layer_seed = layer_seed
        chances = odds(experiment.arms, experiment.holdout)
        told = [ArmOdds(arm.called, arm.variant, p) for arm, p in zip(experiment.arms, chances, strict=True)]
        if experiment.holdout:
            told.append(ArmOdds(HOLDOUT, fallback, experiment.holdout))
        self.arms = tuple(told)
        self.propensity = {arm.arm: arm.propensity for arm in told}

    def refuses(self, circumstances: Circumstances, bits: int, person: str | None, now_ms: int) -> Passed | None:
        """Why the experiment is not for this request; None where it is."""
        experiment, layer = self.experiment, self.experiment.layer
        if not experiment.enabled:
            return "experiment_off"
        if person is None:
            return "nobody"
        if not self.holds(circumstances, bits, now_ms):
            return "experiment_audience"
        if layer is not None and not is_within(self.layer_seed, LAYER_DRAW, person, layer.start, layer.end):
            return "layer"
        return None

    def arm(self, person: str) -> Arm | None:
        """The person's arm; None for who is held out."""
        experiment = self.experiment
        if experiment.holdout and is_within(experiment.seed, HOLDOUT_DRAW, person, 0.0, experiment.holdout):
            return None
        return choose(experiment.seed, experiment.arms, person)


class BoundRule(NamedTuple):
    """A rule with its audience compiled; the variant it shows, or the experiment it asks."""

    name: str
    enabled: bool
    holds: Holds
    show: str | None
    experiment: BoundExperiment | None


class BoundSlot(NamedTuple):
    """A slot ready to decide."""

    enabled: bool
    fallback: str
    payloads: dict[str, Raw]
    rules: tuple[BoundRule, ...]

    def decide(self, circumstances: Circumstances, bits: int, person: str | None, now_ms: int) -> Choice:
        """The first rule that decides, or the fallback; `person` None: nobody may be assigned."""
        if not self.enabled:
            return Choice(self.fallback, self.payloads[self.fallback], "off")
        steps: list[Step] = []
        for rule in self.rules:
            outcome = _outcome(rule, circumstances, bits, person, now_ms)
            steps.append(Step(rule.name, outcome))
            if outcome == "decided":
                return self._shown(rule, person)._replace(steps=tuple(steps))
        return Choice(self.fallback, self.payloads[self.fallback], "fallback", steps=tuple(steps))

    def _shown(self, rule: BoundRule, person: str | None) -> Choice:
        bound = rule.experiment
        if bound is None or person is None:
            shown = rule.show or self.fallback
            return Choice(shown, self.payloads[shown], "rule", rule.name)
        arm = bound.arm(person)
        shown, called = (arm.variant, arm.called) if arm is not None else (self.fallback, HOLDOUT)
        return Choice(
            variant=shown,
            payload=self.payloads[shown],
            reason="experiment" if arm is not None else "holdout",
            rule=rule.name,
            experiment=bound.experiment.name,
            arm=called,
            arms=bound.arms,
            propensity=bound.propensity[called],
        )


def _outcome(rule: BoundRule, circumstances: Circumstances, bits: int, person: str | None, now_ms: int) -> Passed:
    if not rule.enabled:
        return "off"
    if not rule.holds(circumstances, bits, now_ms):
        return "audience"
    if rule.experiment is None:
        return "decided"
    return rule.experiment.refuses(circumstances, bits, person, now_ms) or "decided"
