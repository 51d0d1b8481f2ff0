from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given

from rayce.decay import DAY_MS
from rayce.errors import LeakFound, NotEnoughData
from rayce.event import Event
from rayce.features import feature_row
from rayce.history import replay
from rayce.labels.catalogue import load_labels
from rayce.labels.label import Label
from rayce.leak_check import Moment as Checked
from rayce.leak_check import check_leaks
from rayce.model import Model
from rayce.model_files import hash_of
from rayce.profile import Profile
from rayce.report_page import REPORT_FILE
from rayce.segment_models import SegmentModels
from rayce.segment_sampling import NAMES, Sampler, sample, segment_moments
from rayce.segment_training import train_segment_model
from rayce.segments.aim import Aim
from rayce.segments.catalogue import load_catalogue, parse_catalogue
from rayce.segments.evaluation import evaluate
from rayce.segments.explanation import explain
from rayce.thresholds import NOBODY
from rayce.training import Rows
from tests.samples import T0, event, histories

WEEK = Label("purchase", 7.0)


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
    sampler = Sampler(load_labels()["buys_within_7_days"], triggers)
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


def test_what_stays_away_is_the_opposite_of_what_happens() -> None:
    log = [event("view", "p"), event("purchase", "p", at=T0 + DAY_MS), event("view", "p", at=T0 + 2 * DAY_MS)]
    made = []
    for label in (WEEK, Label("purchase", 7.0, absent=True)):
        sampler = Sampler(label, ["view"], 100)
        sample(replay(log, {}), [sampler])
        made.append(sampler.rows(1 << 62).labels.tolist())
    assert made == [[1, 0], [0, 1]]


def test_only_events_with_the_declared_properties_make_it_true() -> None:
    sampler = Sampler(Label("custom", 7.0, where={"name": "coupon_redeemed"}), ["view"], 100)
    coupon = event("custom", at=T0 + 100, who=2, properties={"name": "coupon_redeemed"})
    other = event("custom", at=T0 + 100, who=1, properties={"name": "survey"})
    log = [event("view", "p", at=T0, who=who) for who in (1, 2)]
    sample(replay([*log, other, coupon], {}), [sampler])
    assert sampler.rows(1 << 62).labels.tolist() == [0, 1]


def fickle(seed: int = 1, people: int = 60) -> list[Event]:
    """People who look every other day for a hundred days; the odd ones mostly buy within the week, the even ones seldom."""
    chance = np.random.default_rng(seed)
    log = []
    for day in range(0, 100, 2):
        for who in range(people):
            at = T0 + day * DAY_MS + who * 1_000
            log.append(event("view", "p", at=at, who=who))
            if chance.random() < (0.45 if who % 2 else 0.05):
                log.append(event("purchase", "p", at=at + 500, who=who))
    return log


def rows_of(log: list[Event]) -> Rows:
    sampler = Sampler(WEEK, ["view"])
    sample(replay(log, {}), [sampler])
    return sampler.rows(T0 + 100 * DAY_MS)


def test_thresholds_are_chosen_for_what_is_declared_and_said_in_manifest_and_report() -> None:
    aims = [Aim(precision=0.8), Aim(size=0.3), Aim(precision=0.999)]
    made = train_segment_model("m", rows_of(fickle()), WEEK, aims=aims)
    manifest = Model.from_files(made.files).manifest
    assert list(manifest.thresholds) == ["precision_0.8", "size_0.3", "precision_0.999"]
    assert made.metrics["precision_0.8.precision"] == pytest.approx(0.8, abs=0.06)
    assert made.metrics["size_0.3.share"] == pytest.approx(0.3, abs=0.12)
    assert manifest.thresholds["precision_0.999"] == NOBODY and made.metrics["precision_0.999.share"] == 0.0
    page = made.files[REPORT_FILE].decode()
    assert "Foretells: purchase within 7 days." in page and "size_0.3" in page and "What a threshold comes to" in page
    assert manifest.until_ms < manifest.held_out_ms[0] and manifest.features_hash == hash_of(made.features)


def test_what_a_segment_aims_at_decides_who_is_in_it() -> None:
    """From the declaration through training to the stream; a model without that threshold leaves the segment as it is."""
    made = train_segment_model("buys_within_7_days", rows_of(fickle()), WEEK, aims=[Aim(size=0.3)])
    model = Model.from_files(made.files)
    text = """
version: 1
segments:
  - {name: eager, bit: 0, kind: model, triggers: [view], model: buys_within_7_days, threshold: {size: 0.3}}
  - {name: sure, bit: 1, kind: model, triggers: [view], model: buys_within_7_days, threshold: {precision: 0.9}}
"""
    catalogue = parse_catalogue(text)
    assert catalogue.aims == {"buys_within_7_days": (Aim(size=0.3), Aim(precision=0.9))}
    people: dict[str, Profile] = {}
    for _moment in replay(fickle(seed=2), people, catalogue, SegmentModels({"buys_within_7_days": model})):
        pass
    eager = {who for who, profile in people.items() if profile.flags & 1}
    assert 0.1 < len(eager) / len(people) < 0.5
    assert all(int(who[-2:], 16) % 2 for who in eager), "those who buy often"
    assert not any(profile.flags & 2 for profile in people.values())
    told = {
        why.name: why
        for why in explain(people[min(eager)], T0 + 101 * DAY_MS, catalogue, {"buys_within_7_days": model})
    }
    assert told["eager"].model is not None and told["eager"].model.threshold == model.thresholds["size_0.3"]
    assert told["sure"].model is not None and told["sure"].model.threshold is None and told["sure"].holds_now is None


def test_a_live_model_that_is_better_is_noticed() -> None:
    rows = rows_of(fickle())
    good = train_segment_model("m", rows, WEEK)
    assert not train_segment_model("m", rows, WEEK, live=Model.from_files(good.files)).against_live.worse
    chance = np.random.default_rng(3)
    split_ms = int(rows.at_ms[0]) + int(0.8 * (int(rows.at_ms[-1]) - int(rows.at_ms[0])))
    muddled = np.where(rows.at_ms < split_ms, chance.permutation(rows.labels), rows.labels).astype(np.int8)
    worse = train_segment_model("m", rows._replace(labels=muddled), WEEK, live=Model.from_files(good.files))
    assert worse.against_live.worse and "log_likelihood" in worse.against_live.why


def test_its_rows_know_nothing_of_the_future_and_a_planted_leak_is_found() -> None:
    log = fickle(people=20)
    make = segment_moments({"view"})
    assert check_leaks(make, log, T0, T0 + 100 * DAY_MS, NAMES) > 500

    def leaky(events: Sequence[Event]) -> Mapping[str, Checked]:
        last: dict[str, Profile] = {}
        for _moment in replay(events, last):
            pass
        found = {}
        for each in events:
            if each.type == "view":
                row = feature_row(last[each.person], each.timestamp_ms, NAMES)
                found[f"{each.person}/{each.event_id}"] = Checked(np.zeros(1, np.int64), np.array([row]))
        return found

    with pytest.raises(LeakFound, match="these features of a moment depend on what came after it: .*purchases"):
        check_leaks(leaky, log, T0, T0 + 100 * DAY_MS, NAMES)


def test_too_few_rows_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData, match="1 events with a known future, 200 are needed"):
        train_segment_model("m", sampled(event("view", "p")).rows(1 << 62), WEEK)
