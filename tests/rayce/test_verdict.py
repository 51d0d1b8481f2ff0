"""A candidate that is worse is found, one that is not is let through, and chance alone condemns hardly anybody."""

from math import nan

import numpy as np
import pytest
from numpy.typing import NDArray

from rayce.errors import InvalidInput, WorseThanLive
from rayce.verdict import FIRST, MAX_BLOCKS, MIN_CASES, insist, interval, verdict

N = 400


def drawn(mean: float, seed: int, n: int = N) -> NDArray[np.float64]:
    return np.clip(np.random.default_rng(seed).normal(mean, 0.25, n), 0, 1)


def test_a_clear_loss_is_worse_and_a_clear_gain_is_not() -> None:
    live = drawn(0.4, 1)
    assert verdict({"ndcg_at_10": live - 0.05}, {"ndcg_at_10": live}).worse
    found = verdict({"ndcg_at_10": live + 0.05}, {"ndcg_at_10": live})
    assert not found.worse and found.metrics() == {"vs_live_ndcg_at_10": 0.05}


def test_a_loss_that_only_pairing_can_see_is_seen() -> None:
    """Negative control: of other cases the same two means cannot be told apart."""
    live, noise = drawn(0.4, 1), np.random.default_rng(3).normal(0, 0.02, N)
    candidate = live - 0.015 + noise
    assert verdict({"ndcg_at_10": candidate}, {"ndcg_at_10": live}).worse
    assert not verdict({"ndcg_at_10": candidate[::-1]}, {"ndcg_at_10": live}).worse


def test_the_same_and_mere_chance_are_not_worse() -> None:
    live = {"ndcg_at_10": drawn(0.4, 1)}
    assert not verdict(live, live).worse
    condemned = sum(
        verdict({"ndcg_at_10": drawn(0.4, seed)}, {"ndcg_at_10": drawn(0.4, seed + 100)}).worse for seed in range(40)
    )
    assert condemned <= 4, "of equals one in forty should be condemned"


def test_a_certain_loss_that_is_negligible_is_let_through() -> None:
    live = drawn(0.4, 1)
    found = verdict({"ndcg_at_10": live - 0.001}, {"ndcg_at_10": live})
    assert found.differences[0].high < 0 and not found.worse


def test_few_cases_cannot_tell_and_no_live_one_is_no_comparison() -> None:
    few = np.full(MIN_CASES - 1, 0.5)
    found = verdict({"ndcg_at_10": few - 0.4}, {"ndcg_at_10": few})
    assert not found.worse and "too few" in found.why
    assert verdict({"ndcg_at_10": few}, None) == FIRST
    assert not verdict({"ndcg_at_10": []}, {"ndcg_at_10": []}).worse


def test_any_of_the_deciding_metrics_condemns_and_the_others_do_not() -> None:
    live = {"ndcg_at_10": drawn(0.4, 1), "hit_rate_at_10": drawn(0.6, 2)}
    candidate = {"ndcg_at_10": live["ndcg_at_10"], "hit_rate_at_10": live["hit_rate_at_10"] - 0.1}
    assert not verdict(candidate, live).worse
    found = verdict(candidate, live, ("ndcg_at_10", "hit_rate_at_10"))
    assert found.worse and "hit_rate_at_10" in found.why and "ndcg_at_10" not in found.why


def test_what_was_not_asked_of_a_case_is_left_out() -> None:
    live = drawn(0.4, 1)
    candidate = live - 0.1
    candidate[::2], live[1::4] = nan, nan
    assert verdict({"ndcg_at_10": candidate}, {"ndcg_at_10": live}).differences[0].cases == N // 4


def test_other_cases_or_a_missing_metric_are_refused() -> None:
    with pytest.raises(InvalidInput, match="400 cases against 399"):
        verdict({"ndcg_at_10": drawn(0.4, 1)}, {"ndcg_at_10": drawn(0.4, 1, N - 1)})
    with pytest.raises(InvalidInput, match="not measured by `ndcg_at_10`"):
        verdict({"mrr_at_10": [0.1]}, {"ndcg_at_10": [0.1]})


def test_the_interval_is_that_of_the_mean_also_of_very_many_values() -> None:
    for count in (900, MAX_BLOCKS * 3 + 17):
        values = np.random.default_rng(5).exponential(1.0, count)
        low, high = interval(values)
        expected = 1.96 * values.std() / np.sqrt(count)
        assert low < values.mean() < high
        assert (high - low) / 2 == pytest.approx(expected, rel=0.1)
        assert interval(values) == (low, high)


def test_who_insists_gets_it_published() -> None:
    live = drawn(0.4, 1)
    worse = verdict({"ndcg_at_10": live - 0.1}, {"ndcg_at_10": live})
    insist(worse, force=True)
    insist(FIRST, force=False)
    with pytest.raises(WorseThanLive, match=r"ndcg_at_10 0\.\d+ against 0\.\d+ on the same 400 cases"):
        insist(worse, force=False)
