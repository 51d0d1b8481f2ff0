"""Cohorts: one token each, nothing of a person in it, large by what is left out, and nothing unknown gets in."""

from collections.abc import Sequence

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.cohort import (
    CONTEXT,
    EVERYBODY,
    MAX_SEGMENTS,
    MAX_TOKEN,
    Cohort,
    cohort_of,
    decode_cohort,
    encode_cohort,
)
from rayce.cohort_relevance import Relevance, relevance
from rayce.errors import InvalidInput
from rayce.rules.audience import Audience, InSegments
from rayce.rules.rule import Rule
from rayce.segments.catalogue import MAX_BIT, Catalogue, parse_catalogue
from rayce.shelf import Popular
from rayce.slots.document import Slot, SlotRule, Variant

NAMES = {bit: f"s{bit}" for bit in range(MAX_BIT + 1)}
WORDS = {
    "country": ["DE", "AT"],
    "day_part": ["night", "morning", "afternoon", "evening"],
    "device": ["phone", "tablet", "desktop", "bot"],
    "language": ["de", "deu"],
}
contexts = st.dictionaries(st.sampled_from(CONTEXT), st.none()).flatmap(
    lambda d: st.tuples(*(st.tuples(st.just(name), st.sampled_from(WORDS[name])) for name in sorted(d)))
)
cohorts = st.builds(
    lambda bits, context: Cohort(tuple(sorted(bits)), context),
    st.sets(st.integers(0, MAX_BIT), max_size=MAX_SEGMENTS),
    contexts,
)


def always(bit: int, others: Sequence[int]) -> bool:
    return True


@given(cohorts)
def test_a_token_says_what_the_cohort_is_and_is_fit_for_an_address(cohort: Cohort) -> None:
    token = encode_cohort(cohort)
    assert decode_cohort(token, NAMES) == cohort
    assert len(token) <= MAX_TOKEN
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


@given(cohorts, cohorts)
def test_other_cohorts_have_other_tokens(one: Cohort, other: Cohort) -> None:
    assert (encode_cohort(one) == encode_cohort(other)) is (one == other)


@given(st.one_of(st.text(max_size=300), st.from_regex(r"v1(\.[a-z_0-9-]{1,20}){0,5}", fullmatch=True)))
def test_whatever_is_no_token_is_refused_by_name_and_what_is_read_is_the_only_one(token: str) -> None:
    try:
        cohort = decode_cohort(token, NAMES)
    except InvalidInput as error:
        assert error.key == "cohort" and "cohort" in str(error)
    else:
        assert encode_cohort(cohort) == token


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "no version"),
        ("v2.b1", "no version"),
        ("v1.", "known features"),
        ("v1.b3-1", "not in order"),
        ("v1.b1-1", "stands twice"),
        ("v1.b01", "known features"),
        ("v1.b" + "-".join(map(str, range(9))), "more than 8"),
        ("v1.b99999", "no segment with bit 99999"),
        ("v1.referrer-mail", "known features"),
        ("v1.country-de", "known: "),
        ("v1.device-phone.country-DE", "not in order"),
        ("v1.country-DE.country-AT", "stands twice"),
        ("v1.country-DE.b1", "known features"),
        ("v1.device-phone\n", "no device"),
        ("v1." + "b" * 300, "longer than 200"),
    ],
)
def test_a_refusal_says_what_is_wrong(token: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_cohort(token, NAMES)
    assert said in str(refused.value)


def test_a_cohort_has_only_what_matters_and_what_matters_most_when_there_is_too_much() -> None:
    context = (("browser", "safari"), ("country", "DE"), ("device", "phone"), ("referrer", "mail"))
    found = cohort_of(0b10110, context, [4, 0, 1], {("country", "DE"), ("referrer", "mail")}, always)
    assert found == Cohort((1, 4), (("country", "DE"),))
    many = cohort_of((1 << 20) - 1, (), list(reversed(range(20))), set(), always)
    assert many.segments == tuple(range(12, 20))
    assert cohort_of(0, (), [1, 2], set(), always) == EVERYBODY


def test_a_segment_that_would_tell_somebody_apart_is_left_out() -> None:
    together = {(1, 2): 5, (1, 3): 500}
    size = {1: 1_000, 2: 900, 3: 800, 4: 99}

    def has_enough(bit: int, others: Sequence[int]) -> bool:
        pairs = [together.get((other, bit), 1_000) for other in others]
        return min([size[bit], *pairs]) >= 100

    assert cohort_of(0b11110, (), [1, 2, 3, 4], set(), has_enough).segments == (1, 3)
    assert cohort_of(0b11110, (), [1, 2, 3, 4], set(), always).segments == (1, 2, 3, 4), "control"


@pytest.fixture
def catalogue() -> Catalogue:
    names = ["a", "b", "c", "d", "e"]
    segments = [
        {"name": name, "bit": bit, "kind": "rule", "triggers": ["view"], "when": {"feature": "events", "ge": 1}}
        for bit, name in enumerate(names)
    ]
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments}))


def rule(segments: InSegments, enabled: bool = True, **context: tuple[str, ...]) -> Rule:
    return Rule("r", audience=Audience(segments, context=context), enabled=enabled, filter="drop")


def test_what_audiences_name_matters_those_who_are_barred_first(catalogue: Catalogue) -> None:
    rules = [rule(InSegments(any=("a",), none=("d", "gone")), device=("phone",), browser=("safari",))]
    found = relevance([*rules, rule(InSegments(any=("e",)), enabled=False, device=("bot",))], (), None, catalogue)
    assert found == Relevance((3, 0), (), frozenset({("device", "phone")}))


def test_of_slots_the_rules_that_show_something_matter_and_experiments_do_not(catalogue: Catalogue) -> None:
    rules = (
        SlotRule("one", show="v", audience=Audience(InSegments(all=("b",)))),
        SlotRule("two", experiment="x", audience=Audience(InSegments(all=("c",)))),
    )
    slot = Slot("s", (Variant("v"),), "v", rules)
    assert relevance((), (slot,), None, catalogue).asked == (1,)


def test_of_lists_the_first_counts_and_countries_with_a_list_are_told_apart(catalogue: Catalogue) -> None:
    popular = Popular([], {"c": [("p", 1.0)]}, {"": [], "segment:b": [("p", 1.0)], "country:DE": [("p", 1.0)]})
    found = relevance((), (), popular, catalogue)
    assert found == Relevance((), (1, 2), frozenset({("country", "DE")}))
    assert (found.wanted(0b00110), found.wanted(0b00100), found.wanted(0b00001)) == ([1], [2], [])
