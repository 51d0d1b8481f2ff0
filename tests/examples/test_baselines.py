"""The baselines, against examples computed by hand and against counting everything again."""

import random
from collections import Counter

from examples.demo.baselines import BoughtBefore, MostPopular
from examples.demo.hits import HitRate


def test_the_most_popular_are_those_in_the_most_baskets_and_equals_go_by_number() -> None:
    popular = MostPopular(limit=3)
    for basket in ([5, 1], [5, 2], [5, 2, 9], [9], [1]):
        popular.learn(basket)
    assert popular.top() == [5, 1, 2]  # 5: three baskets; 1, 2 and 9: two each
    popular.learn([9])
    assert popular.top() == [5, 9, 1]


def test_the_top_kept_up_to_date_is_the_top_counted_anew() -> None:
    chance = random.Random(7)
    popular, counts = MostPopular(), Counter[int]()
    for _ in range(500):
        basket = {min(int(chance.expovariate(0.05)), 199) for _ in range(8)}
        popular.learn(basket)
        counts.update(basket)
        assert popular.top() == sorted(counts, key=lambda product: (-counts[product], product))[:10]


def test_bought_before_is_the_households_own_and_of_equals_the_latest() -> None:
    before = BoughtBefore(limit=2)
    before.learn("ada", [1, 2])
    before.learn("ada", [2, 3])
    before.learn("bob", [9])
    assert before.top("ada") == [2, 3]  # 2 twice; 3 was bought after 1
    assert before.top("bob") == [9]
    before.forget("ada")
    assert before.top("ada") == []


def test_hit_rate_precision_and_recall_of_two_baskets() -> None:
    rate = HitRate()
    rate.add(list("abcdefghij"), {"a", "b", "z"})
    rate.add(list("abcdefghij"), {"y"})
    assert (rate.hit_rate, rate.precision) == (0.5, 0.1)
    assert rate.recall == (2 / 3) / 2


def test_places_after_the_tenth_do_not_count() -> None:
    rate = HitRate()
    rate.add(list("abcdefghijk"), {"k"})
    assert rate.hit_rate == 0.0
