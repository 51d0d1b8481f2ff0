import pytest

from rayce.labels.label import Label
from tests.samples import event


def test_an_event_of_another_type_or_with_other_properties_does_not_meet_it() -> None:
    coupon = Label("custom", 14.0, where={"name": "coupon_redeemed", "value": 5})
    redeemed = {"name": "coupon_redeemed", "value": 5}
    assert coupon.is_met_by(event("custom", properties={**redeemed, "more": "x"}))
    for other in ({}, {"name": "coupon_redeemed"}, {**redeemed, "value": 6}, {**redeemed, "name": "else"}):
        assert not coupon.is_met_by(event("custom", properties=other))
    assert not coupon.is_met_by(event("purchase", properties=redeemed))


def test_true_is_not_one() -> None:
    assert Label("custom", 1.0, where={"done": True}).is_met_by(event("custom", properties={"done": True}))
    assert not Label("custom", 1.0, where={"done": True}).is_met_by(event("custom", properties={"done": 1}))


def test_any_is_what_people_do_and_not_what_is_shown_to_them() -> None:
    back = Label("any", 30.0, absent=True)
    assert back.is_met_by(event("login")) and back.is_met_by(event("view", "p"))
    assert not back.is_met_by(event("impression", "p"))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (Label("purchase", 7.0), "purchase within 7 days"),
        (Label(("view", "click"), 0.5), "click or view within 0.5 days"),
        (Label("custom", 14.0, where={"name": "x"}), "custom, name = x within 14 days"),
    ],
)
def test_it_says_itself_in_words(label: Label, words: str) -> None:
    assert str(label) == words
