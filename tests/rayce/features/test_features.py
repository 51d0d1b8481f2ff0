"""What holds for all features together: rows, names, and somebody who has done nothing."""

import pytest

from rayce.decay import DAY_MS
from rayce.features import CATEGORIES, FEATURES, NEVER_DAYS, all_features, feature_row
from rayce.features.click_through import ClickThrough
from rayce.features.feature_set import ALL, ALWAYS, FeatureSet
from rayce.features.windows import Windows
from rayce.profile import Profile
from tests.samples import T0, event, folded

PROFILE = folded(event("purchase", "p1", "p2"), event("purchase", "p1", at=T0 + 4 * DAY_MS))


def test_of_who_has_done_nothing_everything_is_nothing_or_never() -> None:
    features = all_features(Profile(), T0)
    assert features.pop("click_through") == 1.0, "as many clicks as expected"
    assert set(features.values()) == {0.0, NEVER_DAYS}
    assert {read(Profile(), T0) for read in CATEGORIES.values()} == {""}


def test_a_row_has_the_named_features_in_order() -> None:
    assert feature_row(PROFILE, T0 + 4 * DAY_MS, ("spend", "events", "spend_5m")) == [7.5, 2.0, 2.5]
    with pytest.raises(KeyError):
        feature_row(PROFILE, T0, ("hat_size",))


def test_a_moment_before_the_last_event_is_no_negative_age() -> None:
    assert min(all_features(PROFILE, T0 - DAY_MS).values()) >= 0


def test_numbers_and_words_do_not_share_a_name() -> None:
    assert not FEATURES.keys() & CATEGORIES.keys()


def test_a_set_folds_and_reads_its_own_families_only() -> None:
    some = FeatureSet([Windows()])
    assert [family.name for family in some.families] == [*(family.name for family in ALWAYS), "windows"]
    assert "views_5m" in some.numbers and "click_through" not in some.numbers and not some.words
    assert all("click_through" not in str(write.__self__.name) for write in some.writers["click"])  # type: ignore[attr-defined]
    assert ClickThrough().write.__func__ in [write.__func__ for write in ALL.writers["click"]]  # type: ignore[attr-defined]
