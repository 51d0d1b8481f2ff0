"""The same two connections over Redis Cluster: redis-py knows the slots, and is told to look again when something failed.

Left to itself it would learn of a failover only by its own retries, which would keep callers waiting: there are none here.
"""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from random import choice
from typing import Any
from uuid import uuid4

import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import NoScriptError, RedisClusterException, RedisError

from rayce.errors import Unavailable
from rayce.stores.redis_address import Address, Command, address_of

_FAILURES = (RedisError, RedisClusterException, OSError)
"""Everything that redis-py raises: its exception of clusters is none of its errors."""
LOOK_WITHIN_S = 1.0
"""How long it may take to learn who the masters are, where no caller waits for it."""


class ClusterSocket:
    """`RedisSocket` over a cluster. Connects when it is first asked."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: redis.RedisCluster | None = None
        self._stale = False

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """See `RedisSocket.ask`."""
        if not commands:
            return []
        try:
            with self._lock:
                client = self._connected()
                pipe = client.pipeline(transaction=False)  # type: ignore[no-untyped-call]
                written, told = _apart(commands)
                for command in written:
                    pipe.execute_command(*command)
                replies = list(pipe.execute())
                for command in told:
                    replies.append(client.execute_command(*command, target_nodes=client.get_random_primary_node()))  # type: ignore[no-untyped-call]
                return replies
        except _FAILURES as error:
            self._stale = not isinstance(error, NoScriptError)
            raise _unavailable(error) from None

    def incarnation(self, name: str) -> str:
        """Names what the masters hold. Another name: one of them was emptied, restarted, or replaced by its replica.

        A failover loses what had not reached the replica (Redis Cluster specification, "Write safety"), which no key can
        tell: so every master's run and replication history are part of the name, beside a mark of its own, key `name{n}`.
        """
        try:
            with self._lock:
                client = self._connected()
                client.nodes_manager.initialize(
                    disconnect_startup_nodes_pools=False
                )  # who lives notices no failover by itself
                return "/".join(sorted(_filling(client, mark, node) for node, mark in _marks(client, name).items()))
        except _FAILURES as error:
            raise _unavailable(error) from None

    def close(self) -> None:
        """See `RedisSocket.close`."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> redis.RedisCluster:
        if self._client is None:
            self._client = redis.RedisCluster.from_url(
                self._url,
                socket_timeout=self._timeout_s,
                socket_connect_timeout=self._timeout_s,
                retry=redis.retry.Retry(NoBackoff(), 0),
            )
        elif self._stale:
            self._client.nodes_manager.initialize(disconnect_startup_nodes_pools=False)
        self._stale = False
        return self._client


class ClusterWire:
    """`RedisWire` over a cluster."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._client = redis.asyncio.RedisCluster.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=redis.asyncio.retry.Retry(NoBackoff(), 0),
        )
        self._looking: asyncio.Task[None] | None = None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """See `RedisWire.ask`."""
        if not commands:
            return []
        try:
            async with asyncio.timeout(self._timeout_s):
                pipe = self._client.pipeline(transaction=False)
                written, told = _apart(commands)
                for command in written:
                    pipe.execute_command(*command)
                replies = list(await pipe.execute())
                for command in told:
                    node = choice(self._client.get_primaries())
                    replies.append(await self._client.execute_command(*command, target_nodes=node))
                return replies
        except _FAILURES as error:
            if not isinstance(error, NoScriptError):
                self._look_again()
            raise _unavailable(error) from None

    async def addresses(self) -> list[Address]:
        """See `RedisWire.addresses`: every master, as far as is known now."""
        try:
            async with asyncio.timeout(LOOK_WITHIN_S):
                await self._client.nodes_manager.initialize()
        except _FAILURES as error:
            raise _unavailable(error) from None
        given = address_of(self._url)
        return [given._replace(host=node.host, port=int(node.port)) for node in self._client.get_primaries()]

    async def close(self) -> None:
        """See `RedisWire.close`."""
        if self._looking is not None:
            self._looking.cancel()
        await self._client.aclose()

    def _look_again(self) -> None:
        """Learn in the background who serves which slot: asking nodes that do not answer takes longer than a caller has."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        with suppress(*_FAILURES):  # the next failure looks again
            await self._client.nodes_manager.initialize()


def _apart(commands: Sequence[Command]) -> tuple[list[Command], list[Command]]:
    """What is written, and the messages that tell of it: those belong to no slot and come after all the rest."""
    told = [command for command in commands if command[0] == "PUBLISH"]
    return [command for command in commands if command[0] != "PUBLISH"] if told else list(commands), told


def _marks(client: redis.RedisCluster, name: str) -> dict[str, str]:
    """By master, the first key `name{n}` that lives there."""
    slots = client.nodes_manager.slots_cache
    masters = {nodes[0].name for nodes in slots.values()}
    found: dict[str, str] = {}
    for n in count():
        if len(found) == len(masters):
            return found
        key = f"{name}{{{n}}}"
        owner = slots.get(key_slot(key.encode()))
        if owner:
            found.setdefault(owner[0].name, key)
    raise AssertionError("unreachable")


def _filling(client: redis.RedisCluster, mark: str, node: str) -> str:
    client.set(mark, uuid4().hex, nx=True)
    kept: Any = client.get(mark)
    told: Any = client.info(target_nodes=client.get_node(node_name=node))  # type: ignore[no-untyped-call]
    return f"{told['run_id']}:{told['master_replid']}:{kept.decode() if kept else ''}"


def _unavailable(error: Exception) -> Unavailable:
    """redis-py leaves out the word by which the server names this error."""
    said = str(error) or type(error).__name__
    return Unavailable("redis", f"NOSCRIPT {said}" if isinstance(error, NoScriptError) else said)
