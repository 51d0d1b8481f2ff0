"""Whether a slots document holds together: what one part names is there, names are unique, and experiments stay apart."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from rayce.errors import InvalidDocument
from rayce.slots.document import Arm, Experiment, Slot, SlotRule, SlotsFile

HOLDOUT = "holdout"
"""What the arm of those is called who get the fallback; no arm of a document may be."""


class _Held(NamedTuple):
    """A part of a layer that an experiment has."""

    start: float
    end: float
    experiment: str
    key: str


def check(file: SlotsFile) -> None:
    """`InvalidDocument` with key and value where it does not hold together."""
    _unique((f"slots[{i}].name", slot.name) for i, slot in enumerate(file.slots))
    _unique((f"layers[{i}].name", layer.name) for i, layer in enumerate(file.layers))
    _unique((f"{key}.name", experiment.name) for key, experiment in _experiments(file))
    seeds = [(f"layers[{i}].salt", layer.seed) for i, layer in enumerate(file.layers)]
    seeds += [(f"{key}.salt", experiment.seed) for key, experiment in _experiments(file)]
    _unique(seeds, "would deal people out alike")
    for i, slot in enumerate(file.slots):
        _check_slot(slot, f"slots[{i}]")
    _check_layers(file)


def _experiments(file: SlotsFile) -> Iterator[tuple[str, Experiment]]:
    for i, slot in enumerate(file.slots):
        for j, experiment in enumerate(slot.experiments):
            yield f"slots[{i}].experiments[{j}]", experiment


def _check_slot(slot: Slot, key: str) -> None:
    _unique((f"{key}.variants[{i}].name", variant.name) for i, variant in enumerate(slot.variants))
    _unique((f"{key}.rules[{i}].name", rule.name) for i, rule in enumerate(slot.rules))
    variants = {variant.name for variant in slot.variants}
    experiments = {experiment.name for experiment in slot.experiments}
    _known(slot.fallback, variants, f"{key}.fallback", "variant")
    for i, rule in enumerate(slot.rules):
        _check_rule(rule, variants, experiments, f"{key}.rules[{i}]")
    for i, experiment in enumerate(slot.experiments):
        _check_arms(experiment.arms, variants, f"{key}.experiments[{i}].arms")


def _check_rule(rule: SlotRule, variants: set[str], experiments: set[str], key: str) -> None:
    if (rule.show is None) == (rule.experiment is None):
        raise InvalidDocument(f"{key}: either `show` or `experiment`", key, rule.show or "")
    if rule.show is not None:
        _known(rule.show, variants, f"{key}.show", "variant")
    if rule.experiment is not None:
        _known(rule.experiment, experiments, f"{key}.experiment", "experiment")


def _check_arms(arms: tuple[Arm, ...], variants: set[str], key: str) -> None:
    _unique((f"{key}[{i}].name", arm.called) for i, arm in enumerate(arms))
    for i, arm in enumerate(arms):
        _known(arm.variant, variants, f"{key}[{i}].variant", "variant")
        if arm.called == HOLDOUT:
            raise InvalidDocument(f"{key}[{i}].name: `{HOLDOUT}` means those in no arm", f"{key}[{i}].name", HOLDOUT)
    if not any(arm.weight for arm in arms):
        raise InvalidDocument(f"{key}: no arm has a weight", key, 0)


def _check_layers(file: SlotsFile) -> None:
    """Parts of a layer do not overlap, also of experiments that are off: switched on they must not."""
    layers = {layer.name for layer in file.layers}
    held: dict[str, list[_Held]] = {}
    for key, experiment in _experiments(file):
        layer = experiment.layer
        if layer is None:
            continue
        _known(layer.name, layers, f"{key}.layer.name", "layer")
        if layer.start >= layer.end:
            raise InvalidDocument(f"{key}.layer: begins where it has ended", f"{key}.layer", [layer.start, layer.end])
        held.setdefault(layer.name, []).append(_Held(layer.start, layer.end, experiment.name, f"{key}.layer"))
    for name, parts in held.items():
        parts.sort()
        for one, next_one in pairwise(parts):
            if next_one.start < one.end:
                raise InvalidDocument(
                    f"{next_one.key}: overlaps `{one.experiment}` in the layer `{name}`",
                    next_one.key,
                    [next_one.start, next_one.end],
                )


def _unique(named: Iterable[tuple[str, str]], why: str = "stands twice") -> None:
    seen: dict[str, str] = {}
    for key, name in named:
        if name in seen:
            raise InvalidDocument(f"{key}: `{name}` {why} (also {seen[name]})", key, name)
        seen[name] = key


def _known(name: str, names: set[str], key: str, what: str) -> None:
    if name not in names:
        raise InvalidDocument(f"{key}: there is no {what} `{name}`", key, name)
