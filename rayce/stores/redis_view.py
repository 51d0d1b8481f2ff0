"""Hot memory in Redis: a materialised view that may vanish.

    rf:{b}  hash  field: 6 bytes of the pseudonym, value: packed flags          (b = bucket of the person)
    rc:{b}  hash  field: the same, value: consent record, 7 bytes
    rp:{person}   encoded profile, with a time to live
    rl:{generation}:{person}   precomputed list, with a time to live
    rayce:status  hash of what the parts of the system last said of themselves, by name
    rayce:view    the incarnation: missing means that the memory was emptied

Buckets keep Redis' listpack encoding (`hash-max-listpack-entries` above the fullest bucket). Every command names one key, so
it works on Redis Cluster as it stands. Redis 7 and Valkey alike.
"""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any
from uuid import uuid4

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import Unavailable
from rayce.pseudonym import digest_of
from rayce.settings import RedisSettings
from rayce.stores.interfaces import HotRow, Shown
from rayce.stores.redis_wire import Command, RedisWire

_INCARNATION = "rayce:view"
_STATUS = "rayce:status"
_NEWER_CONSENT = (files("rayce.stores") / "newer_consent.lua").read_text(encoding="utf-8")


class Keys:
    """Where a person lives."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def home(self, person: str) -> tuple[str, bytes]:
        """Bucket number and field of a person: disjoint parts of the digest."""
        digest = digest_of(person)
        return str(int.from_bytes(digest[8:], "big") % self._buckets), digest[:6]

    @staticmethod
    def state(person: str) -> str:
        """Key of the encoded profile."""
        return f"rp:{person}"

    @staticmethod
    def precomputed(generation: int, person: str) -> str:
        """Key of the precomputed list."""
        return f"rl:{generation}:{person}"


class RedisWriter:
    """`HotWriter` on redis-py's blocking client. Nothing is retried here: the caller decides."""

    def __init__(self, settings: RedisSettings) -> None:
        timeout_s = settings.write_timeout_ms / 1000
        make = redis.RedisCluster.from_url if settings.cluster else redis.Redis.from_url
        self._client = make(
            settings.url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=redis.retry.Retry(NoBackoff(), 0),
        )
        self._keys = Keys(settings.flag_buckets)
        self._profile_ttl_s = settings.profile_ttl_s

    def show(self, rows: Sequence[Shown]) -> None:
        """See `HotWriter.show`."""
        pipe = self._client.pipeline(transaction=False)
        for person, state, flags, consent in rows:
            bucket, field = self._keys.home(person)
            if consent is not None:
                pipe.execute_command("EVAL", _NEWER_CONSENT, 1, "rc:" + bucket, field, consent.to_bytes())
            if flags is None or state is None:
                pipe.hdel("rf:" + bucket, field)
                pipe.delete(Keys.state(person))
            else:
                pipe.hset("rf:" + bucket, field, flags)
                pipe.set(Keys.state(person), state, ex=self._profile_ttl_s)
        self._run(pipe)

    def show_lists(self, generation: int, lists: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        """See `HotWriter.show_lists`."""
        pipe = self._client.pipeline(transaction=False)
        for person, data in lists:
            pipe.set(Keys.precomputed(generation, person), data, ex=ttl_s)
        self._run(pipe)

    def incarnation(self) -> str:
        """See `HotWriter.incarnation`."""
        try:
            self._client.set(_INCARNATION, uuid4().hex, nx=True)
            found = self._client.get(_INCARNATION)
        except (RedisError, OSError) as error:
            raise Unavailable("redis", str(error)) from None
        return found.decode() if isinstance(found, bytes) else ""

    def put_status(self, statuses: Mapping[str, bytes]) -> None:
        """See `HotWriter.put_status`."""
        pipe = self._client.pipeline(transaction=False)
        for name, body in statuses.items():
            pipe.hset(_STATUS, name, body)
        self._run(pipe)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _run(pipe: "redis.client.Pipeline") -> None:
        try:
            pipe.execute()
        except (RedisError, OSError) as error:
            raise Unavailable("redis", str(error)) from None


class RedisReader:
    """`HotReader`: one deadline around each call, nothing retried. One node by `RedisWire`, a cluster by redis-py."""

    def __init__(self, settings: RedisSettings) -> None:
        timeout_s = settings.read_timeout_ms / 1000
        self._wire: RedisWire | _ClusterWire
        self._wire = (_ClusterWire if settings.cluster else RedisWire)(settings.url, timeout_s)
        self._keys = Keys(settings.flag_buckets)
        self._profile_ttl_s = settings.profile_ttl_s

    async def read_flags(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_flags`."""
        commands: list[Command] = []
        for person in persons:
            bucket, field = self._keys.home(person)
            commands += [("HGET", "rc:" + bucket, field), ("HGET", "rf:" + bucket, field)]
        return _rows(await self._wire.ask(commands))

    async def read_states(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_states`."""
        commands: list[Command] = []
        for person in persons:
            bucket, field = self._keys.home(person)
            commands += [("HGET", "rc:" + bucket, field), ("GET", Keys.state(person))]
        return _rows(await self._wire.ask(commands))

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

    async def put_consent(self, person: str, consent: Consent) -> None:
        """See `HotReader.put_consent`."""
        bucket, field = self._keys.home(person)
        commands = [self._newer_consent(person, consent)]
        if not consent.allows(PERSONALIZATION):
            commands += [("HDEL", "rf:" + bucket, field), ("DEL", Keys.state(person))]
        await self._wire.ask(commands)

    async def backfill(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """See `HotReader.backfill`."""
        commands: list[Command] = []
        for person, consent in consents.items():
            commands.append(self._newer_consent(person, consent))
        for person, state, flags, _consent in rows:
            if state is not None and flags is not None:
                bucket, field = self._keys.home(person)
                commands.append(("HSETNX", "rf:" + bucket, field, flags))
                commands.append(("SET", Keys.state(person), state, "EX", self._profile_ttl_s, "NX"))
        if commands:
            await self._wire.ask(commands)

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    def _newer_consent(self, person: str, consent: Consent) -> Command:
        bucket, field = self._keys.home(person)
        return ("EVAL", _NEWER_CONSENT, 1, "rc:" + bucket, field, consent.to_bytes())


class _ClusterWire:
    """The same, over Redis Cluster: redis-py knows the slots and follows a failover."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client = redis.asyncio.RedisCluster.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=redis.asyncio.retry.Retry(NoBackoff(), 0),
        )

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """See `RedisWire.ask`."""
        try:
            async with asyncio.timeout(self._timeout_s):
                pipe = self._client.pipeline(transaction=False)
                for command in commands:
                    pipe.execute_command(*command)
                return list(await pipe.execute())
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("redis", str(error) or type(error).__name__) from None

    async def close(self) -> None:
        """See `RedisWire.close`."""
        await self._client.aclose()


def _rows(replies: Sequence[bytes | None]) -> list[HotRow]:
    return [
        HotRow(Consent.from_bytes(consent) if consent else None, value)
        for consent, value in zip(replies[::2], replies[1::2], strict=True)
    ]
