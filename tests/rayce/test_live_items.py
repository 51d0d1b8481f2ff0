"""Live items: what is durable and told of is on the shelf, nothing told or missed is lost, and what goes goes at once."""

import threading
from collections.abc import Callable, Collection, Iterable

import pytest

from rayce.content_index import ContentIndex
from rayce.errors import Unavailable
from rayce.generations import LiveGenerations
from rayce.item import Item, encode_item
from rayce.item_changes import ItemChange
from rayce.live_items import GATHER_S, LiveItems
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import wait_until
from tests.shops import ITEMS, make_shelf

NAME = "shop/shelf"


class Replica:
    """A process' live shelf, with a clock that stands still."""

    def __init__(self, durable: MemoryDurable) -> None:
        self.now_s = 100.0
        self.swaps: list[str] = []
        self.live = LiveGenerations(durable, {"shelf": Shelf.from_files}, 60)
        self.counted: dict[str, int] = {}
        self.items = LiveItems(self.live, durable, 900.0, lambda: 5_000, self._count, lambda: self.now_s)
        self.live.watch(self.swaps.append)
        self.live.refresh()
        self.items.work()

    def _count(self, outcome: str, number: int) -> None:
        self.counted[outcome] = self.counted.get(outcome, 0) + number

    def hear(self, *ids: str, after_s: float = 10.0) -> None:
        self.now_s += after_s
        self.items.heard([ItemChange("shop", ids)])
        self.items.work()

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        self.items.work()

    @property
    def shelf(self) -> Shelf:
        loaded = self.live.get("shop", "shelf")
        assert loaded is not None
        shelf: Shelf = loaded.value
        return shelf

    def shows(self, item_id: str) -> bool:
        n = self.shelf.number.get(item_id)
        return n is not None and bool(self.shelf.available[n])

    def price(self, item_id: str) -> float:
        return float(self.shelf.price[self.shelf.number[item_id]])


@pytest.fixture
def durable() -> MemoryDurable:
    store = MemoryDurable()
    store.save_items("shop", {item.item_id: encode_item(item) for item in ITEMS})
    publish(store)
    return store


def publish(store: MemoryDurable, items: Collection[Item] = ITEMS) -> None:
    shelf = make_shelf(list(items))._replace(content=ContentIndex.of(items).to_bytes())
    store.make_live(NAME, store.publish(NAME, shelf.to_files()))


def put(store: MemoryDurable, *items: Item) -> None:
    store.save_items("shop", {item.item_id: encode_item(item) for item in items})


