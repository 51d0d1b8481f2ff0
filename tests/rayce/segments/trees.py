"""Random rules and people: trees as a catalogue may hold them, and profiles whose features are any value at all."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from rayce.event import Event
from rayce.features.family import Number, Word
from rayce.features.feature_set import FeatureSet
from rayce.profile import Profile
from rayce.segments.rules import COMPARISONS, MAX_DEPTH, Place

NUMBERS, WORDS = ("n0", "n1", "n2"), ("w0", "w1")
SEGMENTS = {"lasting": Place(5, False), "passing": Place(6, True)}


class Anything:
    """A family of features whose values are put into the profile as they are."""

    name = "anything"
    types: frozenset[str] = frozenset()
    numbers: Mapping[str, Number] = {n: lambda p, _now, n=n: p.states["anything"].get(n, float("nan")) for n in NUMBERS}  # type: ignore[misc]
    words: Mapping[str, Word] = {n: lambda p, _now, n=n: p.states["anything"].get(n, "") for n in WORDS}  # type: ignore[misc]

    def write(self, profile: Profile, event: Event) -> None:
        """Nothing."""


FEATURES = FeatureSet([Anything()])

few = st.sampled_from([0.0, -0.0, 1.0, 2.0])
"""So few that a value often equals a bound."""
numbers = few | few | few | st.floats(-1e15, 1e15, allow_nan=False) | st.integers(-3, 3)
words = st.sampled_from(["", "DE", "AT", "de", "ä"])


def comparisons(names: tuple[str, ...] = NUMBERS, categories: tuple[str, ...] = WORDS) -> st.SearchStrategy[Any]:
    """Leaves over these features."""
    of_numbers = st.fixed_dictionaries(
        {"feature": st.sampled_from(names)}, optional=dict.fromkeys(COMPARISONS, numbers)
    )
    if not categories:
        return of_numbers.filter(lambda tree: len(tree) > 1)
    of_words = st.fixed_dictionaries(
        {"feature": st.sampled_from(categories)},
        optional={"eq": words, "ne": words, "in": st.lists(words, min_size=1, max_size=3)},
    )
    return (of_numbers | of_words).filter(lambda tree: len(tree) > 1)


def trees(leaves: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Trees over the leaves, no deeper than is allowed."""
    memberships = st.fixed_dictionaries({"in_segment": st.sampled_from(sorted(SEGMENTS))})
    return st.recursive(
        leaves if leaves is not None else comparisons() | comparisons() | memberships,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=12,
    ).filter(lambda tree: depth(tree) <= MAX_DEPTH)


def depth(tree: dict[str, Any]) -> int:
    """Nodes on the longest way down."""
    below = [tree["not"]] if "not" in tree else tree.get("all", tree.get("any", []))
    return 1 + max((depth(each) for each in below), default=0)


any_number = few | few | few | st.sampled_from([float("nan"), float("nan"), float("inf"), float("-inf")]) | st.floats()
people = st.builds(
    lambda values, flags, short: Profile(states={"anything": values}, flags=flags, short_lived=short),
    st.fixed_dictionaries({}, optional={**dict.fromkeys(NUMBERS, any_number), **dict.fromkeys(WORDS, words)}),
    st.sampled_from([0, 1 << 5]),
    st.sampled_from([(), ((6, 10),), ((6, 30),)]),
)
"""Whose features may be missing, not a number, or infinite; at moment 20,000 ms the short-lived flag is over or in force."""
AT_MS = 20_000


def having(**values: Any) -> Profile:
    """Somebody with these features."""
    return Profile(states={"anything": values})


def interpret(tree: dict[str, Any], profile: Profile, now_ms: int, features: FeatureSet) -> bool:
    """As naive as can be."""
    if "all" in tree:
        return not [each for each in tree["all"] if not interpret(each, profile, now_ms, features)]
    if "any" in tree:
        return bool([each for each in tree["any"] if interpret(each, profile, now_ms, features)])
    if "not" in tree:
        return not interpret(tree["not"], profile, now_ms, features)
    if "in_segment" in tree:
        lasting, passing = profile.flags >> 5 & 1, [u for _b, u in profile.short_lived if u * 1000 > now_ms]
        return bool(lasting if tree["in_segment"] == "lasting" else passing)
    value: Any = {**features.numbers, **features.words}[tree["feature"]](profile, now_ms)
    told = {
        "ge": lambda bound: value >= bound,
        "gt": lambda bound: value > bound,
        "le": lambda bound: value <= bound,
        "lt": lambda bound: value < bound,
        "eq": lambda bound: value == bound,
        "ne": lambda bound: value != bound,
        "in": lambda bound: value in bound,
    }
    return all(told[word](bound) for word, bound in tree.items() if word != "feature")
