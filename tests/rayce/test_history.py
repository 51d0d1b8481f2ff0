from collections.abc import Sequence

import pytest
from hypothesis import given

from rayce.consent import PERSONALIZATION, TRAINING
from rayce.event import Event, encode_event
from rayce.fold import fold
from rayce.history import History, read_history, replay, split
from rayce.profile import Profile
from rayce.segments.catalogue import load_catalogue
from tests.samples import T0, event, histories, person

BOTH = PERSONALIZATION | TRAINING


def read(*events: Event, purposes: int = BOTH) -> History:
    return read_history(map(encode_event, events), "shop", purposes)


def ids(history: History) -> list[str]:
    return [each.event_id for each in history.events()]


def bought(name: str, who: int = 1, consent: int = BOTH, **more: object) -> Event:
    return event("purchase", "p1", who=who, consent=consent, event_id=name, **more)


def changed(consent: int, who: int = 1) -> Event:
    return event("consent_changed", who=who, consent=consent, event_id=f"changed-{consent}")


@pytest.mark.parametrize("consent", [0, PERSONALIZATION, TRAINING])
def test_an_event_accepted_without_all_purposes_is_left_out(consent: int) -> None:
    history = read(bought("a"), bought("b", consent=consent), bought("c", who=2))
    assert ids(history) == ["a", "c"]
    assert history.unpermitted == 1


@pytest.mark.parametrize("consent", [0, PERSONALIZATION, TRAINING])
def test_a_later_withdrawal_takes_back_everything_before_it(consent: int) -> None:
    history = read(bought("a"), bought("b", who=2), bought("c"), changed(consent), bought("d"))
    assert ids(history) == ["b"]
    assert history.persons == {person(2)}
    assert history.unpermitted == 3


def test_what_comes_after_a_new_permission_counts_again_but_nothing_from_before() -> None:
    assert ids(read(bought("a"), changed(0), bought("b"), changed(BOTH), bought("c"))) == ["c"]


def test_withdrawing_training_leaves_what_personalization_needs() -> None:
    log = (bought("a"), changed(PERSONALIZATION), bought("b", consent=PERSONALIZATION))
    assert ids(read(*log)) == []
    assert ids(read(*log, purposes=PERSONALIZATION)) == ["a", "b"]


def test_permission_to_train_does_not_reach_back() -> None:
    assert ids(read(bought("a", consent=PERSONALIZATION), changed(BOTH), bought("b"))) == ["b"]


def test_an_erased_person_is_gone() -> None:
    assert ids(read(bought("a"), event("erased"), bought("b", who=2))) == ["b"]


def test_other_tenants_are_not_read() -> None:
    history = read(bought("a", tenant="elsewhere"), bought("b"))
    assert ids(history) == ["b"]
    assert history.unpermitted == 0


def test_records_that_are_no_events_are_counted_and_passed_over() -> None:
    history = read_history([b"nonsense", encode_event(bought("a")), b""], "shop", BOTH)
    assert ids(history) == ["a"]
    assert history.undecodable == 2


def test_a_history_knows_its_range() -> None:
    history = read(bought("a", at=T0 + 5), bought("b", at=T0), bought("c", at=T0 + 9, consent=0))
    assert (history.from_ms, history.until_ms) == (T0, T0 + 5)
    assert (read().from_ms, read().until_ms) == (0, 0)


def test_people_can_be_left_out() -> None:
    history = read(bought("a"), bought("b", who=2), bought("c")).without({person(1), person(9)})
    assert ids(history) == ["b"]
    assert history.persons == {person(2)}
    assert history.unpermitted == 2


@given(histories())
def test_replaying_a_history_gives_the_profiles_that_the_log_gives(log: list[Event]) -> None:
    """Purposes and what is left after a withdrawal aside, which is told by control events."""
    history = read_history(map(encode_event, log), "shop", PERSONALIZATION)
    people: dict[str, Profile] = {}
    list(replay(history.events(), people))
    for who, profile in people.items():
        assert _without_consent(profile) == _without_consent(_folded(who, log))


def _folded(who: str, log: Sequence[Event]) -> Profile:
    profile = Profile()
    for each in log:
        if each.person == who and each.type == "erased":
            profile = Profile(tenant="shop")
        elif each.person == who and each.type != "segment_override":
            profile = fold(profile, each)
    return profile


def _without_consent(profile: Profile) -> Profile:
    from msgspec.structs import replace

    return replace(profile, purposes=0, tenant="")


def test_a_repeated_event_is_one_moment() -> None:
    moments = list(replay([bought("a"), bought("a"), bought("b", at=T0 + 1)], {}))
    assert [each.event.event_id for each in moments] == ["a", "b"]
    assert [each.before.baskets for each in moments] == [0, 1]
    assert [each.after.baskets for each in moments] == [1, 2]


def test_with_a_catalogue_segments_are_evaluated() -> None:
    people: dict[str, Profile] = {}
    for _moment in replay([bought(name, at=T0 + n) for n, name in enumerate("abc")], people, load_catalogue()):
        pass
    assert people[person(1)].flags & 1 << 3


def test_a_split_never_lets_a_persons_later_event_come_before() -> None:
    log = [bought("a"), bought("b", at=T0 + 9), bought("c", at=T0 + 2), bought("d", who=2, at=T0 + 2)]
    earlier, later = split(log, T0 + 5)
    assert [each.event_id for each in earlier] == ["a", "d"]
    assert [each.event_id for each in later] == ["b", "c"]
