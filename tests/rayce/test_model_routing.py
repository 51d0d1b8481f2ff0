"""Model routing: shares are kept, people stay where they are, and a document that does not hold together is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidDocument
from rayce.model_routing import DEFAULT, Portion, Routing, kind_of, parse_routing, place

PEOPLE = [f"k1:{n:032x}" for n in range(4_000)]


def routing(*split: tuple[str, float], salt: str = "a", shadow: tuple[tuple[str, float], ...] = ()) -> Routing:
    return Routing(1, salt, tuple(Portion(*each) for each in split), tuple(Portion(*each) for each in shadow))


def dealt(found: Routing) -> list[str]:
    return [found.model_of(who) for who in PEOPLE]


def test_without_a_split_everybody_gets_the_default() -> None:
    assert set(dealt(Routing())) == {DEFAULT}
    assert {Routing().shadow_of(who) for who in PEOPLE} == {""}


def test_shares_are_kept_and_what_they_leave_is_the_default() -> None:
    found = dealt(routing(("one", 0.2), ("two", 0.1)))
    expected = {"one": 0.2, "two": 0.1, DEFAULT: 0.7}
    for model, share in expected.items():
        sigma = (share * (1 - share) / len(PEOPLE)) ** 0.5
        assert abs(found.count(model) / len(PEOPLE) - share) < 4 * sigma


def test_the_same_person_gets_the_same_model_again() -> None:
    assert dealt(routing(("one", 0.5))) == dealt(routing(("one", 0.5)))


def test_another_salt_deals_anew() -> None:
    one, other = dealt(routing(("one", 0.5))), dealt(routing(("one", 0.5), salt="b"))
    same = sum(a == b for a, b in zip(one, other, strict=True)) / len(PEOPLE)
    assert abs(same - 0.5) < 0.05


def test_raising_a_share_moves_only_people_into_it() -> None:
    before, after = dealt(routing(("one", 0.1))), dealt(routing(("one", 0.3)))
    moved = {(a, b) for a, b in zip(before, after, strict=True) if a != b}
    assert moved == {(DEFAULT, "one")}


def test_who_is_shadowed_is_independent_of_who_gets_what() -> None:
    found = routing(("one", 0.5), shadow=(("two", 0.5),))
    both = sum(found.model_of(who) == "one" and found.shadow_of(who) == "two" for who in PEOPLE) / len(PEOPLE)
    assert abs(both - 0.25) < 0.04


def test_places_are_uniform() -> None:
    """Chi-squared over 20 cells; 19 degrees of freedom, 1 in 10,000. The control shows that it can fail."""

    def chi_squared(places: list[float]) -> float:
        counts = [0] * 20
        for at in places:
            counts[int(at * 20)] += 1
        due = len(places) / 20
        return sum((count - due) ** 2 / due for count in counts)

    places = [place("salt", "split", who) for who in PEOPLE]
    assert chi_squared(places) < 50
    assert chi_squared([at**1.2 for at in places]) > 50


def test_names_are_generations() -> None:
    assert (kind_of(DEFAULT), kind_of("next")) == ("ranker", "ranker.next")


GOOD = """
version: 1
salt: autumn
split:
  - {model: gradient, share: 0.1}
  - {model: noop, share: 0.01}
shadow:
  - {model: next, share: 0.05}
"""


def test_a_good_document_is_read() -> None:
    found = parse_routing(GOOD)
    assert found == routing(("gradient", 0.1), ("noop", 0.01), salt="autumn", shadow=(("next", 0.05),))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("version: 2", "version"),
        ("versoin: 1", "versoin"),
        ("split: [{model: a, share: 1.5}]", "split[0].share"),
        ("split: [{model: 'A b', share: 0.5}]", "split[0].model"),
        ("split: [{model: a, share: 0.5}, {model: b, share: 0.6}]", "split"),
        ("split: [{model: a, share: 0.5}, {model: a, share: 0.1}]", "split"),
        ("split: [{model: a, share: .nan}]", "split[0].share"),
        ("shadow: [{model: shuffle, share: 0.5}]", "shadow"),
    ],
)
def test_a_bad_document_is_refused_with_its_key(text: str, key: str) -> None:
    with pytest.raises(InvalidDocument) as error:
        parse_routing(text)
    assert key.rpartition(".")[2].partition("[")[0] in f"{error.value.key} {error.value}"


@given(
    st.text(max_size=200)
    | st.sampled_from(GOOD.splitlines()).flatmap(lambda line: st.just(GOOD.replace(line, "- " + line)))
)
def test_any_text_is_a_routing_or_refused(text: str) -> None:
    try:
        found = parse_routing(text)
    except InvalidDocument:
        return
    assert found.model_of("k1:" + "0" * 32)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 0.15)), max_size=6, unique_by=lambda each: each[0]),
    st.text(max_size=10),
)
def test_everybody_is_dealt_to_a_model_of_the_split_or_the_default(split: list[tuple[str, float]], who: str) -> None:
    assert routing(*split).model_of(who) in {DEFAULT, *(model for model, _share in split)}
