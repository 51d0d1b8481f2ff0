"""Announcing changes of membership on `rayce.segment-changes`, each once: what the log has to offer for it.

The position of a partition's announcements moves together with them, so after a crash it says what was announced already:
see `rayce.stores.kafka_changes` and docs/decisions/0008.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from rayce.segments.change import SegmentChange, encode_change


class Announcement(NamedTuple):
    """A change as a record: offset of the event that caused it, key, value."""

    offset: int
    key: bytes
    value: bytes


class Announcer(Protocol):
    """Writes announcements. Every call raises `Unavailable` when the log does not answer, or what was open was taken over."""

    def is_open(self, partition: int) -> bool:
        """Whether we are the one who announces for the partition."""
        ...

    def open(self, partition: int) -> None:
        """Become the one who announces for the partition: whoever was is shut out. Own the partition before you do."""
        ...

    def announce(self, partition: int, announcements: Sequence[Announcement]) -> None:
        """Write those that were not written before, and move the position, all or nothing."""
        ...

    def leave(self, partition: int) -> None:
        """Let a partition's connection go."""
        ...

    def close(self) -> None:
        """Let all go."""
        ...


def as_announcements(changes: Sequence[SegmentChange]) -> list[Announcement]:
    """The changes as records, in order."""
    return [Announcement(c.cause.offset, c.person.encode(), encode_change(c)) for c in changes]
