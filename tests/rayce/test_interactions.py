from rayce.event import Event
from rayce.history import replay
from rayce.interactions import BOUGHT_WEIGHT, MAX_EVENT_ITEMS, Interactions, gather
from rayce.segments.catalogue import load_catalogue
from tests.samples import T0, event

NUMBER = {f"p{n}": n for n in range(300)}


def gathered(*events: Event) -> Interactions:
    return gather(replay(events, {}, load_catalogue()), NUMBER)


def test_events_of_one_session_share_a_number_and_others_do_not() -> None:
    found = gathered(
        event("view", "p1", session="s"),
        event("purchase", "p2", session="s", at=T0 + 1),
        event("purchase", "p3", at=T0 + 2),
        event("purchase", "p4", at=T0 + 3),
        event("view", "p5", session="s", who=2),
    )
    assert found.session.tolist() == [0, 0, 1, 2, 3]
    assert found.person.tolist() == [0, 0, 0, 0, 1]
    assert found.item.tolist() == [1, 2, 3, 4, 5]
    assert found.bought.tolist() == [False, True, True, True, False]
    assert found.purchases().item.tolist() == [2, 3, 4]


def test_a_product_counts_once_in_an_event_and_only_if_it_is_in_the_catalogue() -> None:
    assert gathered(event("purchase", "p7", "p7", "unknown", "p2")).item.tolist() == [2, 7]


def test_what_is_merely_shown_or_searched_is_no_interaction() -> None:
    assert len(gathered(event("impression", "p1"), event("search"), event("custom", "p2")).item) == 0


def test_rows_carry_what_the_event_says_of_interest_and_its_country() -> None:
    found = gathered(
        event("view", "p1", context={"country": "DE"}),
        event("add_to_cart", "p2", at=T0 + 1, context={"country": "nowhere"}),
        event("purchase", "p3", at=T0 + 2, context={"country": "AT"}),
        event("click", "p4", at=T0 + 3, context={"country": "DE"}),
    )
    assert found.weight.tolist() == [1.0, 3.0, BOUGHT_WEIGHT, 1.0]
    assert [found.countries[n] for n in found.country.tolist()] == ["DE", "", "AT", "DE"]
    assert found.where(found.item == 3).country.tolist() == [found.countries.index("AT")]


def test_an_endless_event_is_cut() -> None:
    assert len(gathered(event("purchase", *NUMBER)).item) == MAX_EVENT_ITEMS


def test_rows_carry_the_segments_in_force_before_the_event() -> None:
    found = gathered(*(event("purchase", "p1", at=T0 + n) for n in range(4)))
    members = [found.member_bits[kind] for kind in found.kind.tolist()]
    repeat_buyer = 3
    assert [repeat_buyer in bits for bits in members] == [False, False, False, True]


def test_a_short_lived_segment_has_ended_when_it_has_ended() -> None:
    found = gathered(
        event("view", "p1"), event("purchase", "p1", at=T0 + 599_000), event("purchase", "p1", at=T0 + 601_000)
    )
    shopping_now = 0
    assert [shopping_now in found.member_bits[kind] for kind in found.kind.tolist()] == [False, True, False]
