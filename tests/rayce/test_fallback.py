"""What is kept for bad times: bounded, and never somebody's own."""

from rayce.fallback import LastGood
from rayce.replies import RecommendedItem


def some(*names: str) -> list[RecommendedItem]:
    return [RecommendedItem(name) for name in names]


def ids(items: list[RecommendedItem]) -> list[str]:
    return [item.item_id for item in items]


def test_the_last_good_list_comes_first_and_what_was_given_fills_it_up() -> None:
    lists = LastGood()
    lists.keep("home", some("a", "b"), is_personal=False)
    assert ids(lists.items("home", ["b", "c", "d"], 3)) == ["a", "b", "c"]
    assert ids(lists.items("other", ["c"], None)) == ["c"]


def test_somebodys_own_list_and_an_empty_one_are_not_kept() -> None:
    lists = LastGood()
    lists.keep("home", some("a"), is_personal=False)
    lists.keep("home", some("secret"), is_personal=True)
    lists.keep("home", [], is_personal=False)
    assert ids(lists.items("home", [], 5)) == ["a"]


def test_what_is_excluded_is_not_shown() -> None:
    lists = LastGood()
    lists.keep("home", some("a", "b"), is_personal=False)
    assert ids(lists.items("home", ["c"], 2, {"a"})) == ["b", "c"]


def test_what_is_kept_is_bounded_and_the_oldest_goes() -> None:
    lists = LastGood(kept=2)
    for key in "abc":
        lists.keep(key, some(key), is_personal=False)
    assert [ids(lists.items(key, [], 1)) for key in "abc"] == [[], ["b"], ["c"]]
