"""A flag view that was filled for measuring: what it costs, whether it tells what was written, how long a look-up takes."""

import random
import time

from benchmarks.flag_population import BATCH, NOW_S, Population
from benchmarks.program import say
from rayce.consent import Consent
from rayce.segments.flags import pack_flags, unpack_flags
from rayce.settings import RedisSettings
from rayce.stores.interfaces import Shown
from rayce.stores.redis_keys import Keys
from rayce.stores.redis_socket import RedisSocket
from rayce.stores.redis_view import RedisReader, RedisWriter

SAMPLE = 10_000


class FilledView:
    """One filled server."""

    def __init__(self, settings: RedisSettings, population: Population, users: int) -> None:
        self.settings, self.population, self.users = settings, population, users
        self.link = RedisSocket(settings.url, settings.write_timeout_ms / 1000)
        self.rng = random.Random(7)

    def fill(self) -> dict[str, float]:
        """Write everybody; what it cost."""
        used, resident = self._memory()
        began_s = time.monotonic()
        for at in range(0, self.users, BATCH):
            numbers = range(at, min(at + BATCH, self.users))
            self.population.fill(self.link, numbers, self.settings.flag_buckets)
            if at % (BATCH * 1000) == 0 and at:
                say(f"{at:,} users after {time.monotonic() - began_s:.0f} s")
        fill_s = time.monotonic() - began_s
        used_after, resident_after = self._memory()
        return {
            "bytes_per_user": round((used_after - used) / self.users, 2),
            "bytes_per_user_rss": round((resident_after - resident) / self.users, 2),
            "fill_s": round(fill_s, 1),
        }

    def _memory(self) -> tuple[int, int]:
        (info,) = self.link.ask([("INFO", "memory")])
        told = dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)
        return int(told["used_memory"]), int(told["used_memory_rss"])

    def encodings(self) -> set[str]:
        """Of some of the buckets."""
        keys = Keys(self.settings.flag_buckets)
        some = [keys.home(self.population.someone(n).person).flags for n in self.sample(1_000)]
        return {reply.decode() for reply in self.link.ask([("OBJECT", "ENCODING", key) for key in some])}

    def sample(self, count: int) -> list[int]:
        """Numbers of random users."""
        return [self.rng.randrange(self.users) for _ in range(count)]

    async def mismatches(self) -> int:
        """Of sampled users, those whom the reader tells otherwise than they were written."""
        reader, wrong = RedisReader(self.settings), 0
        for _at in range(0, SAMPLE, 500):
            some = [self.population.someone(n) for n in self.sample(500)]
            for one, row in zip(some, await reader.read_flags([one.person for one in some]), strict=True):
                told = None if row.value is None else unpack_flags(row.value, NOW_S)
                due = unpack_flags(pack_flags(one.profile), NOW_S)
                wrong += row.consent != Consent(one.consent.purposes) or told != due
                wrong += told is not None and told.permanent != one.profile.flags
        await reader.close()
        return wrong

    async def lookups_us(self, count: int) -> list[float]:
        """Time of each look-up through the reader, ascending."""
        reader = RedisReader(self.settings)
        people = [self.population.someone(n).person for n in self.sample(count)]
        await reader.read_flags(people[:1])
        took = []
        for person in people:
            began = time.perf_counter_ns()
            await reader.read_flags((person,))
            took.append((time.perf_counter_ns() - began) / 1000)
        await reader.close()
        return sorted(took)

    def bare_us(self, count: int) -> list[float]:
        """The same by a bare HGET over a blocking socket."""
        keys, took = Keys(self.settings.flag_buckets), []
        homes = [keys.home(self.population.someone(n).person) for n in self.sample(count)]
        for home in homes:
            command = ("HGET", home.flags, home.field)
            began = time.perf_counter_ns()
            self.link.ask([command])
            took.append((time.perf_counter_ns() - began) / 1000)
        return sorted(took)

    def writer_check(self) -> dict[str, float]:
        """New users through the real writer: values that differ from the plain ones, and the client's CPU for each."""
        writer = RedisWriter(self.settings)
        some = [self.population.someone(n) for n in range(self.users, self.users + SAMPLE)]
        writer.put_back([], {one.person: one.consent for one in some})
        rows = [Shown(one.person, b"\1" * 1000, pack_flags(one.profile)) for one in some]
        writer.show(rows[:200])
        began_s = time.process_time()
        for at in range(0, len(rows), 200):
            writer.show(rows[at : at + 200])
        cpu_us = (time.process_time() - began_s) / len(rows) * 1e6
        homes = [Keys(self.settings.flag_buckets).home(one.person) for one in some]
        values = self.link.ask([("HGET", home.flags, home.field) for home in homes])
        wrong = sum(value != self.population.value(one) for value, one in zip(values, some, strict=True))
        writer.close()
        return {"writer_mismatches": wrong, "show_cpu_us": round(cpu_us, 2)}


def share(sorted_us: list[float], percent: float) -> float:
    """A percentile."""
    return round(sorted_us[min(len(sorted_us) - 1, int(len(sorted_us) * percent / 100))], 1)
