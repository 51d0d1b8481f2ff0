from collections.abc import Mapping

import pytest

from rayce.errors import InvalidArtifact, InvalidInput
from rayce.publication import publish, write_generation
from rayce.stores.memory import MemoryDurable


def accept(_files: Mapping[str, bytes]) -> None:
    pass


def refuse(_files: Mapping[str, bytes]) -> None:
    raise InvalidArtifact("damaged")


def test_what_was_stored_is_tried_and_made_live() -> None:
    durable = MemoryDurable()
    tried: list[Mapping[str, bytes]] = []
    assert publish(durable, "shop/x", {"a": b"1"}, tried.append) == 1
    assert tried == [{"a": b"1"}]
    assert durable.live() == {"shop/x": 1}


def test_what_fails_its_trial_does_not_become_live() -> None:
    durable = MemoryDurable()
    publish(durable, "shop/x", {"a": b"1"}, accept)
    with pytest.raises(InvalidArtifact):
        publish(durable, "shop/x", {"a": b"2"}, refuse)
    assert durable.live() == {"shop/x": 1}


def test_the_last_three_stay_and_so_does_the_live_one() -> None:
    durable = MemoryDurable()
    for _run in range(5):
        publish(durable, "shop/x", {"a": b"1"}, accept)
    assert durable.numbers("shop/x") == [3, 4, 5]
    durable.make_live("shop/x", 3)
    for _run in range(2):
        with pytest.raises(InvalidArtifact):
            publish(durable, "shop/x", {"a": b"1"}, refuse)
    publish(durable, "shop/x", {"a": b"1"}, accept)
    assert durable.numbers("shop/x") == [4, 5, 6, 7, 8], (
        "the newest, and those that were live: more than the newest three"
    )
    assert durable.live() == {"shop/x": 8}
    with pytest.raises(InvalidInput):
        durable.load_generation("shop/x", 3)


def test_an_issued_number_is_written_last_and_not_after_a_newer_one() -> None:
    durable = MemoryDurable()
    first, second = durable.issue("shop/x"), durable.issue("shop/x")
    assert write_generation(durable, "shop/x", {"a": b"2"}, accept, second) == second
    with pytest.raises(InvalidInput, match="made meanwhile"):
        write_generation(durable, "shop/x", {"a": b"1"}, accept, first)
    assert durable.numbers("shop/x") == [second]
