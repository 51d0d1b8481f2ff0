"""`DurableGenerations`: written whole, numbered upwards, live by one pointer, the last few kept."""

import pytest

from rayce.errors import InvalidInput
from rayce.stores.interfaces import Durable


def test_nothing_is_there_before_the_first(durable: Durable, name: str) -> None:
    assert durable.live(name) == {}
    assert durable.numbers(name) == []


def test_generations_are_numbered_upwards_and_not_live_by_themselves(durable: Durable, name: str) -> None:
    assert [durable.publish(name, {"a": b"x"}) for _ in range(3)] == [1, 2, 3]
    assert durable.live(name) == {}
    assert durable.numbers(name) == [1, 2, 3]


def test_files_come_back_as_they_were(durable: Durable, name: str) -> None:
    files = {"empty": b"", "zeros": bytes(1000), "all": bytes(range(256)), "ünïcode #1.json": b"{}"}
    assert durable.load_generation(name, durable.publish(name, files)) == files


def test_large_files_come_back_as_they_were(durable: Durable, name: str) -> None:
    """Larger than an item of DynamoDB may be, and not to be packed smaller."""
    large = b"".join((n * 2654435761 % 2**32).to_bytes(4, "big") for n in range(250_000))
    number = durable.publish(name, {"large": large, "small": b"x"})
    assert durable.load_generation(name, number) == {"large": large, "small": b"x"}


def test_the_pointer_goes_forth_and_back(durable: Durable, name: str) -> None:
    one, two = durable.publish(name, {"a": b"1"}), durable.publish(name, {"a": b"2"})
    for number in (one, two, one):
        durable.make_live(name, number)
        assert durable.live(name) == {name: number}


def test_live_is_asked_by_prefix(durable: Durable, name: str) -> None:
    for kind in ("a/shelf", "a/ranker", "ab/shelf"):
        durable.make_live(f"{name}-{kind}", durable.publish(f"{name}-{kind}", {"x": b""}))
    assert durable.live(f"{name}-a/") == {f"{name}-a/shelf": 1, f"{name}-a/ranker": 1}
    assert set(durable.live()) >= {f"{name}-a/shelf", f"{name}-ab/shelf"}


def test_what_does_not_exist_can_be_neither_live_nor_loaded(durable: Durable, name: str) -> None:
    durable.publish(name, {"a": b"x"})
    for number in (0, 2, 99):
        with pytest.raises(InvalidInput):
            durable.make_live(name, number)
        with pytest.raises(InvalidInput):
            durable.load_generation(name, number)
    assert durable.live(name) == {}


def test_pruning_keeps_the_newest_and_the_live_one(durable: Durable, name: str) -> None:
    for n in range(6):
        durable.publish(name, {"a": bytes([n]), "b": b"x"})
    durable.make_live(name, 2)
    durable.prune(name, 2)
    assert durable.numbers(name) == [2, 5, 6]
    assert durable.load_generation(name, 2) == {"a": b"\x01", "b": b"x"}
    with pytest.raises(InvalidInput):
        durable.load_generation(name, 1)
    assert durable.publish(name, {}) == 7


def test_pruning_more_than_there_is_deletes_nothing(durable: Durable, name: str) -> None:
    durable.publish(name, {"a": b"x"})
    durable.prune(name, 5)
    assert durable.numbers(name) == [1]


def test_pruning_to_nothing_keeps_the_live_one(durable: Durable, name: str) -> None:
    for _ in range(3):
        durable.publish(name, {"a": b"x"})
    durable.make_live(name, 3)
    durable.prune(name, 0)
    assert durable.numbers(name) == [3]


def test_one_names_generations_are_not_anothers(durable: Durable, name: str) -> None:
    durable.publish(name, {"a": b"1"})
    assert durable.publish(name + "-other", {"a": b"2"}) == 1
    durable.prune(name, 0)
    assert durable.numbers(name + "-other") == [1]


def test_what_is_complete_is_not_unfinished(durable: Durable, name: str) -> None:
    for n in range(3):
        durable.publish(name, {"a": bytes([n]), "b": b"x"})
    assert durable.unfinished(name) == []
    assert durable.unfinished(name + "-other") == []


def test_a_generation_is_deleted_unless_it_is_live(durable: Durable, name: str) -> None:
    for _ in range(3):
        durable.publish(name, {"a": b"x"})
    durable.make_live(name, 2)
    durable.delete_generation(name, 1)
    durable.delete_generation(name, 99)
    assert durable.numbers(name) == [2, 3]
    with pytest.raises(InvalidInput, match="is live"):
        durable.delete_generation(name, 2)
    assert durable.load_generation(name, 2) == {"a": b"x"}
    with pytest.raises(InvalidInput):
        durable.load_generation(name, 1)


def test_a_number_is_issued_before_and_counts_once_its_files_are_there(durable: Durable, name: str) -> None:
    issued = durable.issue(name)
    assert durable.numbers(name) == durable.unfinished(name) == []
    with pytest.raises(InvalidInput):
        durable.make_live(name, issued)
    assert durable.publish(name, {"a": b"2"}) == issued + 1
    assert durable.publish(name, {"a": b"1"}, issued) == issued
    assert durable.numbers(name) == [issued, issued + 1]
    assert durable.load_generation(name, issued) == {"a": b"1"}


def test_what_has_been_live_is_known_and_outlives_many_that_never_were(durable: Durable, name: str) -> None:
    for live in (True, True, *(False,) * 4):
        number = durable.publish(name, {"a": b"x"})
        if live:
            durable.make_live(name, number)
    assert durable.were_live(name) == [1, 2]
    durable.prune(name, 2)
    assert durable.numbers(name) == [1, 2, 5, 6]
    durable.make_live(name, 6)
    durable.prune(name, 2)
    assert durable.numbers(name) == [2, 5, 6]
    durable.delete_generation(name, 2)
    assert durable.were_live(name) == [6]
