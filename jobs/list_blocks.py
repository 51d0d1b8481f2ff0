"""Blocks of people whose lists are made at once, by name, and as bytes that a checkpoint keeps."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from rayce.lists.blend import Blend
from rayce.lists.expected import Expectation
from rayce.lists.histories import Digests, Histories
from rayce.lists.maker import ListMaker
from rayce.lists.source import Source
from rayce.lists.tables import Tables
from rayce.precomputed import encode_list

Entries = list[tuple[str, bytes]]
"""People with their encoded lists."""
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Entries).decode


class Kitchen(NamedTuple):
    """What every block needs."""

    ids: list[str]
    tables: Tables
    blend: Blend
    again_days: NDArray[np.float64]
    now_ms: int
    length: int
    expectation: Expectation | None = None


class People(NamedTuple):
    """A block of people and their histories."""

    persons: Sequence[str]
    histories: Histories


def make_block(kitchen: Kitchen, people: People) -> bytes:
    """The lists of a block of people, encoded."""
    maker = ListMaker(kitchen.tables, kitchen.blend, kitchen.again_days, kitchen.expectation)
    made = maker.block(people.histories, kitchen.now_ms, kitchen.length).lists(kitchen.ids)
    return _encode([(person, encode_list(each)) for person, each in zip(people.persons, made, strict=True)])


def blocks_of(
    source: Source, digests: Digests, chosen: NDArray[np.intp], size: int, seal: str
) -> Iterator[tuple[str, People]]:
    """The chosen people in blocks, named by what their lists depend on: who withdraws between a kill and the next start must
    not have a list because their block has.
    """
    for first in range(0, len(chosen), size):
        numbers = chosen[first : first + size]
        people = People([source.persons[n] for n in numbers.tolist()], source.histories.of(numbers))
        named = blake2b(digests[numbers].tobytes() + seal.encode(), digest_size=8).hexdigest()
        yield f"lists-{first // size:06}-{named}", people


def entries_of(blocks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """The people of the blocks, one after another."""
    for block in blocks:
        yield from _decode(block)
