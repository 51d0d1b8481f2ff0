"""Sizes, overlaps and movements of segments, kept exactly while memberships change, without going through people.

One tally counts the people of one partition, by tenant. It is changed by what a person's flags were and are, stored together
with the profiles it counts, and merged with those of other partitions by whoever reads. Encoded as a MessagePack array
whose first element is the version.
"""

from collections.abc import Collection
from typing import NamedTuple

import msgspec
from msgspec import Struct

from rayce.errors import InvalidArtifact
from rayce.profile import Bits
from rayce.segments.bits import set_bits
from rayce.segments.expiries import Expiries

VERSION = 1
HOUR_S = 3_600
FLOW_HOURS = 48
"""How far back movements are kept."""
OVERLAP_BITS = 128
"""Overlaps are counted among permanent segments with bits below this: at most 8,128 pairs."""
_PAIR = 1_024

ShortLived = Collection[tuple[int, int]]
"""(bit, expiry in seconds since the epoch)."""


class Flow(NamedTuple):
    """How many entered and how many left."""

    inflow: int
    outflow: int


class Counts(Struct, array_like=True):
    """One tenant's numbers."""

    sizes: dict[int, int] = {}
    """People by permanent bit."""
    pairs: dict[int, int] = {}
    """People in both, by lower bit × 1024 + higher bit."""
    short_lived: dict[int, Expiries] = {}
    flows: dict[int, dict[int, tuple[int, int]]] = {}
    """By bit and hour since the epoch: entered, left."""


class _Encoded(Struct, array_like=True):
    version: int
    tenants: dict[str, Counts]


