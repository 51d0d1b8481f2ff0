"""The suite of checks: every family that is shipped survives it, and each check catches the mutant made for it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from rayce.event import BEHAVIOUR, Event
from rayce.features.checks import CHECKS, check_family, check_names
from rayce.features.family import Family, Plain
from rayce.features.feature_set import ALWAYS, OPTIONAL
from rayce.profile import Profile

FAMILIES: tuple[Family, ...] = (*ALWAYS, *OPTIONAL)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("name", CHECKS)
def test_every_family_survives_every_check(family: Family, name: str) -> None:
    dict(check_family(family))[name]()


def test_names_are_unique_across_families() -> None:
    check_names(FAMILIES)


class Counter(Plain):
    """An honest family: views, counted. The mutants change one thing each."""

    name = "counter"
    types = frozenset({"view"})

    def __init__(self) -> None:
        self.numbers: dict[str, Any] = {"count": lambda p, now: float(p.states.get("counter", [0])[0])}
        self.words: dict[str, Any] = {"kind": lambda p, now: "viewer" if "counter" in p.states else ""}

    def write(self, profile: Profile, event: Event) -> None:
        profile.states["counter"] = [profile.states.get("counter", [0])[0] + 1]


class Unpicklable(Counter):
    def __reduce__(self) -> Any:
        return object.__reduce_ex__(self, 2)


class AnotherAfterPickling(Counter):
    def __reduce__(self) -> Any:
        return Counter, ()

    def __init__(self) -> None:
        super().__init__()
        self.numbers["count"] = lambda p, now: 7.0


class NotANumberOfNobody(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.numbers["rate"] = lambda p, now: float("nan") if not p.states else 1.0


class KnowsNobody(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.words["kind"] = lambda p, now: "stranger"


class ChangesInPlace(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        profile.states.setdefault("counter", [0])[0] += 1


class WritesAnAttribute(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        super().write(profile, event)
        profile.spend += 1.0


class WritesAnothersState(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        super().write(profile, event)
        profile.states["another"] = 2


class ReadsOnlyTuples(Counter):
    """Live it has a tuple, from the store a list."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers["count"] = lambda p, now: float(isinstance(p.states.get("counter"), tuple))

    def write(self, profile: Profile, event: Event) -> None:
        profile.states["counter"] = (*profile.states.get("counter", ()), 1)[:1]


class UsesTheClock(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        profile.states["counter"] = [time.perf_counter_ns()]


class GoesOnOtherwise(Counter):
    """Counts tuples (live) by one, lists (from the store) by two."""

    def write(self, profile: Profile, event: Event) -> None:
        known = profile.states.get("counter", (0,))
        profile.states["counter"] = (known[0] + (1 if isinstance(known, tuple) else 2),)


class NeedsAProduct(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        assert event.items[0].item_id
        super().write(profile, event)


class NeedsAPrice(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        spent = sum(line.price for line in event.items)  # type: ignore[misc]
        profile.states["counter"] = [spent]


class OnlyForward(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        assert event.timestamp_ms >= profile.states.get("counter", [0])[0], "time runs backwards"
        profile.states["counter"] = [event.timestamp_ms]


class Overflows(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.numbers["ratio"] = lambda p, now: 1e9 / p.states["counter"][1] if p.states else 0.0

    def write(self, profile: Profile, event: Event) -> None:
        prices = [line.price for line in event.items if line.price]
        profile.states["counter"] = [1, min(prices, default=1.0)]


class KeepsEveryName(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        known = profile.states.get("counter", [0])
        profile.states["counter"] = [0, *known[1:], event.items[0].item_id if event.items else ""]


class GrowsSlowly(Counter):
    def write(self, profile: Profile, event: Event) -> None:
        profile.states["counter"] = [0, profile.states.get("counter", [0, ""])[1] + "x"]


class DeclaresInVain(Counter):
    types = frozenset({"view", "login"})

    def write(self, profile: Profile, event: Event) -> None:
        if event.type == "view":
            super().write(profile, event)


class ReadsWhatOthersWrite(Counter):
    def __init__(self) -> None:
        super().__init__()
        self.numbers["events"] = lambda p, now: float(p.events)


MUTANTS: dict[type[Counter], str] = {
    Unpicklable: "survives_pickling",
    AnotherAfterPickling: "survives_pickling",
    NotANumberOfNobody: "reads_of_nobody",
    KnowsNobody: "reads_of_nobody",
    ChangesInPlace: "changes_a_copy",
    WritesAnAttribute: "keeps_to_its_own",
    WritesAnothersState: "keeps_to_its_own",
    ReadsOnlyTuples: "survives_the_codec",
    UsesTheClock: "replays_to_the_same_bytes",
    GoesOnOtherwise: "replays_to_the_same_bytes",
    NeedsAProduct: "bears_missing_fields",
    NeedsAPrice: "bears_missing_fields",
    OnlyForward: "bears_any_order_of_times",
    Overflows: "bears_any_order_of_times",
    KeepsEveryName: "stays_bounded",
    GrowsSlowly: "stays_bounded",
    DeclaresInVain: "heeds_declared_types",
    ReadsWhatOthersWrite: "heeds_declared_types",
}


def test_an_honest_family_survives() -> None:
    for _name, check in check_family(Counter()):
        check()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught_by_its_check(mutant: Callable[[], Family]) -> None:
    with pytest.raises(AssertionError, match="counter: "):
        dict(check_family(mutant()))[MUTANTS[mutant]]()  # type: ignore[index]


def test_every_check_has_a_mutant() -> None:
    assert set(MUTANTS.values()) == set(CHECKS)


class Namesake(Counter):
    name = "other"


class Shouting(Counter):
    name = "shouting"

    def __init__(self) -> None:
        super().__init__()
        self.numbers, self.words = {"LOUD": self.numbers["count"]}, {}


@pytest.mark.parametrize("families", [(Counter(), Namesake()), (Counter(), Counter()), (Shouting(),)])
def test_names_that_collide_or_are_none_are_caught(families: tuple[Family, ...]) -> None:
    with pytest.raises(AssertionError):
        check_names(families)


def test_the_events_of_the_checks_hold_every_type() -> None:
    from rayce.features.check_events import adversarial, bare, ordinary, out_of_order

    for events in (ordinary(), bare(), out_of_order(), adversarial(100)):
        assert {event.type for event in events} == set(BEHAVIOUR)
