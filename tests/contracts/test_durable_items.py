"""`DurableItems`: a tenant's catalogue, by id and as a whole."""

from rayce.stores.interfaces import Durable


def test_what_was_never_saved_is_not_there(durable: Durable, name: str) -> None:
    assert durable.load_items(name, ["p1"]) == {}
    assert durable.load_items(name, []) == {}
    assert list(durable.all_items(name)) == []


def test_items_are_put_and_replaced_by_id(durable: Durable, name: str) -> None:
    durable.save_items(name, {"p1": b"1", "p2": b"2"})
    durable.save_items(name, {"p2": b"new", "p3": b"3"})
    assert durable.load_items(name, ["p3", "p2", "p9", "p2"]) == {"p2": b"new", "p3": b"3"}
    assert dict(durable.all_items(name)) == {"p1": b"1", "p2": b"new", "p3": b"3"}


def test_a_tenant_sees_its_own_items_only(durable: Durable, name: str) -> None:
    durable.save_items(name, {"p1": b"mine"})
    durable.save_items(name + "x", {"p1": b"theirs", "p2": b"theirs"})
    assert durable.load_items(name, ["p1", "p2"]) == {"p1": b"mine"}
    assert list(durable.all_items(name)) == [("p1", b"mine")]


def test_the_whole_catalogue_comes_in_order_of_id(durable: Durable, name: str) -> None:
    ids = ["b", "a", "10", "9", "ä", "\U0001f6d2", "A", "a b", "x" * 128]
    durable.save_items(name, {item_id: item_id.encode() for item_id in ids})
    assert [item_id for item_id, _body in durable.all_items(name)] == sorted(ids)


def test_hundreds_of_items_are_saved_loaded_and_listed(durable: Durable, name: str) -> None:
    items = {f"p{n:04}": bytes(n) for n in range(260)}
    durable.save_items(name, items)
    assert dict(durable.all_items(name)) == items
    assert durable.load_items(name, list(items)[:150]) == dict(list(items.items())[:150])


def test_a_catalogue_of_several_megabytes_is_listed_whole(durable: Durable, name: str) -> None:
    """More than one page of a query."""
    items = {f"p{n}": bytes(300_000) for n in range(8)}
    durable.save_items(name, items)
    assert dict(durable.all_items(name)) == items


def test_odd_ids_are_ids_like_any_other(durable: Durable, name: str) -> None:
    items = dict.fromkeys(("a\x00b", "a/b", "#", "'; drop", "a\nb", "\ud7ff"), b"x")
    durable.save_items(name, items)
    assert durable.load_items(name, list(items)) == items


def test_what_is_taken_out_is_gone_and_the_rest_stays(durable: Durable, name: str) -> None:
    durable.save_items(name, {f"p{n}": b"x" for n in range(40)})
    durable.save_items(name + "x", {"p1": b"theirs"})
    durable.delete_items(name, ["p1", "p1", "nothing", *(f"p{n}" for n in range(2, 39))])
    assert [item_id for item_id, _body in durable.all_items(name)] == ["p0", "p39"]
    assert durable.load_items(name, ["p1", "p39"]) == {"p39": b"x"}
    assert durable.load_items(name + "x", ["p1"]) == {"p1": b"theirs"}
    durable.delete_items(name, [])
