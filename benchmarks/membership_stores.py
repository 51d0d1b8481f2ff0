"""The same memberships in three stores: a vertical table in SQLite and in PostgreSQL, and our packed flags."""

import sqlite3
import struct
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import uvloop

from benchmarks.libpq import Connection
from benchmarks.membership import flags_of, key_of, person_of, rows
from rayce.consent import PERSONALIZATION
from rayce.profile import Profile
from rayce.segments.flags import pack_flags, unpack_flags, with_consent
from rayce.settings import RedisSettings
from rayce.stores.interfaces import Shown
from rayce.stores.redis_keys import Keys
from rayce.stores.redis_socket import RedisSocket
from rayce.stores.redis_view import RedisReader, RedisWriter

NOW_S = 1_790_000_000
AT_ONCE = 500
ARRAY_HEAD, ELEMENT = 20, struct.Struct(">ih")
"""PostgreSQL's binary form of an array of smallint: a head, then size and value of each."""
STATE = bytes(1_000)
"""Stands for the encoded profile, which is shown together with the flags."""


class Memberships(Protocol):
    """One store, filled."""

    def lookup(self, user: int) -> set[int]:
        """All segments of a user."""
        ...

    def flip(self, user: int, segment: int) -> None:
        """In if out, out if in; visible to readers when it returns."""
        ...

    def lookup_times_ns(self, users: Sequence[int]) -> list[int]:
        """How long each look-up takes, one after another."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


def times_ns(act: Callable[[int], object], users: Sequence[int]) -> list[int]:
    """How long each call takes."""
    found = []
    for user in users:
        began_ns = time.perf_counter_ns()
        act(user)
        found.append(time.perf_counter_ns() - began_ns)
    return found


class Sqlite:
    """In this process: no network, no other process. The table is its own index (clustered on user and segment)."""

    def __init__(self, path: Path, users: int, per_user: int) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        for command in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            "PRAGMA cache_size = -2000000",
            "PRAGMA mmap_size = 30000000000",
            "CREATE TABLE membership (user BLOB, segment INTEGER, since INTEGER, PRIMARY KEY (user, segment)) WITHOUT ROWID",
            "BEGIN",
        ):
            self._db.execute(command)
        self._db.executemany("INSERT INTO membership VALUES (?, ?, ?)", rows(users, per_user, NOW_S))
        self._db.execute("COMMIT")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def lookup(self, user: int) -> set[int]:
        return {row[0] for row in self._db.execute("SELECT segment FROM membership WHERE user = ?", (key_of(user),))}

    def lookup_times_ns(self, users: Sequence[int]) -> list[int]:
        return times_ns(self.lookup, users)

    def flip(self, user: int, segment: int) -> None:
        at = (key_of(user), segment)
        if not self._db.execute("DELETE FROM membership WHERE user = ? AND segment = ?", at).rowcount:
            self._db.execute("INSERT INTO membership VALUES (?, ?, ?)", (*at, NOW_S))

    def close(self) -> None:
        self._db.close()


class Postgres:
    """Over a Unix socket, prepared statements, and an index that answers by itself."""

    def __init__(self, target: str, users: int, per_user: int) -> None:
        self._db = Connection(target)
        for command in (
            "DROP TABLE IF EXISTS membership",
            "CREATE UNLOGGED TABLE membership (user_key bytea, segment smallint, since integer)",
            f"INSERT INTO membership SELECT decode(md5(n::text), 'hex'), (n * 11 + 5 * j) % 64, {NOW_S} "
            f"FROM generate_series(0, {users - 1}) n, generate_series(0, {per_user - 1}) j ORDER BY 1, 2",
            "CREATE UNIQUE INDEX by_user ON membership (user_key, segment)",
            "ALTER TABLE membership SET LOGGED",
            "VACUUM ANALYZE membership",
            "CHECKPOINT",
        ):
            self._db.run(command)
        self._db.prepare("lookup", "SELECT array_agg(segment) FROM membership WHERE user_key = $1::bytea")
        self._db.prepare(
            "flip",
            "WITH gone AS (DELETE FROM membership WHERE user_key = $1::bytea AND segment = $2::smallint RETURNING 1) "
            f"INSERT INTO membership SELECT $1::bytea, $2::smallint, {NOW_S} WHERE NOT EXISTS (SELECT 1 FROM gone)",
        )

    def lookup(self, user: int) -> set[int]:
        """As one array: row by row, ctypes would take longer than the server."""
        (array,) = self._db.ask("lookup", [key_of(user)])
        return {segment for _size, segment in ELEMENT.iter_unpack(array[ARRAY_HEAD:])}

    def lookup_times_ns(self, users: Sequence[int]) -> list[int]:
        return times_ns(self.lookup, users)

    def flip(self, user: int, segment: int) -> None:
        self._db.ask("flip", [key_of(user), segment.to_bytes(2, "big")])

    def close(self) -> None:
        self._db.close()


class Packed:
    """Ours: the reader of the request path, and the writer of the worker, which has the person's flags in memory."""

    def __init__(self, settings: RedisSettings, users: int, per_user: int) -> None:
        self._per_user = per_user
        self._flipped: dict[int, int] = {}
        self._fill(settings, users)
        self._loop = uvloop.new_event_loop()  # as in the edge
        self._reader, self._writer = RedisReader(settings), RedisWriter(settings)

    def _fill(self, settings: RedisSettings, users: int) -> None:
        """Plain writes of the bytes that the writer leaves; what the readers tell is compared before anything is timed."""
        link, keys = RedisSocket(settings.url, 30.0), Keys(settings.flag_buckets)
        link.ask([("FLUSHALL", "SYNC")])
        for at in range(0, users, AT_ONCE):
            commands = []
            for user in range(at, min(at + AT_ONCE, users)):
                home = keys.home(person_of(user))
                value = with_consent(self._flags(flags_of(user, self._per_user)), PERSONALIZATION)
                commands.append(("HSET", home.flags, home.field, value))
            link.ask(commands)
        link.close()

    def lookup(self, user: int) -> set[int]:
        return self._loop.run_until_complete(self._lookup(user))

    def lookup_times_ns(self, users: Sequence[int]) -> list[int]:
        """Within a loop that runs, as in the edge: starting it is no part of a look-up."""

        async def one_after_another() -> list[int]:
            found = []
            for user in users:
                began_ns = time.perf_counter_ns()
                await self._lookup(user)
                found.append(time.perf_counter_ns() - began_ns)
            return found

        return self._loop.run_until_complete(one_after_another())

    async def _lookup(self, user: int) -> set[int]:
        (row,) = await self._reader.read_flags((person_of(user),))
        return set(unpack_flags(row.value, NOW_S).bits(NOW_S * 1000)) if row.value else set()

    def flip(self, user: int, segment: int) -> None:
        before = self._flipped.get(user)
        flags = (flags_of(user, self._per_user) if before is None else before) ^ 1 << segment
        self._flipped[user] = flags
        self._writer.show([Shown(person_of(user), STATE, self._flags(flags))])

    def close(self) -> None:
        self._loop.run_until_complete(self._reader.close())
        self._loop.close()
        self._writer.close()

    @staticmethod
    def _flags(bits: int) -> bytes:
        return pack_flags(Profile(last_ms=NOW_S * 1000, flags=bits))


def differences(store: Memberships, expected: Sequence[tuple[int, set[int]]]) -> int:
    """Users whose segments the store tells otherwise."""
    return sum(store.lookup(user) != segments for user, segments in expected)
