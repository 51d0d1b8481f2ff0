from collections.abc import Collection

import pytest

from rayce.errors import InvalidArtifact
from rayce.list_publication import AT_ONCE, store_lists
from rayce.precomputed import encode_list
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.samples import person

LISTS = [(person(n), encode_list([(f"p{n}", 1.0)])) for n in range(AT_ONCE + 3)]


@pytest.mark.anyio
async def test_every_list_reaches_both_memories() -> None:
    durable, hot = MemoryDurable(), MemoryHot()
    stored = store_lists(durable, hot, 4, iter(LISTS), 60)
    assert (stored.lists, stored.hot, stored.hot_away) == (len(LISTS), len(LISTS), "")
    people = [who for who, _body in LISTS]
    assert durable.load_lists(4, people) == dict(LISTS)
    assert await hot.read_lists(4, people) == [body for _who, body in LISTS]


def test_the_durable_memory_is_enough() -> None:
    durable, hot = MemoryDurable(), MemoryHot()
    hot.away = True
    stored = store_lists(durable, hot, 4, LISTS, 60)
    assert (stored.lists, stored.hot) == (len(LISTS), 0)
    assert "switched away" in stored.hot_away


def test_lists_that_cannot_be_read_back_are_noticed() -> None:
    class Forgetful(MemoryDurable):
        def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
            return {}

    with pytest.raises(InvalidArtifact, match="not what was written"):
        store_lists(Forgetful(), MemoryHot(), 4, LISTS, 60)


def test_nobody_is_no_trouble() -> None:
    assert store_lists(MemoryDurable(), MemoryHot(), 1, [], 60).lists == 0
