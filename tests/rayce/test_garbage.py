from collections.abc import Iterable

import pytest

from rayce.errors import InvalidInput
from rayce.garbage import collect
from rayce.job_runs import Run
from rayce.stores.memory import MemoryDurable

KEEP = 2


class Durable(MemoryDurable):
    """One in which writers were killed: these (name, number) have parts and no seal."""

    def __init__(self, unfinished: Iterable[tuple[str, int]] = ()) -> None:
        super().__init__()
        self.left = set(unfinished)

    def unfinished(self, name: str) -> list[int]:
        return sorted(number for owner, number in self.left if owner == name)

    def delete_generation(self, name: str, number: int) -> None:
        super().delete_generation(name, number)
        self.left.discard((name, number))


def filled(durable: MemoryDurable, name: str, *, generations: int, live: int) -> None:
    for n in range(generations):
        durable.publish(name, {"a": bytes([n])})
    if live:
        durable.make_live(name, live)


def test_what_is_live_and_what_is_kept_stay_and_the_rest_goes() -> None:
    durable = Durable()
    filled(durable, "shop/shelf", generations=6, live=2)
    filled(durable, "shop/ranker", generations=2, live=2)
    found = collect(durable, {}, KEEP, False, print)
    assert found.old == [("shop/shelf", 1), ("shop/shelf", 3), ("shop/shelf", 4)]
    assert durable.numbers("shop/shelf") == [2, 5, 6]
    assert durable.numbers("shop/ranker") == [1, 2]
    assert durable.live() == {"shop/shelf": 2, "shop/ranker": 2}
    assert collect(durable, {}, KEEP, False, print) == ([], [], 0)


def test_a_dry_run_tells_the_same_and_deletes_nothing() -> None:
    durable, said = Durable([("shop/shelf", 1)]), list[str]()
    filled(durable, "shop/shelf", generations=5, live=5)
    durable.save_lists(1, [("a", b"x")])
    before = {name: durable.numbers(name) for name in durable.live()}
    told = collect(durable, {}, KEEP, True, said.append)
    assert {name: durable.numbers(name) for name in durable.live()} == before
    assert durable.left
    assert all(line.startswith("would delete generation") for line in said)
    assert collect(durable, {}, KEEP, False, print) == told


def test_what_a_killed_writer_left_goes_once_a_newer_one_is_complete_and_not_before() -> None:
    durable = Durable([("shop/shelf", 2), ("shop/shelf", 9)])
    filled(durable, "shop/shelf", generations=3, live=3)
    assert collect(durable, {}, 5, False, print).unfinished == [("shop/shelf", 2)]
    assert durable.unfinished("shop/shelf") == [9], "this one may be being written"


def test_names_that_were_live_only_for_a_run_are_known_from_the_runs() -> None:
    durable = Durable()
    filled(durable, "shop/old-model", generations=4, live=0)
    runs = {("shop", "train"): [Run("train", "shop", 1).ended(2, 0, generation={"shop/old-model": 1})]}
    assert [number for _name, number in collect(durable, runs, KEEP, False, print).old] == [1, 2]


def test_lists_go_where_every_tenant_is_beyond_them() -> None:
    durable = Durable()
    filled(durable, "a/lists", generations=9, live=9)
    filled(durable, "b/lists", generations=5, live=4)
    for generation in range(1, 10):
        durable.save_lists(generation, [("somebody", b"x"), ("somebody else", b"x")])
    assert collect(durable, {}, KEEP, False, print).lists == 2 * 3
    left = [generation for generation in range(1, 10) if durable.load_lists(generation, ["somebody"])]
    assert left == [4, 5, 6, 7, 8, 9], "4 and 5 are b's, 6 and 7 may be what b writes next, 8 and 9 are a's"


def test_killed_at_any_deletion_the_next_run_deletes_the_rest() -> None:
    class Killed(BaseException):
        pass

    class Mortal(Durable):
        calls = 3

        def delete_generation(self, name: str, number: int) -> None:
            self.calls -= 1
            if self.calls < 0:
                raise Killed
            super().delete_generation(name, number)

    durable = Mortal([("shop/shelf", 1)])
    filled(durable, "shop/shelf", generations=9, live=2)
    with pytest.raises(Killed):
        collect(durable, {}, KEEP, False, print)
    durable.calls = 99
    collect(durable, {}, KEEP, False, print)
    assert durable.numbers("shop/shelf") == [2, 8, 9]
    assert not durable.left


def test_one_that_goes_live_meanwhile_is_not_deleted() -> None:
    class Flipped(Durable):
        def unfinished(self, name: str) -> list[int]:
            self._live[name] = 1  # somebody rolls back
            return []

    durable = Flipped()
    filled(durable, "shop/shelf", generations=5, live=5)
    with pytest.raises(InvalidInput, match="is live"):
        collect(durable, {}, KEEP, False, print)
    assert durable.load_generation("shop/shelf", 1)


def test_what_has_been_live_stays_however_many_never_were() -> None:
    durable = Durable()
    for live in (1, 2):
        filled(durable, "shop/lists", generations=1, live=live)
    filled(durable, "shop/lists", generations=5, live=0)
    assert collect(durable, {}, KEEP, False, print).old == [("shop/lists", number) for number in (3, 4, 5)]
    assert durable.numbers("shop/lists") == [1, 2, 6, 7]
