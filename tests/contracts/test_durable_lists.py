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
