import numpy as np
import pytest
from hypothesis import given

from rayce.decay import DAY_MS
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.features import feature_row
from rayce.history import replay
from rayce.profile import Profile
from rayce.segment_training import LABELS, NAMES, Label, Sampler, sample, train_segment_model
from rayce.segments.catalogue import load_catalogue
from rayce.segments.evaluation import evaluate
from tests.samples import T0, event, histories

WEEK = Label("purchase", 7 * DAY_MS)


def sampled(*log: Event, until_ms: int = T0 + 365 * DAY_MS, max_rows: int = 1_000) -> Sampler:
    sampler = Sampler(WEEK, ["view", "purchase"], max_rows)
    sample(replay(log, {}), [sampler])
    return sampler


def labels(*log: Event, until_ms: int = T0 + 365 * DAY_MS) -> list[int]:
    return sampled(*log).rows(until_ms).labels.tolist()


def test_a_label_looks_into_the_future_only() -> None:
    log = [event("purchase", "p", at=T0 + day * DAY_MS) for day in (0, 3, 20)]
    assert labels(*log) == [1, 0, 0]


def test_a_purchase_at_the_very_moment_is_not_the_future() -> None:
    assert labels(event("view", "p"), event("purchase", "p")) == [0, 0]
    assert labels(event("view", "p"), event("purchase", "p", at=T0 + 1)) == [1, 0]


def test_the_last_moment_of_the_time_counts_and_the_next_does_not() -> None:
    for late, expected in ((0, 1), (1, 0)):
        assert labels(event("view", "p"), event("purchase", "p", at=T0 + 7 * DAY_MS + late)) == [expected, 0]


def test_somebody_elses_purchase_is_no_label() -> None:
    assert labels(event("view", "p"), event("purchase", "p", at=T0 + 1, who=2)) == [0, 0]


def test_moments_whose_future_is_not_over_are_left_out() -> None:
    log = [event("view", "p"), event("view", "p", at=T0 + DAY_MS)]
    assert labels(*log, until_ms=T0 + 7 * DAY_MS) == [0]
    assert labels(*log, until_ms=T0 + 7 * DAY_MS - 1) == []


def test_rows_are_taken_at_the_triggers_only() -> None:
    assert len(labels(event("search"), event("add_to_cart", "p", at=T0 + 1), event("view", "p", at=T0 + 2))) == 1


@given(histories())
def test_a_row_holds_the_very_features_on_which_the_stream_scores(log: list[Event]) -> None:
    """Negative control: features as of the end of the history differ as soon as anything happens later."""
    seen: list[list[float]] = []

    class Spy:
        features = NAMES

        def get(self, _name: str) -> "Spy":
            return self

        def score_one(self, row: list[float]) -> float:
            seen.append(row)
            return 0.0

    catalogue = load_catalogue()
    triggers = next(s.triggers for s in catalogue.segments if s.model == "buys_within_7_days")
    sampler = Sampler(LABELS["buys_within_7_days"], triggers)
    for moment in replay(log, {}):
        evaluate(moment.after, moment.event, catalogue, Spy())
        sampler.learn(moment)
    taken = sampler.rows(1 << 62).features.tolist()
    assert sorted(taken) == sorted(seen)


def test_features_do_not_know_what_happens_later() -> None:
    log = [event("purchase", "p", at=T0 + day * DAY_MS) for day in range(5)]
    whole, begun = sampled(*log).rows(1 << 62), sampled(*log[:2]).rows(1 << 62)
    assert np.array_equal(whole.features[:2], begun.features)
    last = Profile()
    for moment in replay(log, {}):
        last = moment.after
    assert whole.features[0].tolist() != feature_row(last, T0, NAMES)


def test_a_full_sampler_keeps_a_share_of_the_whole_time() -> None:
    rows = sampled(*(event("view", "p", at=T0 + n) for n in range(500)), max_rows=64).rows(1 << 62)
    assert 32 <= len(rows.labels) <= 64
    assert rows.at_ms.min() < T0 + 16
    assert rows.at_ms.max() > T0 + 480


def test_too_few_rows_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData, match="1 events with a known future, 200 are needed"):
        train_segment_model("m", sampled(event("view", "p")).rows(1 << 62), WEEK)


def test_every_model_of_the_starter_catalogue_has_a_label() -> None:
    assert set(load_catalogue().models) <= LABELS.keys()
