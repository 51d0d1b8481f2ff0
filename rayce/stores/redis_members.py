"""Pages of a membership list in Redis. A list is cut into one set a hash tag, so that no set is large and each lies in its
members' slot; a page is read from as many of them as it takes, in two exchanges.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from rayce.errors import InvalidInput
from rayce.stores.interfaces import Members
from rayce.stores.redis_address import Command
from rayce.stores.redis_keys import TAGS, Keys

WINDOW = 256
"""Sets looked into for one page: bounds its cost, and a page of a small segment may be empty with more to come."""
_SLACK = 64
_CURSOR = re.compile(r"([0-9]{1,4})-([0-9]{1,20})")


class Position(NamedTuple):
    """Where a page begins: the tag, and Redis' own cursor within its set."""

    tag: int
    at: int

    def __str__(self) -> str:
        return f"{self.tag}-{self.at}"


class _Scan(NamedTuple):
    tag: int
    at: int
    about: int


def position(cursor: str) -> Position:
    """Of a cursor that a page gave; "" is the beginning. `InvalidInput` for anything else."""
    if not cursor:
        return Position(0, 0)
    found = _CURSOR.fullmatch(cursor)
    if found is None or int(found[1]) >= TAGS or int(found[2]) >= 2**64:
        raise InvalidInput("cursor: not one that a page gave", "cursor", cursor[:64])
    return Position(int(found[1]), int(found[2]))


def sizes(begin: Position, bit: int, tenant: str) -> list[Command]:
    """The first exchange: how large the next sets are."""
    tags = range(begin.tag, min(begin.tag + WINDOW, TAGS))
    return [("SCARD", Keys.list_part(tag, bit, tenant)) for tag in tags]


class Page:
    """The second exchange: which sets to read, and what the page is."""

    def __init__(self, begin: Position, sizes: Sequence[Any], limit: int) -> None:
        """A page holds about `limit`: sets are read whole as long as they fit, the one that does not is the last."""
        self._scans: list[_Scan] = []
        self._end = begin.tag
        planned = 0
        for tag, size in enumerate(map(int, sizes), begin.tag):
            if planned >= limit:
                break
            at = begin.at if tag == begin.tag else 0
            self._end = tag + 1
            if at or planned + size > limit:  # how much of it is left is not known, or it is too much
                self._scans.append(_Scan(tag, at, limit - planned))
                break
            if size:
                self._scans.append(_Scan(tag, 0, size + _SLACK))
                planned += size

    def commands(self, bit: int, tenant: str) -> list[Command]:
        """The reads."""
        return [("SSCAN", Keys.list_part(tag, bit, tenant), at, "COUNT", about) for tag, at, about in self._scans]

    def members(self, replies: Sequence[Any]) -> Members:
        """Of the replies. A set that was not read to its end is where the next page begins; what comes after it, too."""
        people: list[str] = []
        for scan, (following, found) in zip(self._scans, replies, strict=True):
            people += map(Keys.person, found)
            if int(following):
                return Members(people, str(Position(scan.tag, int(following))))
        return Members(people, str(Position(self._end, 0)) if self._end < TAGS else None)
