"""Profiles with their watermark, and the partitions' leases that fence a former owner.

A save is a transaction of up to 99 puts and one check that the lease still has our epoch: once a successor has raised it,
nothing of ours is written any more, so what the successor has loaded stays true.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from msgspec.json import Decoder

from rayce.errors import Unavailable
from rayce.stores.dynamo.connection import Part, unique
from rayce.stores.dynamo.transaction import Left, Owner, encoded, transact
from rayce.stores.dynamo.wire_values import GotMany, OfProfile, Page
from rayce.stores.interfaces import (
    MAX_SAVE_BYTES,
    MAX_SAVES,
    Lease,
    Save,
    StoredProfile,
    check_atomic,
    check_segment,
)

MAX_CONFLICTS = 5

_many = Decoder(GotMany[OfProfile], strict=False)
_page = Decoder(Page[OfProfile], strict=False)


class Profiles(Part):
    """`DurableProfiles`."""

    def acquire(self, partition: int) -> Lease:
        """See `DurableProfiles.acquire`."""
        reply = self._db.call(
            "update_item",
            TableName=self._db.table("leases"),
            Key={"part": {"N": str(partition)}},
            UpdateExpression="SET step = :zero ADD epoch :one",
            ExpressionAttributeValues={":zero": {"N": "0"}, ":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        lease = reply["Attributes"]
        return Lease(int(lease["epoch"]["N"]), bytes(lease["tally"]["B"]) if "tally" in lease else b"")

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        """See `DurableProfiles.load_profiles`."""
        keys = ({"person": {"S": person}} for person in unique(persons))
        return dict(map(_stored, self._db.get_many("profiles", keys, _many)))

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        """See `DurableProfiles.save_profiles`."""
        owner = Owner(partition, epoch)
        if tally is not None:
            check_atomic(saves, tally)
            self._save(owner, saves, Left(tally, self._db.next_step(owner)))
            return
        for batch in _transactions(saves):
            self._save(owner, batch, None)

    def scan_profiles(self, segment: int, segments: int) -> Iterator[tuple[str, StoredProfile]]:
        """See `DurableProfiles.scan_profiles`."""
        check_segment(segment, segments)
        wanted: dict[str, Any] = {"Segment": segment, "TotalSegments": segments}
        return map(_stored, self._db.scan("profiles", _page, wanted))

    def _save(self, owner: Owner, saves: Sequence[Save], left: Left | None) -> None:
        body = encoded(self._db, owner, saves, left)
        for _try in range(MAX_CONFLICTS):
            if self._transact(owner, body):
                return
        raise Unavailable("dynamodb", "transactions keep conflicting")

    def _transact(self, owner: Owner, body: bytes) -> bool:
        return transact(self._db, owner, body)


def _transactions(saves: Sequence[Save]) -> Iterator[list[Save]]:
    batch: list[Save] = []
    size = 0
    for save in saves:
        size += len(save.state)
        if batch and (len(batch) == MAX_SAVES or size > MAX_SAVE_BYTES):
            yield batch
            batch, size = [], len(save.state)
        batch.append(save)
    if batch:
        yield batch


def _stored(item: OfProfile) -> tuple[str, StoredProfile]:
    return item.person.S, StoredProfile(item.body.B, item.part.N, item.mark.N)