class Tally:
    """Counts people. Never counts by itself: whoever makes a change of flags durable says so once."""

    def __init__(self, tenants: dict[str, Counts] | None = None) -> None:
        self._tenants = tenants or {}

    def change(
        self,
        before_flags: Bits,
        before_short: ShortLived,
        after_flags: Bits,
        after_short: ShortLived,
        now_ms: int,
        tenant: str = "",
    ) -> None:
        """A person's flags were `before_…` and are `after_…`; somebody who was or is not there has none.

        `now_ms` is the clock of who counts, not an event's moment: an event from the year 2099 must not end everything.
        """
        if before_flags == after_flags and not before_short and not after_short:
            return
        counts = self._of(tenant)
        if before_flags != after_flags:
            _change_permanent(counts, before_flags, after_flags, now_ms // 1000)
        if before_short or after_short:
            _change_short_lived(counts, dict(before_short), dict(after_short), now_ms)

    def prune(self, now_ms: int) -> None:
        """Drop what is over and what is older than `FLOW_HOURS`; whom time ended is counted as having left."""
        now_s = now_ms // 1000
        oldest = now_s // HOUR_S - FLOW_HOURS
        for counts in self._tenants.values():
            for bit, expiries in counts.short_lived.items():
                for at_s, count in expiries.prune(now_s).items():
                    _move(counts, bit, at_s, 0, count)
            for bit, hours in list(counts.flows.items()):
                for hour in [hour for hour in hours if hour <= oldest]:
                    del hours[hour]
                if not hours:
                    del counts.flows[bit]

    def size(self, bit: int, now_s: int, tenant: str = "") -> int:
        """People with the bit, permanent or short-lived; of the latter those that end within the current bucket count."""
        counts = self._tenants.get(tenant)
        if counts is None:
            return 0
        expiries = counts.short_lived.get(bit)
        return counts.sizes.get(bit, 0) + (expiries.in_force(now_s) if expiries else 0)

    def overlap(self, bit: int, other: int, tenant: str = "") -> int:
        """People with both permanent bits."""
        counts = self._tenants.get(tenant)
        if counts is None:
            return 0
        return counts.sizes.get(bit, 0) if bit == other else counts.pairs.get(_pair(bit, other), 0)

    def flow(self, bit: int, now_s: int, hours: int, tenant: str = "") -> Flow:
        """Who entered and left within the current hour and the `hours` - 1 before it. `prune` first."""
        counts = self._tenants.get(tenant)
        now = now_s // HOUR_S
        rows = (counts.flows.get(bit, {}) if counts else {}).items()
        recent = [row for hour, row in rows if now - hours < hour <= now]
        return Flow(sum(row[0] for row in recent), sum(row[1] for row in recent))

    def merge(self, other: "Tally") -> None:
        """Add another partition's numbers, for reading: a merged tally is not changed further."""
        for tenant, counts in other._tenants.items():
            mine = self._of(tenant)
            _add(mine.sizes, counts.sizes)
            _add(mine.pairs, counts.pairs)
            for bit, expiries in counts.short_lived.items():
                mine.short_lived.setdefault(bit, Expiries()).merge(expiries)
            for bit, hours in counts.flows.items():
                for hour, (entered, left) in hours.items():
                    _move(mine, bit, hour * HOUR_S, entered, left)

    def to_bytes(self) -> bytes:
        """For durable memory and for other processes."""
        return msgspec.msgpack.encode(_Encoded(VERSION, self._tenants))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Tally":
        """Inverse of `to_bytes`; nothing is an empty tally. `InvalidArtifact` for anything else."""
        if not data:
            return cls()
        try:
            found = msgspec.msgpack.decode(data, type=_Encoded)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidArtifact(f"not a tally: {error}", "tally", data[:32]) from None
        if found.version != VERSION:
            raise InvalidArtifact(f"tally version {found.version} is not {VERSION}", "version", found.version)
        return cls(found.tenants)

    def _of(self, tenant: str) -> Counts:
        counts = self._tenants.get(tenant)
        if counts is None:
            counts = self._tenants[tenant] = Counts()
        return counts


def _change_permanent(counts: Counts, before: Bits, after: Bits, now_s: int) -> None:
    """A pair counts while both bits are set, so only pairs with a changed bit change."""
    for bits, whole, step in ((before & ~after, before, -1), (after & ~before, after, 1)):
        rest = whole
        for bit in set_bits(bits):
            _add(counts.sizes, {bit: step})
            _move(counts, bit, now_s, int(step > 0), int(step < 0))
            rest &= ~(1 << bit)
            if bit < OVERLAP_BITS:
                partners = set_bits(rest & ((1 << OVERLAP_BITS) - 1))
                _add(counts.pairs, {_pair(bit, partner): step for partner in partners})


def _change_short_lived(counts: Counts, before: dict[int, int], after: dict[int, int], now_ms: int) -> None:
    now_s = now_ms // 1000
    for bit in before.keys() | after.keys():
        was, now = before.get(bit), after.get(bit)
        if was == now:
            continue
        expiries = counts.short_lived.get(bit)
        if expiries is None:
            expiries = counts.short_lived[bit] = Expiries()
        counted = was is not None and expiries.add(was, -1)
        stays = now is not None and expiries.add(now, 1)
        over = was is not None and was * 1000 <= now_ms
        if counted and (over or not stays):
            _move(counts, bit, min(was or 0, now_s), 0, 1)
        if stays and (over or not counted):
            _move(counts, bit, now_s, 1, 0)


def _move(counts: Counts, bit: int, at_s: int, entered: int, left: int) -> None:
    hours = counts.flows.setdefault(bit, {})
    hour = at_s // HOUR_S
    had = hours.get(hour, (0, 0))
    hours[hour] = (had[0] + entered, had[1] + left)


def _add(numbers: dict[int, int], more: dict[int, int]) -> None:
    for key, count in more.items():
        left = numbers.get(key, 0) + count
        if left:
            numbers[key] = left
        else:
            numbers.pop(key, None)


def _pair(bit: int, other: int) -> int:
    return min(bit, other) * _PAIR + max(bit, other)
