"""The book of slots: a document that holds together, ready to be bound to the segment catalogue that is live."""

from collections.abc import Iterator

from msgspec import Raw

from rayce.circumstances import Circumstances
from rayce.rules.audience import Audience
from rayce.segments.catalogue import Catalogue
from rayce.slots.checks import check
from rayce.slots.deciding import UNKNOWN_SLOT, BoundExperiment, BoundRule, BoundSlot, Choice
from rayce.slots.document import Slot, SlotsFile
from rayce.slots.payload import encode_payload
from rayce.yaml_tree import read_yaml


class BoundSlots:
    """Decides for every slot of a tenant."""

    def __init__(self, policy: str, slots: dict[str, BoundSlot], catalogue: Catalogue) -> None:
        self.policy = policy
        self.catalogue = catalogue
        self._slots = slots

    def decide(self, circumstances: Circumstances, bits: int, person: str | None, now_ms: int) -> Choice:
        """What the slot of the circumstances shows: see `BoundSlot.decide`."""
        slot = self._slots.get(circumstances.slot)
        return UNKNOWN_SLOT if slot is None else slot.decide(circumstances, bits, person, now_ms)


class SlotBook:
    """A checked document with its payloads encoded. A segment that the catalogue does not have has no members."""

    def __init__(self, file: SlotsFile) -> None:
        check(file)
        for key, audience in _audiences(file):
            audience.check(key, None)
        self._payloads = {
            slot.name: {
                variant.name: Raw(encode_payload(variant.payload, f"slots[{i}].variants[{j}].payload"))
                for j, variant in enumerate(slot.variants)
            }
            for i, slot in enumerate(file.slots)
        }
        self._file = file
        self.policy = file.policy
        self._bound: BoundSlots | None = None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots as the document has them."""
        return self._file.slots

    def check_segments(self, catalogue: Catalogue) -> None:
        """`InvalidDocument` where an audience names a segment that the catalogue does not have."""
        for key, audience in _audiences(self._file):
            audience.check(key, catalogue)

    def bound(self, catalogue: Catalogue) -> BoundSlots:
        """Ready to decide by this catalogue; made anew only when the catalogue is another one."""
        if self._bound is None or self._bound.catalogue is not catalogue:
            seeds = {layer.name: layer.seed for layer in self._file.layers}
            slots = {slot.name: _bind(slot, self._payloads[slot.name], seeds, catalogue) for slot in self.slots}
            self._bound = BoundSlots(self.policy, slots, catalogue)
        return self._bound


def parse_slots(text: str) -> SlotBook:
    """The document of a YAML text; `InvalidDocument` names key and value, and nothing else is ever raised."""
    return SlotBook(read_yaml(text, SlotsFile))


def _audiences(file: SlotsFile) -> Iterator[tuple[str, Audience]]:
    """Every audience, with its key."""
    for i, slot in enumerate(file.slots):
        for j, rule in enumerate(slot.rules):
            yield f"slots[{i}].rules[{j}].audience", rule.audience
        for j, experiment in enumerate(slot.experiments):
            yield f"slots[{i}].experiments[{j}].audience", experiment.audience


def _bind(slot: Slot, payloads: dict[str, Raw], seeds: dict[str, str], catalogue: Catalogue) -> BoundSlot:
    experiments = {
        each.name: BoundExperiment(
            each, each.audience.compile(catalogue), seeds[each.layer.name] if each.layer else "", slot.fallback
        )
        for each in slot.experiments
    }
    rules = tuple(
        BoundRule(
            rule.name,
            rule.enabled,
            rule.audience.compile(catalogue),
            rule.show,
            experiments[rule.experiment] if rule.experiment else None,
        )
        for rule in slot.rules
    )
    return BoundSlot(slot.enabled, slot.fallback, payloads, rules)
