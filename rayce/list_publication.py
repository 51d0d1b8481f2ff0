"""Storing everybody's precomputed lists: durable memory first, then hot memory. Their generation is written after them all."""

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from rayce.errors import InvalidArtifact, Unavailable
from rayce.precomputed import decode_list
from rayce.stores.interfaces import Durable, HotWriter

AT_ONCE = 500
PROBES = 5


class Stored(Struct):
    """How many lists were written, and how many of them hot memory took."""

    lists: int = 0
    hot: int = 0
    hot_away: str = ""


def store_lists(
    durable: Durable, hot: HotWriter, generation: int, lists: Iterable[tuple[str, bytes]], ttl_s: int
) -> Stored:
    """Writes the lists of a generation; consumes them block by block, so that memory stays bounded.

    `InvalidArtifact` where the first ones cannot be read back. Where hot memory is away its readers take the durable one.
    """
    stored = Stored()
    entries = iter(lists)
    while block := list(islice(entries, AT_ONCE)):
        durable.save_lists(generation, block)
        if not stored.lists:
            _read_back(durable, generation, block[:PROBES])
        stored.lists += len(block)
        if stored.hot_away:
            continue
        try:
            hot.show_lists(generation, block, ttl_s)
            stored.hot += len(block)
        except Unavailable as error:
            stored.hot_away = str(error)
    return stored


def _read_back(durable: Durable, generation: int, probes: list[tuple[str, bytes]]) -> None:
    found = durable.load_lists(generation, [person for person, _body in probes])
    for person, body in probes:
        if decode_list(found.get(person)) != decode_list(body):
            raise InvalidArtifact("a list is not what was written", "list", person)
