"""Hot memory in Redis: a materialised view that may vanish.

    rf:{t}:n  hash  field: 6 bytes of the pseudonym's digest, value: consent and packed flags (`rayce.segments.flags`)
    rp:{t}:digest   encoded profile, with a time to live
    rc:{t}:n:field  newest decision of late, 7 bytes, with a time to live: guards against older ones
    rm:{t}:bit:tenant   set: this tag's part of the membership list of a segment that has one (`rayce.stores.redis_members`)
    rl:{generation}:{person}   precomputed list, with a time to live
    rayce:status  hash of what the parts of the system last said of themselves, by name
    rayce:view    the incarnation: missing means that the memory was emptied
    rayce:changed channel: whose state, flags or consent changed, told after it was, in the same exchange

The person's bucket is 1024 n + t; the braces are part of the key: the hash tag by which Redis Cluster keeps in one slot what
belongs to a person, with the lists it is in. Buckets keep Redis' listpack encoding (`hash-max-listpack-entries` above the
fullest bucket, `hash-max-listpack-value` above the largest value). Flags, consent and lists are written by scripts only
(`rayce.stores.redis_scripts`). Redis 7 and Valkey alike.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import Unavailable
from rayce.pseudonym import digest_of
from rayce.segments.flags import split_value
from rayce.segments.listing import Listing
from rayce.settings import RedisSettings
from rayce.stores import redis_members
from rayce.stores.interfaces import CHANGED, Hearing, HotRow, Kept, Lean, Members, Place, Shown
from rayce.stores.redis_address import Command
from rayce.stores.redis_cluster import ClusterSocket, ClusterWire
from rayce.stores.redis_keys import TAGS, Keys
from rayce.stores.redis_listening import RedisListening
from rayce.stores.redis_scripts import DECIDE, PUT_BACK, SHOW, TRIM, in_full, is_missing
from rayce.stores.redis_socket import RedisSocket
from rayce.stores.redis_wire import RedisWire

_INCARNATION = "rayce:view"
_STATUS = "rayce:status"
_NOTHING = HotRow(None, None)
MAX_TOLD = 4_096
"""People in one message: 64 KiB."""


class _Calls:
    """The scripts' calls for people, as commands."""

    def __init__(self, settings: RedisSettings) -> None:
        self.keys = Keys(settings.flag_buckets)
        self._profile_ttl_s = settings.profile_ttl_s
        self._decision_ttl_s = settings.decision_ttl_s

    def show(self, rows: Sequence[Shown]) -> list[Command]:
        commands: list[Command] = []
        sha, ttl_s, home = SHOW.digest, self._profile_ttl_s, self.keys.home
        for person, state, flags, consent, listing in rows:
            if consent is not None:
                commands.append(self.decide(person, consent, None, durable=False))
            flags_key, field, state_key, _guard = home(person)
            if flags is None or state is None:
                flags = state = b""
            if listing is None:
                commands.append(("EVALSHA", sha, 2, flags_key, state_key, field, flags, state, ttl_s))
                continue
            lists, told = self._lists(person, listing)
            count = 2 + len(lists)
            commands.append(("EVALSHA", sha, count, flags_key, state_key, *lists, field, flags, state, ttl_s, *told))
        return commands

    def _lists(self, person: str, listing: Listing | None) -> tuple[list[bytes], list[bytes | int]]:
        """Keys of the lists, and what the scripts are told of them."""
        if listing is None:
            return [], []
        keys = self.keys
        return [keys.list_of(person, bit, listing.tenant) for bit in listing.bits], [keys.member(person), *listing.bits]

    def decide(self, person: str, consent: Consent, listing: Listing | None, durable: bool) -> Command:
        home = self.keys.home(person)
        lists, told = self._lists(person, listing)
        keys = (home.flags, home.state, home.guard, *lists)
        return (
            "EVALSHA", DECIDE.digest, len(keys), *keys,
            home.field, consent.to_bytes(), self._decision_ttl_s, int(durable), *told,
        )  # fmt: skip

    def put_back(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> list[Command]:
        found = {row.person: row for row in rows if row.flags is not None and row.state is not None}
        commands: list[Command] = []
        for person in {**consents, **found}:
            home, row, record = self.keys.home(person), found.get(person), consents.get(person)
            lists, told = self._lists(person, row.listing if row else None)
            flags, state = (row.flags or b"", row.state or b"") if row else (b"", b"")
            consent = record.to_bytes() if record else b""
            keys = (home.flags, home.state, home.guard, *lists)
            commands.append((
                "EVALSHA", PUT_BACK.digest, len(keys), *keys,
                home.field, flags, state, self._profile_ttl_s, consent, *told,
            ))  # fmt: skip
        return commands

    def trim(self, rows: Sequence[Lean]) -> list[Command]:
        return [("EVALSHA", TRIM.digest, 1, *place, had, lean) for place, had, lean in rows]


def _telling(persons: Sequence[str]) -> list[Command]:
    """The message to who listens, to be sent behind the commands that changed them.

    Where the exchange breaks in between, its caller is told `Unavailable` and writes again, and so tells again.
    """
    parts = [persons[at : at + MAX_TOLD] for at in range(0, len(persons), MAX_TOLD)]
    return [("PUBLISH", CHANGED, b"".join(map(digest_of, part))) for part in parts]


def _denying(consents: Mapping[str, Consent]) -> list[str]:
    """Putting back what was lost changes nothing for who has read it before; a denial that hot memory had not heard of does."""
    return [person for person, consent in consents.items() if not consent.allows(PERSONALIZATION)]


class RedisWriter:
    """`HotWriter` and `HotBuckets`. Nothing is retried here: the caller decides. A cluster goes by redis-py."""

    def __init__(self, settings: RedisSettings) -> None:
        self._socket: RedisSocket | ClusterSocket
        make = ClusterSocket if settings.cluster else RedisSocket
        self._socket = make(settings.url, settings.write_timeout_ms / 1000)
        self._calls = _Calls(settings)

    def show(self, rows: Sequence[Shown]) -> None:
        """See `HotWriter.show`."""
        self._run(self._calls.show(rows) + _telling([row.person for row in rows]))

    def put_back(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """See `HotWriter.put_back`."""
        self._run(self._calls.put_back(rows, consents) + _telling(_denying(consents)))

    def show_lists(self, generation: int, lists: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        """See `HotWriter.show_lists`."""
        self._socket.ask([("SET", Keys.precomputed(generation, person), data, "EX", ttl_s) for person, data in lists])

    def incarnation(self) -> str:
        """See `HotWriter.incarnation`."""
        if isinstance(self._socket, ClusterSocket):
            return self._socket.incarnation(_INCARNATION)
        _set, found = self._socket.ask([("SET", _INCARNATION, uuid4().hex, "NX"), ("GET", _INCARNATION)])
        return found.decode() if isinstance(found, bytes) else ""

    def place(self, person: str) -> Place:
        """See `HotWriter.place`."""
        home = self._calls.keys.home(person)
        return home.flags, home.field

    def trim(self, rows: Sequence[Lean]) -> int:
        """See `HotWriter.trim`."""
        return sum(self._run(self._calls.trim(rows)))

    @property
    def buckets(self) -> int:
        """See `HotBuckets.buckets`."""
        return self._calls.keys.buckets

    def read_buckets(self, numbers: Sequence[int]) -> list[Kept]:
        """See `HotBuckets.read_buckets`."""
        keys = [self._calls.keys.bucket(number) for number in numbers]
        replies = self._socket.ask([command for key in keys for command in (("HKEYS", key), ("HVALS", key))])
        found = []
        for key, fields, values in zip(keys, replies[::2], replies[1::2], strict=True):
            # Somebody may come or go between the two replies: `trim` compares, so a wrong pair does no harm.
            pairs = zip(fields, values, strict=False)
            found += [Kept((key, field), flags) for field, value in pairs if (flags := split_value(value)[1])]
        return found

    def drop_list(self, tenant: str, bit: int) -> int:
        """See `HotBuckets.drop_list`."""
        return sum(self._socket.ask([("UNLINK", Keys.list_part(tag, bit, tenant)) for tag in range(TAGS)]))

    def put_status(self, statuses: Mapping[str, bytes]) -> None:
        """See `HotWriter.put_status`."""
        self._socket.ask([("HSET", _STATUS, name, body) for name, body in statuses.items()])

    def close(self) -> None:
        """Close the connections."""
        self._socket.close()

    def _run(self, commands: list[Command]) -> list[Any]:
        try:
            return self._socket.ask(commands)
        except Unavailable as error:
            if not is_missing(error):
                raise
            return self._socket.ask(in_full(commands))


class RedisReader:
    """`HotReader`: one deadline around each call, nothing retried. One node by `RedisWire`, a cluster by redis-py."""

    def __init__(self, settings: RedisSettings) -> None:
        self._wire: RedisWire | ClusterWire
        self._wire = (ClusterWire if settings.cluster else RedisWire)(settings.url, settings.read_timeout_ms / 1000)
        self._keys = Keys(settings.flag_buckets)
        self._calls = _Calls(settings)

    async def read_flags(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_flags`."""
        commands: list[Command] = []
        for person in persons:
            flags_key, field, _state, _guard = self._keys.home(person)
            commands.append(("HGET", flags_key, field))
        return [HotRow(*split_value(value)) if value else _NOTHING for value in await self._wire.ask(commands)]

    async def read_states(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_states`."""
        commands: list[Command] = []
        for person in persons:
            flags_key, field, state_key, _guard = self._keys.home(person)
            commands += [("HGET", flags_key, field), ("GET", state_key)]
        replies = await self._wire.ask(commands)
        return [
            HotRow(split_value(value)[0] if value else None, state)
            for value, state in zip(replies[::2], replies[1::2], strict=True)
        ]

    async def read_lists(self, generation: int, persons: Sequence[str]) -> list[bytes | None]:
        """See `HotReader.read_lists`."""
        return await self._wire.ask([("GET", Keys.precomputed(generation, person)) for person in persons])

    async def read_status(self) -> dict[str, bytes]:
        """See `HotReader.read_status`."""
        names, bodies = await self._wire.ask([("HKEYS", _STATUS), ("HVALS", _STATUS)])
        return {name.decode(): body for name, body in zip(names, bodies, strict=False)}

    async def tell_status(self, name: str, body: bytes) -> None:
        """See `HotReader.tell_status`."""
        await self._wire.ask([("HSET", _STATUS, name, body)])

    async def forget_status(self, names: Sequence[str]) -> None:
        """See `HotReader.forget_status`."""
        if names:
            await self._wire.ask([("HDEL", _STATUS, *names)])

    async def read_members(self, tenant: str, bit: int, cursor: str, limit: int) -> Members:
        """See `HotReader.read_members`."""
        begin = redis_members.position(cursor)
        page = redis_members.Page(begin, await self._wire.ask(redis_members.sizes(begin, bit, tenant)), limit)
        return page.members(await self._wire.ask(page.commands(bit, tenant)))

    async def put_consent(self, person: str, consent: Consent, listing: Listing | None = None) -> None:
        """See `HotReader.put_consent`."""
        await self._run([self._calls.decide(person, consent, listing, durable=True), *_telling([person])])

    async def backfill(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """See `HotReader.backfill`."""
        await self._run(self._calls.put_back(rows, consents) + _telling(_denying(consents)))

    async def listen(self, hearing: Hearing) -> None:
        """See `HotReader.listen`."""
        await RedisListening(self._wire.addresses, hearing).run()

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _run(self, commands: list[Command]) -> list[Any]:
        try:
            return await self._wire.ask(commands)
        except Unavailable as error:
            if not is_missing(error):
                raise
            return await self._wire.ask(in_full(commands))
