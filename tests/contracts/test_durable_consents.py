"""`DurableConsents`: the newest decision stands, whoever comes late."""

from collections.abc import Callable

from rayce.consent import Consent
from rayce.stores.interfaces import Durable

New = Callable[[], str]


def test_who_never_decided_is_not_there(durable: Durable, somebody: New) -> None:
    assert durable.load_consents([somebody()]) == {}
    assert durable.load_consents([]) == {}


def test_a_decision_is_loaded_as_it_was_saved(durable: Durable, somebody: New) -> None:
    one, two = somebody(), somebody()
    durable.save_consent(one, Consent(7, 5))
    durable.save_consent(two, Consent(0, 6))
    assert durable.load_consents([one, two, somebody(), one]) == {one: Consent(7, 5), two: Consent(0, 6)}


def test_a_newer_decision_replaces_an_older_one_and_never_the_other_way_round(durable: Durable, somebody: New) -> None:
    who = somebody()
    for consent in (Consent(1, 10), Consent(0, 20), Consent(7, 15), Consent(3, 9)):
        durable.save_consent(who, consent)
    assert durable.load_consents([who]) == {who: Consent(0, 20)}


def test_of_two_decisions_of_one_moment_the_last_stands(durable: Durable, somebody: New) -> None:
    who = somebody()
    durable.save_consent(who, Consent(1, 10))
    durable.save_consent(who, Consent(0, 10))
    assert durable.load_consents([who]) == {who: Consent(0, 10)}


def test_hundreds_of_decisions_are_loaded_at_once(durable: Durable, somebody: New) -> None:
    people = [somebody() for _ in range(130)]
    for n, who in enumerate(people):
        durable.save_consent(who, Consent(n % 8, n))
    assert durable.load_consents(people) == {who: Consent(n % 8, n) for n, who in enumerate(people)}
