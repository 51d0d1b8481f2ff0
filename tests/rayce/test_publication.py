from collections.abc import Mapping

import pytest

from rayce.errors import InvalidArtifact, InvalidInput
from rayce.publication import publish
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
    durable.prune("shop/x", 3)
    assert durable.live() == {"shop/x": 3}
    with pytest.raises(InvalidInput):
        durable.load_generation("shop/x", 4)
