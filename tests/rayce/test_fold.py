"""The fold: what each event does, and what must hold whatever comes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.event import BEHAVIOUR, Event, decode_event, encode_event
from rayce.features import all_features
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.features.session import SESSION_GAP_MS
from rayce.fold import fold
from rayce.profile import (
    MAX_BOUGHT,
    MAX_CART_ITEMS,
    MAX_SESSION_ITEMS,
    MAX_TOUCHED,
    Profile,
    decode_profile,
    encode_profile,
)
from rayce.recent_ids import MAX_IDS
from rayce.segments.flags import pack_flags
from tests.samples import T0, event, events, folded, histories, item_ids, person


def test_a_view_counts_and_opens_a_session() -> None:
    profile = folded(event("view", "p1"))
    assert (profile.events, profile.counts, profile.first_ms, profile.last_ms) == (1, {"view": 1}, T0, T0)
    assert profile.session.items == ("p1",)
    assert profile.touched == {"p1": (T0, 1.0)}
    assert profile.interest == 1.0


def test_a_purchase_counts_once_a_basket_and_once_a_product() -> None:
    profile = folded(event("purchase", "p1", "p2"), event("purchase", "p1", at=T0 + DAY_MS))
    assert (profile.baskets, profile.spend) == (2, 7.5)
    assert profile.bought["p1"].count == 2
    assert profile.bought["p2"].count == 1
    assert (profile.first_purchase_ms, profile.last_purchase_ms) == (T0, T0 + DAY_MS)


def test_what_is_bought_leaves_the_cart() -> None:
    profile = folded(event("add_to_cart", "p1", "p2"), event("purchase", "p1", at=T0 + 1))
    assert list(profile.cart) == ["p2"]


def test_removing_less_than_is_there_leaves_the_rest() -> None:
    profile = folded(
        event("add_to_cart", "p1"), event("add_to_cart", "p1", at=T0 + 1), event("remove_from_cart", "p1", at=T0 + 2)
    )
    assert profile.cart == {"p1": (1, 2.5)}
    assert folded(event("remove_from_cart", "p1", at=T0 + 3), start=profile).cart == {}


def test_removing_what_is_not_there_changes_no_cart() -> None:
    assert folded(event("add_to_cart", "p1"), event("remove_from_cart", "p9", at=T0 + 1)).cart == {"p1": (1, 2.5)}


@pytest.mark.parametrize("gap_ms, depth", [(SESSION_GAP_MS, 2), (SESSION_GAP_MS + 1, 1)])
def test_a_session_without_a_name_ends_after_half_an_hour_of_silence(gap_ms: int, depth: int) -> None:
    assert folded(event("view", "p1"), event("view", "p2", at=T0 + gap_ms)).session.depth == depth


def test_a_named_session_goes_on_after_silence_and_ends_with_another_name() -> None:
    first = event("view", "p1", session="a")
    later = event("view", "p2", at=T0 + 3 * SESSION_GAP_MS, session="a")
    other = event("view", "p3", at=T0 + 3 * SESSION_GAP_MS + 1, session="b")
    assert folded(first, later).session.items == ("p1", "p2")
    assert folded(first, later, other).session.items == ("p3",)


def test_an_impression_is_no_interest() -> None:
    profile = folded(event("impression", "p1", "p2"))
    assert (profile.touched, profile.session.items, profile.interest) == ({}, (), 0.0)
    assert profile.counts == {"impression": 1}


def test_a_late_event_counts_by_its_own_time_and_reopens_no_session() -> None:
    profile = folded(event("view", "p1", session="b"), event("view", "p2", at=T0 - DAY_MS, session="a"))
    assert (profile.first_ms, profile.last_ms, profile.events) == (T0 - DAY_MS, T0, 2)
    assert profile.session.key == "b" and profile.session.items == ("p1",)
    assert profile.interest == pytest.approx(1.5)


def test_a_late_purchase_weighs_what_it_would_have_weighed_in_time() -> None:
    in_time = folded(event("purchase", "p1", at=T0 - BOUGHT_HALF_LIFE_MS), event("purchase", "p1"))
    late = folded(event("purchase", "p1"), event("purchase", "p1", at=T0 - BOUGHT_HALF_LIFE_MS))
    assert late.bought["p1"].weight == pytest.approx(in_time.bought["p1"].weight) == pytest.approx(1.5)
    assert (late.bought["p1"].first_ms, late.bought["p1"].last_ms) == (T0 - BOUGHT_HALF_LIFE_MS, T0)


def test_a_repeated_event_changes_nothing() -> None:
    once = folded(event("purchase", "p1"))
    assert fold(once, event("purchase", "p1")) is once


def test_control_without_the_last_ids_a_repeated_event_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rayce.fold.counted", lambda ids, digest: False)
    assert folded(*[event("purchase", "p1")] * 3).events == 3


def test_an_event_counts_once_within_a_day_whatever_comes_between() -> None:
    old = event("view", "p1")
    between = [event("view", "p1", at=T0 + n * 4 * MINUTE_MS) for n in range(1, 301)]
    profile = folded(old, *between)
    assert fold(profile, old) is profile
    assert profile.events == 301
    assert profile.last_ms - T0 < DAY_MS


@pytest.mark.parametrize("after_ms, counts", [(DAY_MS, 2), (DAY_MS + HOUR_MS - 1, 2), (DAY_MS + HOUR_MS, 3)])
def test_after_more_than_a_day_the_same_id_may_count_again(after_ms: int, counts: int) -> None:
    old = event("view", "p1")
    assert folded(old, event("view", "p2", at=T0 + after_ms), old).events == counts


def test_late_events_age_no_id() -> None:
    """An id is let go by the latest event time known, not by that of the event that happens to come."""
    first, late = event("view", "p1"), event("view", "p2", at=T0 - 30 * DAY_MS)
    profile = folded(first, late)
    assert fold(profile, first) is profile and fold(profile, late) is profile


def test_without_consent_nothing_is_folded() -> None:
    assert folded(event("view", "p1", consent=0)) == Profile()
    assert folded(event("view", "p1", consent=2)) == Profile()


def test_a_withdrawal_forgets_everything_but_itself() -> None:
    withdrawn = folded(event("purchase", "p1"), event("consent_changed", consent=0, at=T0 + 1))
    assert withdrawn == Profile(tenant="shop")


def test_after_a_withdrawal_an_event_accepted_before_it_is_not_folded() -> None:
    withdrawn = folded(event("view", "p1"), event("consent_changed", consent=0, at=T0 + 1))
    assert fold(withdrawn, event("view", "p2", at=T0 - 1, consent=1)) is withdrawn


def test_who_consents_again_starts_anew() -> None:
    profile = folded(
        event("purchase", "p1"),
        event("consent_changed", consent=0, at=T0 + 1),
        event("consent_changed", consent=3, at=T0 + 2),
        event("view", "p2", at=T0 + 3, consent=3),
    )
    assert (profile.events, profile.purposes, profile.bought) == (1, 3, {})


def test_an_erasure_forgets_like_a_withdrawal_and_unknown_control_events_change_nothing() -> None:
    profile = folded(event("purchase", "p1"))
    assert folded(event("erased", at=T0 + 1), start=profile) == Profile(tenant="shop")
    assert fold(profile, event("segment_override", at=T0 + 1)) is profile


@given(histories(people=1))
def test_replaying_the_log_gives_the_same_bytes(history: list[Event]) -> None:
    assert encode_profile(folded(*history)) == encode_profile(folded(*history))


@given(histories(people=1), st.data())
def test_a_fold_may_be_broken_off_anywhere_and_go_on_from_its_bytes(history: list[Event], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(history)))
    half = decode_profile(encode_profile(folded(*history[:at])))
    rest = [decode_event(encode_event(each)) for each in history[at:]]
    assert encode_profile(folded(*rest, start=half)) == encode_profile(folded(*history))


@given(histories(people=4), st.randoms(use_true_random=False))
def test_any_interleaving_of_people_gives_the_same_states(history: list[Event], chance: random.Random) -> None:
    """Only the order within a person counts."""

    def states(log: list[Event]) -> dict[str, bytes]:
        people: dict[str, Profile] = {}
        for each in log:
            people[each.person] = fold(people.get(each.person, Profile()), each)
        return {who: encode_profile(profile) for who, profile in people.items()}

    own = {who: [each for each in history if each.person == who] for who in {each.person for each in history}}
    turns = [each.person for each in history]
    chance.shuffle(turns)
    shuffled = [own[who].pop(0) for who in turns]
    assert states(shuffled) == states(history)


@given(histories(people=1, consent=st.just(1), type=st.sampled_from(BEHAVIOUR)))
def test_each_event_counts_once_however_often_it_is_repeated(history: list[Event]) -> None:
    repeated = [each for each in history for _ in range(3)]
    once = folded(*history)
    assert encode_profile(folded(*repeated)) == encode_profile(once)
    assert once.events == sum(once.counts.values())


@given(histories(people=1, consent=st.just(1), type=st.sampled_from(BEHAVIOUR)))
def test_first_and_last_moments_do_not_depend_on_the_order(history: list[Event]) -> None:
    distinct = list({each.event_id: each for each in history}.values())
    profile = folded(*distinct)
    backwards = folded(*reversed(distinct))
    assert (profile.first_ms, profile.last_ms) == (backwards.first_ms, backwards.last_ms)
    assert profile.counts == backwards.counts
    if distinct:
        assert profile.last_ms == max(each.timestamp_ms for each in distinct)


@given(st.lists(events(people=1, consent=st.just(1)), min_size=1, max_size=30), st.integers(0, 4_102_444_800_000))
def test_every_feature_is_finite_at_any_moment(history: list[Event], now_ms: int) -> None:
    for name, value in all_features(folded(*history), now_ms).items():
        assert value == value and abs(value) < 1e24, name
        if name != "price_sensitivity":
            assert value >= 0, name


@given(
    st.lists(st.tuples(st.sampled_from(BEHAVIOUR), st.lists(item_ids, max_size=30)), max_size=60), st.integers(0, 99)
)
def test_a_profile_stays_bounded_whatever_comes(acts: list[tuple[str, list[str]]], seed: int) -> None:
    profile = folded(
        *(event(kind, *ids, at=T0 + n * DAY_MS * seed, event_id=f"e{n}") for n, (kind, ids) in enumerate(acts))
    )
    _assert_bounded(profile)


def test_a_profile_stays_bounded_after_a_flood_of_the_longest_names() -> None:
    profile = Profile()
    for n in range(400):
        ids = [f"{n:04}-{i}".ljust(128, "\U0001f6d2") for i in range(10)]
        for kind in ("view", "add_to_cart", "purchase"):
            profile = fold(profile, event(kind, *ids, at=T0 + n * 3_600_000, event_id=f"{kind}{n}"))
    _assert_bounded(profile)
    assert len(encode_profile(profile)) < 300_000  # DynamoDB takes items of 400 KB


def _assert_bounded(profile: Profile) -> None:
    assert len(profile.bought) <= MAX_BOUGHT
    assert len(profile.touched) <= MAX_TOUCHED
    assert len(profile.cart) <= MAX_CART_ITEMS
    assert len(profile.session.items) <= MAX_SESSION_ITEMS
    assert len(profile.recent_ids) <= 8 * MAX_IDS
    assert len(profile.counts) <= len(BEHAVIOUR)


@given(st.lists(events(people=1), max_size=20))
def test_whatever_decodes_can_be_folded_encoded_and_shown(history: list[Event]) -> None:
    """One record must not stop the stream."""
    profile = Profile()
    for each in history:
        profile = fold(profile, decode_event(encode_event(each)))
    assert encode_profile(decode_profile(encode_profile(profile))) == encode_profile(profile)
    pack_flags(profile)


def test_when_too_much_was_bought_the_strongest_habits_stay() -> None:
    habit = [event("purchase", "habit", at=T0 + n * DAY_MS) for n in range(5)]
    flood = [event("purchase", *(f"x{n}-{i}" for i in range(20)), at=T0 + (5 + n) * DAY_MS) for n in range(10)]
    profile = folded(*habit, *flood)
    assert MAX_BOUGHT * 7 // 8 <= len(profile.bought) <= MAX_BOUGHT
    assert "habit" in profile.bought
    assert "x0-0" not in profile.bought and "x9-19" in profile.bought


def test_two_people_are_two_states() -> None:
    assert person(1) != person(2)
    assert folded(event("view", "p1", who=1)) == folded(
        event("view", "p1", who=2, event_id="view-0001-1767225600000-p1")
    )
