"""The public suite that every family of features has to survive, also one of your own.

for name, check in check_family(MyFamily()):
check()  # AssertionError says what does not hold
"""

import pickle
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import partial
from math import isfinite

from rayce.event import BEHAVIOUR, LATEST_MS, Event
from rayce.features.check_events import START_MS, adversarial, bare, full, ordinary, out_of_order
from rayce.features.family import Family
from rayce.features.feature_set import ALWAYS, FeatureSet
from rayce.fold import fold
from rayce.profile import Profile, decode_profile, encode_profile

MOMENTS_MS = (0, START_MS, START_MS + 1, LATEST_MS)
MANY = 10_000
MOST_BYTES = 100_000
"""Of one family's state after `MANY` adversarial events (the longest names there can be); ordinary names take a tenth."""
GROWTH = 1.1
"""By how much the second half of them may still make it grow: numbers get longer."""

Check = Callable[[Family], None]


def check_family(family: Family) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check by name; each raises `AssertionError` where the family does not keep to the contract of `Family`."""
    return ((name, partial(check, family)) for name, check in CHECKS.items())


def check_names(families: Iterable[Family]) -> None:
    """Names of families, and of features across families, are lower-case identifiers and used once."""
    taken: set[str] = set()
    names: set[str] = set()
    for family in families:
        _must(family.name not in names, f"{family.name}: another family has this name")
        names.add(family.name)
        for name in (*family.numbers, *family.words):
            _must(name.isidentifier() and name == name.lower(), f"{family.name}: {name!r} is no lower-case identifier")
            _must(name not in taken, f"{family.name}: another feature is called {name!r}")
            taken.add(name)


def survives_pickling(family: Family) -> None:
    """It travels to other processes: the copy has the same features and reads the same."""
    try:
        twin = pickle.loads(pickle.dumps(family))
    except Exception as error:  # pickle has a dozen kinds
        raise AssertionError(f"{family.name}: cannot be pickled: {error}") from None
    _must((twin.name, twin.types) == (family.name, family.types), f"{family.name}: the copy is another family")
    profile = _folded(family, ordinary())
    _must(_values(twin, profile) == _values(family, profile), f"{family.name}: the copy reads other values")


def reads_of_nobody(family: Family) -> None:
    """Of an empty profile every number is finite and every word empty."""
    _check_values(family, Profile())
    for name, read in family.words.items():
        _must(read(Profile(), START_MS) == "", f"{family.name}: {name} knows something of nobody")


def changes_a_copy(family: Family) -> None:
    """Writing changes nothing inside of what the profile held before: replays and readers may still hold it."""
    profile = Profile()
    for event in ordinary():
        before = encode_profile(profile)
        after = _written(family, profile, event)
        _must(encode_profile(profile) == before, f"{family.name}: a {event.type} changed what was there before")
        profile = after


def keeps_to_its_own(family: Family) -> None:
    """It writes its own piece of `states` and nothing else; one that is always on writes its attributes and no `states`."""
    always = family.name in {each.name for each in ALWAYS}
    profile = Profile(states={"another": 1})
    for event in ordinary():
        after = _written(family, profile, event)
        rest = copy(after)
        rest.states = {name: state for name, state in after.states.items() if always or name != family.name}
        expected = rest if always else Profile()
        _must(rest.states == {"another": 1}, f"{family.name}: a {event.type} wrote another family's state")
        expected.states = rest.states
        _must(
            encode_profile(rest) == encode_profile(expected), f"{family.name}: a {event.type} wrote more than its state"
        )
        profile = after


def survives_the_codec(family: Family) -> None:
    """What it keeps is the same, and reads the same, after it was stored."""
    profile = Profile()
    for event in (*ordinary(), *out_of_order()):
        profile = _written(family, profile, event)
        stored = decode_profile(encode_profile(profile))
        _must(encode_profile(stored) == encode_profile(profile), f"{family.name}: its state changes in the store")
        _must(_values(family, stored) == _values(family, profile), f"{family.name}: reads other values from the store")


def replays_to_the_same_bytes(family: Family) -> None:
    """The same events in the same order give the same bytes, also where the state is stored and loaded between any two."""
    events = (*ordinary(), *out_of_order(), *bare())
    once, again, stored = Profile(), Profile(), Profile()
    for event in events:
        once, again = _written(family, once, event), _written(family, again, event)
        stored = decode_profile(encode_profile(_written(family, stored, event)))
    _must(encode_profile(once) == encode_profile(again), f"{family.name}: a replay gives other bytes")
    _must(encode_profile(once) == encode_profile(stored), f"{family.name}: a state from the store goes on otherwise")


def bears_missing_fields(family: Family) -> None:
    """No products, prices, categories, context or properties: nothing breaks."""
    profile = Profile()
    for event in bare():
        profile = _written(family, profile, event)
        _check_values(family, profile)


def bears_any_order_of_times(family: Family) -> None:
    """Late events, events of 1970 and of 2100, prices and quantities at their limits: values stay finite."""
    profile = Profile()
    for event in out_of_order():
        profile = _written(family, profile, event)
        _check_values(family, profile)


def stays_bounded(family: Family) -> None:
    """However many events and however long their names: see `MANY`, `MOST_BYTES`, `GROWTH`."""
    profile, peaks = Profile(), [0, 0]
    for n, event in enumerate(adversarial(MANY)):
        profile = _written(family, profile, event)
        if n % 10 == 9:  # right after a round of all types
            peaks[n >= MANY // 2] = max(peaks[n >= MANY // 2], len(encode_profile(profile)))
    first, second = peaks
    _must(second <= MOST_BYTES, f"{family.name}: {second:,} bytes, at most {MOST_BYTES:,} are allowed")
    _must(
        second <= first * GROWTH,
        f"{family.name}: grows on: {first:,} bytes in the first half, {second:,} in the second",
    )


def heeds_declared_types(family: Family) -> None:
    """Every type that it declares changes its state; no other type changes what it reads."""
    features = FeatureSet([] if family.name in {each.name for each in ALWAYS} else [family])
    profile = _folded(family, ordinary())
    now_ms = profile.last_ms + 1
    profile = fold(profile, full("add_to_cart", now_ms, 1), features)  # so that there is something to remove
    for kind in BEHAVIOUR:
        event = full(kind, now_ms)
        if kind in family.types:
            changed = encode_profile(_written(family, profile, event)) != encode_profile(profile)
            _must(changed, f"{family.name}: declares {kind}, which changes nothing")
        else:
            after = fold(profile, event, features)
            _must(after is not profile, "the fold passed the event over")
            _must(
                _values(family, after, now_ms) == _values(family, profile, now_ms),
                f"{family.name}: a {kind} changes its features, and it does not declare it",
            )


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        survives_pickling,
        reads_of_nobody,
        changes_a_copy,
        keeps_to_its_own,
        survives_the_codec,
        replays_to_the_same_bytes,
        bears_missing_fields,
        bears_any_order_of_times,
        stays_bounded,
        heeds_declared_types,
    )
}
"""By name."""


def _must(holds: bool, message: str) -> None:
    """Not `assert`, which Python may be told to leave out."""
    if not holds:
        raise AssertionError(message)


def _written(family: Family, profile: Profile, event: Event) -> Profile:
    """As the fold does it."""
    if event.type not in family.types:
        return profile
    after = copy(profile)
    after.states = dict(profile.states)
    try:
        family.write(after, event)
    except Exception as error:  # whatever it raises would be a dead letter
        raise AssertionError(f"{family.name}: a {event.type} raised {error!r}") from error
    return after


def _folded(family: Family, events: Iterable[Event]) -> Profile:
    features = FeatureSet([] if family.name in {each.name for each in ALWAYS} else [family])
    profile = Profile()
    for event in events:
        profile = fold(profile, event, features)
    return profile


def _values(family: Family, profile: Profile, now_ms: int = START_MS) -> list[float | str]:
    numbers = [read(profile, now_ms) for read in family.numbers.values()]
    return [*numbers, *(read(profile, now_ms) for read in family.words.values())]


def _check_values(family: Family, profile: Profile) -> None:
    for now_ms in MOMENTS_MS:
        for name, read in family.numbers.items():
            value = read(profile, now_ms)
            _must(isinstance(value, float | int) and isfinite(value), f"{family.name}: {name} is {value!r} at {now_ms}")
        for name, word in family.words.items():
            _must(isinstance(word(profile, now_ms), str), f"{family.name}: {name} is no text at {now_ms}")
