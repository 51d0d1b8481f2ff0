"""Redis Cluster, a master killed under load: readers are told at once, never hang, and in the end see what was shown last."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cluster.local.errors import ServerUnavailable
from cluster.local.valkey import valkey_binary
from cluster.local.valkey_cluster import MASTERS, Node, ValkeyCluster, wait_until
from cluster.stream.showing import Showing
from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.settings import RedisSettings
from rayce.stores.interfaces import Shown
from rayce.stores.redis_view import RedisReader, RedisWriter
from tests.samples import person

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(240)]

PEOPLE = [person(n) for n in range(300)]
BATCH = 30
READ_TIMEOUT_S = 0.5


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ValkeyCluster]:
    try:
        valkey_binary()
    except ServerUnavailable as reason:
        pytest.skip(str(reason))
    with ValkeyCluster(tmp_path / "cluster") as cluster:
        yield cluster


class Load:
    """A worker that shows everybody's newest number, in a thread, through `Showing`; what it has shown is known."""

    def __init__(self, writer: RedisWriter, look_up: bool = True) -> None:
        self.newest: dict[str, int] = {}
        self._showing = Showing(writer, self._look_up if look_up else lambda persons: [])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rounds = 0

    def start(self) -> None:
        self._thread.start()

    def settle(self) -> None:
        """No more events; the worker goes on showing what is due for as long as `catch_up` has something to do."""
        self._stop.set()
        self._thread.join()

    def wait_for_rounds(self, more: int) -> None:
        wanted = self.rounds + more
        wait_until(f"{more} more rounds are shown", lambda: self.rounds >= wanted)

    @property
    def waiting(self) -> int:
        return len(self._showing.waiting)

    def _look_up(self, persons: Sequence[str]) -> list[Shown]:
        return [shown(who, self.newest[who]) for who in persons if who in self.newest]

    def _run(self) -> None:
        while not self._stop.is_set():
            self.rounds += 1
            for at in range(0, len(PEOPLE), BATCH):
                rows = []
                for who in PEOPLE[at : at + BATCH]:
                    self.newest[who] = self.rounds
                    rows.append(shown(who, self.rounds))
                self._showing.show(rows)
                self._showing.catch_up(dict)
            time.sleep(0.01)
        quiet_until = time.monotonic() + 3  # longer than a look takes to come round
        while time.monotonic() < quiet_until or self._showing.waiting:
            self._showing.catch_up(dict)
            time.sleep(0.01)


class Reading:
    """Reads everybody again and again; every read is an answer or `Unavailable`."""

    def __init__(self, reader: RedisReader) -> None:
        self._reader = reader
        self._stop = asyncio.Event()
        self.outcomes: Counter[str] = Counter()
        self.longest_s = 0.0
        self.task = asyncio.ensure_future(self._run())

    async def end(self) -> None:
        self._stop.set()
        await self.task

    async def _run(self) -> None:
        while not self._stop.is_set():
            started_s = time.monotonic()
            try:
                await self._reader.read_states(PEOPLE[:BATCH])
                self.outcomes["answered"] += 1
            except Unavailable:
                self.outcomes["unavailable"] += 1
            self.longest_s = max(self.longest_s, time.monotonic() - started_s)
            await asyncio.sleep(0.01)


def shown(who: str, number: int) -> Shown:
    return Shown(who, b"%d" % number, b"\1\0\0" + number.to_bytes(4, "little").rstrip(b"\0"))


def settings(running: ValkeyCluster) -> RedisSettings:
    return RedisSettings(url=running.url, cluster=True, read_timeout_ms=int(READ_TIMEOUT_S * 1000), flag_buckets=64)


async def numbers(reader: RedisReader) -> list[int | None]:
    rows = await reader.read_states(PEOPLE)
    return [None if row.value is None else int(row.value) for row in rows]


async def patiently(reader: RedisReader) -> list[int | None]:
    """The numbers, once the reader has found its way."""
    for _ in range(100):
        try:
            return await numbers(reader)
        except Unavailable:
            await asyncio.sleep(0.05)
    return await numbers(reader)


async def killed_under_load(running: ValkeyCluster, load: Load, victim: Node) -> None:
    load.start()
    await asyncio.to_thread(load.wait_for_rounds, 5)
    victim.kill()
    await asyncio.to_thread(wait_until, "a replica has taken over", lambda: len(running.masters()) == MASTERS)
    await asyncio.to_thread(load.wait_for_rounds, 5)
    await asyncio.to_thread(load.settle)


async def test_after_a_failover_everything_shown_is_there_and_no_read_has_hung(running: ValkeyCluster) -> None:
    writer, reader = RedisWriter(settings(running)), RedisReader(settings(running))
    writer.put_back([], {who: Consent(1, 1) for who in PEOPLE})
    load, reading = Load(writer), Reading(reader)
    await killed_under_load(running, load, running.masters()[0])
    await reading.end()
    assert load.waiting == 0
    assert await numbers(reader) == [load.newest[who] for who in PEOPLE]
    assert reading.outcomes["answered"] > 0
    # Not a measurement: the limit is far above the deadline, and a client that retries by itself is far above the limit.
    assert reading.longest_s < 20 * READ_TIMEOUT_S, reading.outcomes
    writer.close()
    await reader.close()


async def test_acknowledged_writes_that_the_replica_never_got_are_shown_again(running: ValkeyCluster) -> None:
    """What a failover may lose is made sure to be lost: the replica is cut off before the last writes."""
    writer, reader = RedisWriter(settings(running)), RedisReader(settings(running))
    writer.put_back([], {who: Consent(1, 1) for who in PEOPLE})
    await numbers(reader)  # by now it knows all nodes: the one it started from is about to die
    showing, newest = lost_writes(running, writer)
    for _ in range(400):
        showing.catch_up(dict)
        await asyncio.sleep(0.01)
    assert showing.waiting == {}
    assert await patiently(reader) == [newest[who] for who in PEOPLE]
    writer.close()
    await reader.close()


async def test_control_without_showing_again_they_are_lost(running: ValkeyCluster) -> None:
    writer, reader = RedisWriter(settings(running)), RedisReader(settings(running))
    writer.put_back([], {who: Consent(1, 1) for who in PEOPLE})
    await numbers(reader)
    _showing, newest = lost_writes(running, writer)
    assert await patiently(reader) != [newest[who] for who in PEOPLE]
    writer.close()
    await reader.close()


def lost_writes(running: ValkeyCluster, writer: RedisWriter) -> tuple[Showing, dict[str, int]]:
    """Everybody is shown 1, then 2; a master dies whose replica has only seen the 1, and the replica takes over."""
    newest = dict.fromkeys(PEOPLE, 2)
    showing = Showing(writer, lambda persons: [shown(who, newest[who]) for who in persons])
    showing.catch_up(dict)
    showing.show([shown(who, 1) for who in PEOPLE])
    running.wait_caught_up()
    victim = running.masters()[0]
    heir = running.replica_of(victim)
    heir.pause()
    victim.ask("CLIENT", "KILL", "TYPE", "replica")  # else the rest would wait for it in its socket
    showing.show([shown(who, 2) for who in PEOPLE])
    assert showing.waiting == {}, "all of it was acknowledged"
    victim.kill()
    heir.resume()
    wait_until("the replica has taken over", lambda: len(running.masters()) == MASTERS)
    running.wait_whole()
    return showing, newest
