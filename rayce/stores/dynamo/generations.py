"""Generations: files cut into chunks below DynamoDB's item limit, sealed by a manifest, made live by one pointer."""

import zlib
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import chain

import msgspec

from rayce.errors import InvalidInput
from rayce.stores.dynamo.connection import Item, Part
from rayce.stores.interfaces import check_not_live, staying

CHUNK_BYTES = 350_000

Manifest = dict[str, tuple[int, str]]
"""By file: number of chunks, digest of the content."""


class Generations(Part):
    """`DurableGenerations`."""

    def issue(self, name: str) -> int:
        """See `DurableGenerations.issue`."""
        reply = self._db.call(
            "update_item",
            TableName=self._db.table("generations"),
            Key=_key(name, "next"),
            UpdateExpression="ADD issued :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        return int(reply["Attributes"]["issued"]["N"])

    def publish(self, name: str, files: Mapping[str, bytes], number: int | None = None) -> int:
        """See `DurableGenerations.publish`."""
        number = self.issue(name) if number is None else number
        manifest: Manifest = {}
        for file, content in files.items():
            packed = zlib.compress(content, 1)
            chunks = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)]
            for i, chunk in enumerate(chunks):
                self._put(name, _chunk(number, file, i), chunk)
            manifest[file] = (len(chunks), _digest(content))
        self._put(name, _seal(number), msgspec.json.encode(manifest))
        return number

    def make_live(self, name: str, number: int) -> None:
        """See `DurableGenerations.make_live`."""
        self._manifest(name, number)
        self._put(name, _mark(number), b"")  # before the pointer: one that is live is never without it
        self._db.call(
            "put_item",
            TableName=self._db.table("pointers"),
            Item={"name": {"S": name}, "live": {"N": str(number)}},
        )

    def live(self, prefix: str = "") -> dict[str, int]:
        """See `DurableGenerations.live`."""
        return {
            item["name"]["S"]: int(item["live"]["N"])
            for item in self._db.pages("scan", "pointers", ConsistentRead=True)
            if item["name"]["S"].startswith(prefix)
        }

    def load_generation(self, name: str, number: int) -> dict[str, bytes]:
        """See `DurableGenerations.load_generation`."""
        files = {}
        for file, (chunks, digest) in self._manifest(name, number).items():
            parts = [self._get(name, _chunk(number, file, i)) for i in range(chunks)]
            if any(part is None for part in parts):
                raise InvalidInput(f"generation {number} of {name} lacks a part of {file}", "generation", number)
            try:
                content = zlib.decompress(b"".join(part for part in parts if part is not None))
            except zlib.error:
                content = b""
            if _digest(content) != digest:
                raise InvalidInput(f"generation {number} of {name}: {file} is damaged", "generation", number)
            files[file] = content
        return files

    def numbers(self, name: str) -> list[int]:
        """See `DurableGenerations.numbers`."""
        return [int(part[2:]) for part in self._parts(name, "g#")]

    def were_live(self, name: str) -> list[int]:
        """See `DurableGenerations.were_live`."""
        complete = set(self.numbers(name))
        return [number for part in self._parts(name, "w#") if (number := int(part[2:])) in complete]

    def prune(self, name: str, keep: int) -> None:
        """See `DurableGenerations.prune`."""
        numbers = self.numbers(name)
        kept = staying(numbers, self.were_live(name), self.live(name).get(name), keep)
        for number in numbers:
            if number not in kept:
                self._delete(name, number)

    def unfinished(self, name: str) -> list[int]:
        """See `DurableGenerations.unfinished`. Steps from generation to generation: their parts are many, and large."""
        complete, found = set(self.numbers(name)), []
        following: str | None = "c#"
        while following is not None and (part := self._first_part(name, following)) is not None:
            number = int(part[2:10])
            if number not in complete:
                found.append(number)
            following = f"c#{number:08d}$"  # `$` comes right after `#`
        return found

    def delete_generation(self, name: str, number: int) -> None:
        """See `DurableGenerations.delete_generation`."""
        check_not_live(self.live(name), name, number)
        self._delete(name, number)

    def _delete(self, name: str, number: int) -> None:
        """The seal goes first: what is deleted in part is nobody's to load."""
        doomed = chain([_seal(number), _mark(number)], self._parts(name, f"c#{number:08d}#"))
        self._db.write_many("generations", ({"DeleteRequest": {"Key": _key(name, part)}} for part in doomed))

    def _first_part(self, name: str, following: str) -> str | None:
        """The first chunk's key after this one."""
        reply = self._db.call(
            "query",
            TableName=self._db.table("generations"),
            KeyConditionExpression="#name = :name AND part BETWEEN :following AND :last",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={
                ":name": {"S": name},
                ":following": {"S": following},
                ":last": {"S": "c$"},
            },
            ProjectionExpression="part",
            ConsistentRead=True,
            Limit=1,
        )
        return reply["Items"][0]["part"]["S"] if reply["Items"] else None

    def _manifest(self, name: str, number: int) -> Manifest:
        body = self._get(name, _seal(number))
        if body is None:
            raise InvalidInput(f"there is no complete generation {number} of {name}", "generation", number)
        return msgspec.json.decode(body, type=Manifest)

    def _put(self, name: str, part: str, body: bytes) -> None:
        item = {**_key(name, part), "body": {"B": body}}
        self._db.call("put_item", TableName=self._db.table("generations"), Item=item)

    def _get(self, name: str, part: str) -> bytes | None:
        reply = self._db.call(
            "get_item", TableName=self._db.table("generations"), Key=_key(name, part), ConsistentRead=True
        )
        return bytes(reply["Item"]["body"]["B"]) if "Item" in reply else None

    def _parts(self, name: str, prefix: str) -> Iterator[str]:
        found = self._db.pages(
            "query",
            "generations",
            KeyConditionExpression="#name = :name AND begins_with(part, :prefix)",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":name": {"S": name}, ":prefix": {"S": prefix}},
            ProjectionExpression="part",
        )
        return (item["part"]["S"] for item in found)


def _key(name: str, part: str) -> Item:
    return {"name": {"S": name}, "part": {"S": part}}


def _seal(number: int) -> str:
    return f"g#{number:08d}"


def _mark(number: int) -> str:
    """Says that it has been live."""
    return f"w#{number:08d}"


def _chunk(number: int, file: str, i: int) -> str:
    return f"c#{number:08d}#{file}#{i:06d}"


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
