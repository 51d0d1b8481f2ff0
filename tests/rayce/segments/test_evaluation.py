"""Evaluation: an event changes the segments it triggers and no others; time-limited ones by event time only."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.event import Event
from rayce.fold import fold
from rayce.profile import Profile, decode_profile, encode_profile
from rayce.segments.catalogue import load_catalogue, parse_catalogue
from rayce.segments.evaluation import EvaluationCounts, Scorer, evaluate, override
from tests.samples import T0, event, folded, histories

CATALOGUE = parse_catalogue("""
version: 1
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 1}}
  - {name: browsing, bit: 1, kind: rule, triggers: [view, login], ttl_s: 600, when: {feature: views, ge: 1}}
  - {name: likely, bit: 9, kind: model, triggers: [view, purchase, login], model: buys, threshold: 0.5}
  - {name: chosen, bit: 10, kind: batch}
  - {name: chosen_for_now, bit: 11, kind: batch, ttl_s: 60}
""")


class Views:
    """Scores by the number of views, and counts how often it was asked."""

    features = ("views",)

    def __init__(self) -> None:
        self.asked = 0

    def score_one(self, row: list[float]) -> float:
        self.asked += 1
        return row[0] / 4


class Models(dict[str, Scorer]):
    pass


def run(*events: Event, models: Mapping[str, Scorer] | None = None, start: Profile | None = None) -> Profile:
    profile = start or Profile()
    for each in events:
        after = fold(profile, each)
        profile = evaluate(after, each, CATALOGUE, Models(models or {})) if after is not profile else profile
    return profile


def test_a_rule_sets_its_flag_and_only_its_own() -> None:
    assert run(event("purchase", "p1")).flags == 1


def test_a_flag_is_taken_back_when_the_rule_no_longer_holds() -> None:
    bought = run(event("purchase", "p1"))
    gone = evaluate(Profile(events=1, flags=bought.flags), event("purchase"), CATALOGUE, Models())
    assert gone.flags == 0


def test_an_event_that_triggers_nothing_leaves_the_same_object() -> None:
    profile = folded(event("search"))
    assert evaluate(profile, event("search"), CATALOGUE, Models()) is profile


def test_an_event_that_changes_nothing_leaves_the_same_object() -> None:
    profile = run(event("purchase", "p1"))
    assert evaluate(profile, event("purchase", "p2", at=T0 + 1), CATALOGUE, Models()) is profile


def test_the_model_runs_on_its_triggers_only_and_its_score_is_kept() -> None:
    model = Views()
    profile = run(event("view", "p1"), event("search", at=T0 + 1), event("view", at=T0 + 2), models={"buys": model})
    assert model.asked == 2
    assert profile.scores == {"buys": 0.5}
    assert profile.flags == 1 << 9


def test_a_segment_whose_model_is_not_there_stands_as_it_was() -> None:
    member = run(event("view"), event("view", at=T0 + 1), models={"buys": Views()})
    later = run(event("view", at=T0 + 2), start=member)
    assert later.flags == member.flags and later.scores == member.scores


def test_a_short_lived_segment_ends_its_time_after_the_event_rounded_up() -> None:
    assert run(event("view", at=T0 + 1)).short_lived == ((1, T0 // 1000 + 1 + 600),)
    assert run(event("view", at=T0)).short_lived == ((1, T0 // 1000 + 600),)


def test_a_late_event_never_shortens_it_and_an_expired_one_is_dropped() -> None:
    late = run(event("view", at=T0), event("view", at=T0 - 60_000))
    assert late.short_lived == ((1, T0 // 1000 + 600),)
    over = evaluate(late, event("purchase", at=T0 + 600_000), CATALOGUE, Models())
    assert over.short_lived == ()


def test_a_short_lived_segment_is_taken_back_when_its_rule_no_longer_holds() -> None:
    profile = Profile(events=1, short_lived=((1, T0 // 1000 + 600),))
    assert evaluate(profile, event("login"), CATALOGUE, Models()).short_lived == ()


def test_nobody_without_events_is_in_a_segment() -> None:
    empty = Profile(tenant="shop")
    assert evaluate(empty, event("purchase"), CATALOGUE, Models()) is empty


def test_a_model_is_asked_only_where_its_input_has_changed() -> None:
    model, counts = Views(), EvaluationCounts()
    profile = Profile()
    for each in (event("view", at=T0), event("login", at=T0 + 1), event("view", at=T0 + 2), event("search", at=T0 + 3)):
        profile = evaluate(fold(profile, each), each, CATALOGUE, Models(buys=model), counts)
    assert model.asked == 2, "not at the login: it changes nothing that the model sees"
    assert counts == EvaluationCounts(events=4, events_with_inference=2, inferences=2, spared=1)
    assert profile.scores == {"buys": 0.5} and profile.flags & 1 << 9


def test_who_asks_no_model_twice_remembers_it_in_the_state_and_so_over_a_restart() -> None:
    model = Views()
    profile = decode_profile(encode_profile(run(event("view"), models={"buys": model})))
    run(event("login", at=T0 + 1), models={"buys": model}, start=profile)
    assert model.asked == 1


def test_another_threshold_counts_without_asking_again() -> None:
    model = Views()
    member = run(event("view"), event("view", at=T0 + 1), models={"buys": model})
    login = event("login", at=T0 + 2)
    stricter = parse_catalogue("""
