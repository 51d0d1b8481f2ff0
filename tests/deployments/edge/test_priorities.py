"""What two headers say of a request: read whatever is in them, and refused where it means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.priorities import (
    BULK,
    INTERACTIVE,
    MAX_DEADLINE_MS,
    NAMES,
    PREFETCH,
    Ticket,
    read_asked,
    ticket_of,
)
from deployments.edge.problems import Problem


def asked(**headers: str) -> tuple[str | None, int | None, int | None]:
    return read_asked([(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()])


@pytest.mark.parametrize("number, name", enumerate(NAMES))
def test_a_priority_is_read_in_any_case(number: int, name: str) -> None:
    assert asked(rayce_priority=name)[1] == asked(rayce_priority=f" {name.upper()} ")[1] == number


def test_what_a_browser_fetches_before_it_is_needed_is_a_prefetch_unless_the_page_says_otherwise() -> None:
    assert asked(sec_purpose="prefetch;prerender")[1] == PREFETCH
    assert asked(rayce_priority="interactive", sec_purpose="prefetch")[1] == INTERACTIVE
    assert asked(sec_purpose="prefetch", rayce_priority="bulk")[1] == BULK


def test_other_headers_say_nothing() -> None:
    assert asked(accept="*/*", x_priority="bulk", sec_purpose="other") == (None, None, None)
    assert asked(authorization="Bearer a") == ("Bearer a", None, None)


@pytest.mark.parametrize("word", ["", "high", "0", "interactive,bulk", "\xff"])
def test_a_priority_that_is_none_is_refused_by_name_and_value(word: str) -> None:
    with pytest.raises(Problem) as refused:
        asked(rayce_priority=word)
    assert (refused.value.status, refused.value.key, refused.value.value) == (422, "rayce-priority", word)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "1" * 13, "٣", "0x10", "1_000"])
def test_a_deadline_that_is_none_is_refused_by_name_and_value(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_asked([(b"rayce-deadline-ms", text.encode())])
    assert (refused.value.status, refused.value.key) == (422, "rayce-deadline-ms")


def test_a_deadline_is_bounded() -> None:
    assert asked(rayce_deadline_ms="80")[2] == 80
    assert asked(rayce_deadline_ms="999999999999")[2] == MAX_DEADLINE_MS


@given(
    st.lists(st.tuples(st.sampled_from([b"rayce-priority", b"rayce-deadline-ms", b"sec-purpose", b"x"]), st.binary()))
)
def test_headers_of_any_bytes_are_read_or_refused_and_nothing_else(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        _key, priority, deadline_ms = read_asked(headers)
    except Problem as problem:
        assert problem.status == 422 and problem.key.startswith("rayce-")
    else:
        assert priority in (None, 0, 1, 2) and (deadline_ms is None or 0 <= deadline_ms <= MAX_DEADLINE_MS)


@given(st.floats(0, 10), st.floats(0, 100), st.floats(0, 100))
def test_a_step_never_takes_longer_than_it_may_or_than_the_caller_waits(
    most_s: float, until_s: float, now_s: float
) -> None:
    within_s = Ticket(until_s=until_s).within_s(most_s, now_s)
    assert 0 <= within_s <= most_s and (within_s == 0 or now_s + within_s <= until_s + 1e-9)


def test_who_met_nobody_at_the_door_has_a_plain_ticket() -> None:
    assert ticket_of({"type": "http"}) == Ticket()
