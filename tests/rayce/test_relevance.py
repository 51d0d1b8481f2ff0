import pytest

from rayce.relevance import Relevance


def test_a_perfect_list_scores_one() -> None:
    told = Relevance()
    told.add(["a", "b", "c"], {"a", "b"})
    assert (told.hit_rate, told.ndcg) == (1.0, 1.0)


def test_a_hit_further_down_is_worth_less() -> None:
    scores = []
    for place in range(3):
        told = Relevance()
        told.add([*"xyz"[:place], "a"], {"a"})
        scores.append(told.ndcg)
    assert scores == sorted(scores, reverse=True)
    assert scores[1] == pytest.approx(0.6309, abs=1e-4)


def test_what_stands_after_the_tenth_place_does_not_count() -> None:
    told = Relevance()
    told.add([*"0123456789", "a"], {"a"})
    told.add([], {"a"})
    assert (told.hit_rate, told.ndcg, told.baskets) == (0.0, 0.0, 2)


def test_rates_are_means_over_baskets_with_their_names() -> None:
    told = Relevance()
    told.add(["a"], {"a"})
    told.add(["b"], {"a"})
    assert told.metrics("list_") == {"list_hit_rate_at_10": 0.5, "list_ndcg_at_10": 0.5}
    assert Relevance().metrics("") == {"hit_rate_at_10": 0.0, "ndcg_at_10": 0.0}