def test_what_was_put_is_on_the_shelf_once_it_is_heard_of(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", price=3.5), Item("new", "Product 2", ("garden", "garden-0")))
    assert replica.price("p1") == 2.0 and not replica.shows("new"), "not before: the test could not fail"
    replica.hear("p1", "new")
    assert replica.price("p1") == 3.5 and replica.shows("new")
    assert (replica.shelf.neighbours[replica.shelf.number["new"]] >= 0).any()
    assert replica.shelf.edition != 0


def test_what_is_not_to_be_had_goes_at_once_and_what_can_wait_is_gathered(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    replica.hear("p0")
    put(durable, Item("p1", price=9.0))
    replica.hear("p1")
    put(durable, Item("p2", price=9.0))
    replica.hear("p2", after_s=0.01)
    assert (replica.price("p1"), replica.price("p2")) == (9.0, 3.0)
    put(durable, Item("p3", available=False))
    replica.hear("p3", after_s=0.01)
    assert not replica.shows("p3"), "at once"
    replica.pass_by(GATHER_S)
    assert replica.price("p2") == 9.0


def test_an_item_taken_out_is_gone_and_can_come_back(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    durable.delete_items("shop", ["p4"])
    replica.hear("p4")
    assert not replica.shows("p4") and 4 not in replica.shelf.popular
    put(durable, ITEMS[4])
    replica.hear("p4")
    assert replica.shows("p4") and 4 in replica.shelf.popular
    assert replica.shelf.edition == 0, "as the generation has it"


def test_what_is_told_twice_or_changes_nothing_swaps_nothing(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", price=9.0))
    replica.hear("p1")
    shelf, swaps = replica.shelf, len(replica.swaps)
    replica.hear("p1", "p2", "nothing")
    assert replica.shelf is shelf and len(replica.swaps) == swaps


def test_who_changes_it_has_it_on_return(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", available=False))
    replica.items.look("shop", ["p1"])
    assert not replica.shows("p1") and replica.swaps[-1] == NAME


def test_who_changes_much_that_can_wait_swaps_once_in_a_while(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    replica.now_s += 10
    swaps = len(replica.swaps)
    for price in range(100, 120):
        put(durable, Item("p1", price=float(price)))
        replica.items.look("shop", ["p1"])
    assert replica.price("p1") == 100.0 and len(replica.swaps) == swaps + 1
    replica.pass_by(GATHER_S)
    assert replica.price("p1") == 119.0 and len(replica.swaps) == swaps + 2


def test_replicas_that_heard_in_another_order_or_only_read_have_the_same_edition(durable: MemoryDurable) -> None:
    one, other = Replica(durable), Replica(durable)
    changes = [Item("p1", price=9.0), Item("p2", available=False), Item("new", "x")]
    for item in changes:
        put(durable, item)
        one.hear(item.item_id)
    for item in reversed(changes):
        other.hear(item.item_id)
    late = Replica(durable)
    assert one.shelf.edition == other.shelf.edition == late.shelf.edition != 0
    assert not late.shows("p2") and late.shows("new")


def test_what_was_missed_is_found_when_it_hears_again_or_by_the_clock(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", price=9.0))
    durable.delete_items("shop", ["p2"])
    replica.pass_by(10)
    assert replica.price("p1") == 2.0
    replica.items.missed()
    replica.items.work()
    assert replica.price("p1") == 9.0 and not replica.shows("p2")
    put(durable, Item("p1", price=8.0))
    replica.pass_by(901)
    assert replica.price("p1") == 8.0


def test_a_generation_that_is_older_than_the_catalogue_is_never_seen_without_what_changed(
    durable: MemoryDurable,
) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", available=False))
    replica.hear("p1")
    seen: list[bool] = []
    replica.live.watch(lambda name: seen.append(replica.shows("p1")))
    publish(durable)
    replica.live.refresh()
    assert seen == [False]


def test_what_went_back_before_a_new_generation_came_is_read_again(durable: MemoryDurable) -> None:
    """The job saw p1 dear; it is cheap again, as the generation before had it, when the new one arrives."""
    replica = Replica(durable)
    publish(durable, [*ITEMS[:1], Item("p1", price=9.0), *ITEMS[2:]])
    replica.hear("p1")
    replica.live.refresh()
    assert replica.price("p1") == 9.0
    replica.items.work()
    assert replica.price("p1") == 2.0


def test_a_generation_that_has_it_all_needs_nothing_laid_over(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    new = Item("zz", "x", ("hats",), price=1.0)
    put(durable, new)
    replica.hear("zz")
    assert replica.shelf.edition
    publish(durable, [*ITEMS, new])
    replica.live.refresh()
    assert (replica.shelf.edition, replica.shelf.settled, replica.shows("zz")) == (0, 13, True)


def test_a_store_that_is_away_is_asked_again_and_nothing_is_lost(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    put(durable, Item("p1", price=9.0))
    durable.away = True
    replica.hear("p1")
    assert replica.price("p1") == 2.0 and replica.counted["unavailable"] == 1
    with pytest.raises(Unavailable):
        replica.items.look("shop", ["p2"])
    durable.away = False
    replica.pass_by(1)
    assert replica.price("p1") == 9.0


def test_a_tenant_whose_shelf_came_from_elsewhere_keeps_it() -> None:
    store = MemoryDurable()
    publish(store)
    replica = Replica(store)
    assert replica.shows("p1") and replica.shelf.edition == 0


def test_other_tenants_and_tenants_without_a_shelf_are_no_matter(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    durable.save_items("other", {"p1": encode_item(Item("p1", available=False))})
    replica.items.heard([ItemChange("other", ("p1",))])
    replica.items.work()
    replica.items.look("other", ["p1"])
    assert replica.shows("p1")


def test_an_item_that_cannot_be_read_is_not_shown(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    durable.save_items("shop", {"p1": b"{"})
    replica.hear("p1")
    assert not replica.shows("p1")


def test_content_that_is_damaged_costs_the_neighbours_of_what_is_new_and_nothing_else(durable: MemoryDurable) -> None:
    durable.make_live(NAME, durable.publish(NAME, make_shelf()._replace(content=b"no").to_files()))
    replica = Replica(durable)
    put(durable, Item("new", "Product 2"))
    replica.hear("new")
    assert replica.shows("new") and (replica.shelf.neighbours[-1] == -1).all()


class Overtaken(MemoryDurable):
    """While the whole catalogue is read, something happens."""

    happens: Callable[[], None] = staticmethod(lambda: None)

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        found = list(super().all_items(tenant))
        self.happens()
        return found


def test_a_change_that_overtakes_the_reading_of_the_whole_stays() -> None:
    store = Overtaken()
    store.save_items("shop", {item.item_id: encode_item(item) for item in ITEMS})
    publish(store)
    replica = Replica(store)

    def sold_out() -> None:
        put(store, Item("p1", available=False))
        replica.items.look("shop", ["p1"])

    store.happens = sold_out  # type: ignore[method-assign]
    replica.items.missed()
    replica.items.work()
    assert not replica.shows("p1")
    store.happens = lambda: publish(store) or replica.live.refresh()  # type: ignore[method-assign,func-returns-value]
    put(store, Item("p3", available=False))
    replica.items.missed()
    replica.items.work()
    store.happens = lambda: None  # type: ignore[method-assign]
    replica.items.work()
    assert not replica.shows("p1") and not replica.shows("p3"), "another generation came meanwhile"


def test_in_the_background_many_who_change_at_once_lose_nothing(durable: MemoryDurable) -> None:
    replica = Replica(durable)
    live = LiveGenerations(durable, {"shelf": Shelf.from_files}, 60)
    items = LiveItems(live, durable, 900.0, lambda: 5_000)
    live.start()
    items.start()

    def change(n: int) -> None:
        for price in range(1, 20):
            put(durable, Item(f"p{n}", price=price + 100.0, available=price % 3 > 0))
            items.heard([ItemChange("shop", (f"p{n}",))])
            if price % 5 == 0:
                items.look("shop", [f"p{n}"])

    threads = [threading.Thread(target=change, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def settled() -> bool:
        loaded = live.get("shop", "shelf")
        return loaded is not None and loaded.value.price[:4].tolist() == [119.0] * 4

    wait_until(settled)
    items.stop()
    live.stop()
    replica.items.missed()
    replica.items.work()
    loaded = live.get("shop", "shelf")
    assert loaded is not None and loaded.value.edition == replica.shelf.edition
