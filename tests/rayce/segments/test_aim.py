import pytest

from rayce.errors import InvalidCatalogue
from rayce.segments.aim import Aim, threshold_for
from rayce.segments.catalogue import parse_catalogue

MODEL = "version: 1\nsegments: [{name: a, bit: 0, kind: model, model: m, triggers: [view], threshold: 0.25}]"
RULE = MODEL.replace("kind: model, model: m", "kind: rule, when: {feature: events, ge: 1}")


class Trained:
    def __init__(self) -> None:
        self.thresholds = {"precision_0.8": 0.625}


def test_a_number_is_the_threshold_whatever_the_model_says() -> None:
    assert threshold_for(0.25, Trained()) == threshold_for(0.25, None) == 0.25


def test_an_aim_is_what_the_model_has_chosen_for_it_or_nothing() -> None:
    assert threshold_for(Aim(precision=0.8), Trained()) == 0.625
    assert threshold_for(Aim(precision=0.9), Trained()) is None
    assert threshold_for(Aim(precision=0.8), object()) is None


def test_both_ways_are_read_and_the_old_one_keeps_its_version() -> None:
    aimed = parse_catalogue(MODEL.replace("0.25", "{size: 0.1}"))
    assert aimed.segments[0].threshold == Aim(size=0.1) and aimed.aims == {"m": (Aim(size=0.1),)}
    plain = parse_catalogue(MODEL)
    assert plain.aims == {"m": ()} and plain.version == "1-ccb9bc1e"


@pytest.mark.parametrize(
    "wrong", ["{}", "{precision: 0.8, size: 0.1}", "{precision: 1.5}", "{size: 0}", "{shape: 1}", ".nan"]
)
def test_what_is_no_aim_is_refused_by_key(wrong: str) -> None:
    with pytest.raises(InvalidCatalogue, match=r"segments\[0\]\.threshold"):
        parse_catalogue(MODEL.replace("0.25", wrong))


def test_a_rule_has_no_aim() -> None:
    with pytest.raises(InvalidCatalogue, match=r"segments\[0\]\.threshold"):
        parse_catalogue(RULE.replace("0.25", "{size: 0.1}"))
