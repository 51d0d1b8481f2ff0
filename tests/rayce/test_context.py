"""The context words of a request: each feature from its headers, and nothing raised by whatever is sent."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rayce.circumstances import Circumstances
from rayce.consent import MARKETING, PERSONALIZATION, TRAINING
from rayce.context import FEATURES, Detector, Hints, language, merged, permitted
from tests.samples import T0

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
COUNTRIES = {"203.0.113.9": "AT"}
DETECTOR = Detector(lambda address: COUNTRIES.get(address, ""), ["www.shop.at"], "")
FULL = Hints(PHONE, languages="de-AT,en;q=0.5", referrer="https://www.google.at/", gpc=True, address="203.0.113.9")


def test_everything_that_can_be_told_is_told_sorted_by_name() -> None:
    found = DETECTOR.words(FULL, T0)
    assert dict(found) == {
        "browser": "safari",
        "country": "AT",
        "day_part": Circumstances("home", found).word("day_part"),
        "device": "phone",
        "gpc": "1",
        "language": "de",
        "referrer": "search",
    }
    assert [name for name, _word in found] == sorted(FEATURES)


def test_what_is_not_said_is_left_out() -> None:
    assert DETECTOR.words(Hints(), T0) == ()


def test_a_trusted_country_counts_more_than_the_address() -> None:
    assert ("country", "CH") in DETECTOR.words(FULL._replace(country="ch"), T0)
    assert ("country", "AT") in DETECTOR.words(FULL._replace(country="XX"), T0)


def test_the_address_is_in_no_word_and_in_no_cache() -> None:
    assert "203.0.113.9" not in repr(DETECTOR.words(FULL, T0))
    seen: list[str] = []
    detector = Detector(lambda address: seen.append(address) or "")  # type: ignore[func-returns-value]
    for _again in range(2):
        detector.words(FULL, T0)
    assert seen == ["203.0.113.9"] * 2, "looked up each time: nothing remembers it"


def test_the_language_with_the_greatest_weight_counts() -> None:
    assert language("en;q=0.2, pt-BR;q=0.9, *;q=0.1") == "pt"
    assert language("en;q=0, de;q=0") == ""
    assert language("klingon, q=5") == ""


def test_privacy_control_takes_marketing_and_training_away_and_nothing_else() -> None:
    every = PERSONALIZATION | TRAINING | MARKETING
    assert permitted(every, True) == PERSONALIZATION
    assert permitted(every, False) == every
    assert permitted(MARKETING, True) == 0


def test_what_the_caller_says_counts_more_but_privacy_control_stays() -> None:
    found = dict(merged(DETECTOR.words(FULL, T0), {"country": "DE", "gpc": "", "slot": "top"}))
    assert (found["country"], found["gpc"], found["slot"]) == ("DE", "1", "top")
    assert dict(merged((), {"gpc": "1"})) == {"gpc": "1"}


any_text = st.text(max_size=120) | st.sampled_from(
    [PHONE, "de-AT,en;q=0.5", "https://shop.at/", "203.0.113.9", "?1", "::1"]
)
hints: st.SearchStrategy[Any] = st.builds(
    Hints,
    any_text,
    any_text,
    any_text,
    any_text,
    any_text,
    st.none() | any_text,
    st.booleans(),
    any_text,
    any_text,
    any_text,
)


@given(hints, st.integers(0, 4_102_444_800_000))
def test_whatever_is_sent_words_are_known_and_short(sent: Hints, now_ms: int) -> None:
    for name, word in DETECTOR.words(sent, now_ms):
        assert name in FEATURES
        assert 0 < len(word) <= 9
