"""The last rankings of people: bounded in people, slots and age."""

from deployments.asks import Ranking
from deployments.edge.kept_rankings import MAX_SLOTS, KeptRankings

ONE, OTHER = Ranking([], "one"), Ranking([], "other")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_ranking_is_the_slots_own_and_ends_with_its_time() -> None:
    clock = Clock()
    kept = KeptRankings(10, 5.0, clock)
    kept.keep("ada", "home", ONE)
    clock.now_s = 5.0
    assert (kept.get("ada", "home"), kept.get("ada", "cart"), kept.get("bob", "home")) == (ONE, None, None)
    clock.now_s = 5.1
    assert kept.get("ada", "home") is None
    kept.keep("ada", "home", OTHER)
    assert kept.get("ada", "home") == OTHER


def test_who_was_served_least_lately_is_forgotten_first() -> None:
    kept = KeptRankings(2, 5.0, Clock())
    for person in ("ada", "bob", "ada", "cyn"):
        kept.keep(person, "home", ONE)
    assert [kept.get(person, "home") for person in ("ada", "bob", "cyn")] == [ONE, None, ONE]


def test_a_person_has_so_many_slots_and_may_be_forgotten() -> None:
    kept = KeptRankings(2, 5.0, Clock())
    for n in range(MAX_SLOTS + 1):
        kept.keep("ada", f"slot{n}", ONE)
    assert [kept.get("ada", f"slot{n}") for n in (0, MAX_SLOTS)] == [ONE, None]
    kept.forget("ada")
    kept.forget("nobody")
    assert kept.get("ada", "slot0") is None