version: 2
segments:
  - {name: likely, bit: 9, kind: model, triggers: [login], model: buys, threshold: 0.51}
""")
    after = evaluate(fold(member, login), login, stricter, Models(buys=model))
    assert (member.flags >> 9 & 1, after.flags >> 9 & 1, model.asked) == (1, 0, 2)


def test_membership_follows_the_score_that_is_kept() -> None:
    """Rounded; else a spared model could decide otherwise than one that was asked."""

    class Nearly(Views):
        def score_one(self, row: list[float]) -> float:
            return 0.4999999

    profile = run(event("view"), event("login", at=T0 + 1), models={"buys": Nearly()})
    assert profile.scores == {"buys": 0.5} and profile.flags & 1 << 9


def overriding(**properties: bool | str | int) -> Event:
    return event("segment_override", at=T0 + 5, properties=properties, event_id="o")


@pytest.mark.parametrize("key", ["chosen", "10"])
def test_a_job_sets_a_batch_segment_and_takes_it_back_by_name_or_bit(key: str) -> None:
    known = folded(event("view"))
    member = override(known, overriding(**{key: True}), CATALOGUE)
    assert member.flags == 1 << 10
    assert override(member, overriding(**{key: True}), CATALOGUE) is member
    assert override(member, overriding(**{key: False}), CATALOGUE).flags == 0


def test_a_batch_segment_may_be_short_lived() -> None:
    member = override(folded(event("view")), overriding(chosen_for_now=True), CATALOGUE)
    assert member.short_lived == ((11, (T0 + 5) // 1000 + 1 + 60),)
    assert override(member, overriding(chosen_for_now=False), CATALOGUE).short_lived == ()


@pytest.mark.parametrize("key", ["buyer", "0", "likely", "9", "nobody", "77", "-10", "1" * 9, "²", ""])
def test_what_is_no_batch_segment_cannot_be_set(key: str) -> None:
    known, counts = folded(event("view")), EvaluationCounts()
    assert override(known, overriding(**{key: True, "chosen": True}), CATALOGUE, counts).flags == 1 << 10
    assert (counts.overrides, counts.overrides_refused) == (1, 1)


@pytest.mark.parametrize("value", ["true", 1, 0])
def test_an_override_says_true_or_false_and_nothing_else(value: str | int) -> None:
    known, counts = folded(event("view")), EvaluationCounts()
    assert override(known, overriding(chosen=value), CATALOGUE, counts) is known
    assert counts.overrides_refused == 1


@pytest.mark.parametrize(
    "nobody",
    [
        Profile(),
        Profile(tenant="shop", purposes=1),
        Profile(tenant="shop", events=3),
        Profile(tenant="other", purposes=1, events=1),
    ],
)
def test_nobody_is_put_into_a_segment_without_events_and_consent(nobody: Profile) -> None:
    assert override(nobody, overriding(chosen=True), CATALOGUE) is nobody


def test_another_tenants_job_sets_nothing() -> None:
    known = folded(event("view"))
    assert override(known, event("segment_override", tenant="other", properties={"chosen": True}), CATALOGUE) is known


def test_events_leave_batch_segments_as_they_are() -> None:
    member = override(folded(event("view")), overriding(chosen=True), CATALOGUE)
    assert run(event("purchase", "p1", at=T0 + 9), start=member).flags == 1 << 10 | 1


@given(histories(people=1))
def test_replaying_the_log_gives_the_same_segments(history: list[Event]) -> None:
    one, two = (run(*history, models={"buys": Views()}) for _ in range(2))
    assert encode_profile(one) == encode_profile(two)


@given(histories(people=1), st.integers(0, 60))
def test_a_broken_off_replay_goes_on_to_the_same_segments(history: list[Event], at: int) -> None:
    half = run(*history[:at], models={"buys": Views()})
    rest = run(*history[at:], models={"buys": Views()}, start=half)
    assert encode_profile(rest) == encode_profile(run(*history, models={"buys": Views()}))


@pytest.mark.parametrize(
    "kind, name", [("view", "shopping_now"), ("add_to_cart", "cart_engaged"), ("view", "first_time_visitor")]
)
def test_rayces_own_segments_flip_with_the_first_event(kind: str, name: str) -> None:
    catalogue = load_catalogue()
    first = event(kind, "p1")
    profile = evaluate(folded(first), first, catalogue, Models())
    bits = {bit for bit in range(64) if profile.flags >> bit & 1} | {bit for bit, _until in profile.short_lived}
    assert name in {catalogue.names[bit] for bit in bits}
