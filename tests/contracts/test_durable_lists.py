"""`DurableLists`: a person's list of one generation is not that of another."""

from collections.abc import Callable

from rayce.stores.interfaces import Durable

New = Callable[[], str]


def test_who_has_no_list_is_not_there(durable: Durable, somebody: New) -> None:
    assert durable.load_lists(1, [somebody()]) == {}
    assert durable.load_lists(1, []) == {}


def test_lists_are_put_and_replaced_by_person_and_generation(durable: Durable, somebody: New) -> None:
    one, two = somebody(), somebody()
    durable.save_lists(1, [(one, b"a"), (two, b"b")])
    durable.save_lists(1, [(one, b"c")])
    durable.save_lists(2, [(one, b"d")])
    assert durable.load_lists(1, [one, two, one]) == {one: b"c", two: b"b"}
    assert durable.load_lists(2, [one, two]) == {one: b"d"}


def test_hundreds_of_lists_are_saved_from_an_iterator_and_loaded_at_once(durable: Durable, somebody: New) -> None:
    lists = {somebody(): bytes([n % 256]) * 200 for n in range(260)}
    durable.save_lists(7, iter(lists.items()))
    assert durable.load_lists(7, list(lists)) == lists


def test_lists_of_old_generations_are_dropped_and_those_that_are_kept_stay(durable: Durable, somebody: New) -> None:
    people = [somebody() for _ in range(40)]
    durable.drop_lists(1_000_000, [])  # what other tests have left
    for generation in (101, 102, 103, 104):
        durable.save_lists(generation, [(who, b"x") for who in people])
    assert durable.drop_lists(104, [102], dry_run=True) == 80
    assert len(durable.load_lists(101, people)) == 40
    assert durable.drop_lists(104, [102]) == 80
    assert [len(durable.load_lists(generation, people)) for generation in (101, 102, 103, 104)] == [0, 40, 0, 40]
    assert durable.drop_lists(104, [102]) == 0
