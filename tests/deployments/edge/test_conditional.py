"""What replies say to caches: personal ones never to a shared one; who has a reply already is told so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.conditional import Cohort, Personal, caching_headers, etag_of, is_known, not_modified


@given(st.binary())
def test_a_personal_reply_is_never_shared(body: bytes) -> None:
    headers = dict(caching_headers(Personal(), body))
    assert headers[b"cache-control"] == b"private, no-cache"
    assert set(headers) == {b"etag", b"cache-control"}


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_cohorts_reply_may_be_shared_and_purged(ttl_s: int, stale_s: int) -> None:
    headers = dict(caching_headers(Cohort(ttl_s, stale_s, ("shop/rules", "slot:home"), ("a", "b")), b"x"))
    assert headers[b"cache-control"].startswith(b"public, max-age=%d" % ttl_s)
    assert (b"stale-while-revalidate=%d" % stale_s in headers[b"cache-control"]) is (stale_s > 0)
    assert headers[b"surrogate-key"] == b"shop/rules slot:home"
    assert headers[b"vary"] == b"a, b"


@given(st.binary(), st.binary())
def test_the_same_bytes_have_the_same_etag_and_others_another(one: bytes, two: bytes) -> None:
    assert (etag_of(one) == etag_of(two)) is (one == two)
    assert etag_of(one)[:1] == etag_of(one)[-1:] == b'"'


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ('"x"', True),
        ('W/"x"', True),
        ('"a", "x" ,"b"', True),
        ("x", False),
        ('"y"', False),
        ('"x', False),
        ('W/W/"x"', False),
        (",,,", False),
    ],
)
def test_who_has_it_is_known_by_if_none_match(said: str | None, known: bool) -> None:
    assert is_known(said, b'"x"') is known


@given(st.text())
def test_whatever_if_none_match_says_it_is_read(said: str) -> None:
    assert is_known(said, b'"x"') in (True, False)


def test_a_304_says_what_a_200_would_have_said_to_caches_and_nothing_else() -> None:
    whole = (
        *caching_headers(Cohort(1, keys=("k",), vary=("v",)), b""),
        (b"content-length", b"9"),
        (b"content-type", b"x"),
    )
    assert {name for name, _value in not_modified(whole)} == {b"etag", b"cache-control", b"surrogate-key", b"vary"}
