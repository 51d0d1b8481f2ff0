"""Pseudonyms: the same person gives the same one, another tenant or key another one, and no way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidSettings
from rayce.pseudonym import Pseudonymizer, digest_of

KEYS = {"k1": "11" * 32, "k2": "22" * 32}
names = st.text(max_size=40)


@given(names, names)
def test_a_pseudonym_depends_on_nothing_but_key_tenant_and_user(tenant: str, user: str) -> None:
    assert Pseudonymizer("k1", KEYS).person(tenant, user) == Pseudonymizer("k1", KEYS).person(tenant, user)


@given(names, names, names)
def test_two_users_of_a_tenant_are_two_people(tenant: str, user: str, other: str) -> None:
    pseudonymizer = Pseudonymizer("k1", KEYS)
    assert (pseudonymizer.person(tenant, user) == pseudonymizer.person(tenant, other)) == (user == other)


def test_the_same_user_id_of_two_tenants_is_two_people() -> None:
    pseudonymizer = Pseudonymizer("k1", KEYS)
    assert pseudonymizer.person("shop", "ada") != pseudonymizer.person("other", "ada")


def test_another_key_gives_another_pseudonym_and_says_which_key_it_was() -> None:
    one, two = (Pseudonymizer(kid, KEYS).person("shop", "ada") for kid in ("k1", "k2"))
    assert one.startswith("k1:") and two.startswith("k2:")
    assert digest_of(one) != digest_of(two)


@given(st.text(min_size=1, max_size=40))
def test_nothing_of_the_user_id_is_in_the_pseudonym(user: str) -> None:
    person = Pseudonymizer("k1", KEYS).person("shop", user)
    kid, _, digest = person.partition(":")
    assert kid == "k1" and len(digest) == 32 and int(digest, 16) >= 0
    assert digest_of(person).hex() == digest


def test_a_session_is_not_the_user_of_the_same_name() -> None:
    pseudonymizer = Pseudonymizer("k1", KEYS)
    assert pseudonymizer.session("shop", "ada") not in pseudonymizer.person("shop", "ada")
    assert len(pseudonymizer.session("shop", "ada")) == 16


@pytest.mark.parametrize("keys", [{}, {"k2": "11" * 32}, {"k1": "no hex"}, {"k1": "11" * 8}, {"k1": "11" * 65}])
def test_an_unusable_key_is_a_settings_error_that_does_not_show_it(keys: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Pseudonymizer("k1", keys)
    assert caught.value.key == "privacy.pseudonym_keys"
    assert "11" * 8 not in f"{caught.value} {caught.value.args}"
