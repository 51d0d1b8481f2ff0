"""What expired short-lived flags cost in hot memory before and after trimming, and what a membership list costs."""

import time
from collections.abc import Iterator

import msgspec

from benchmarks.filled_view import FilledView
from benchmarks.flag_population import BATCH, NOW_S, Population
from benchmarks.program import say
from rayce.consent import Consent
from rayce.segments.flags import lean_flags, pack_flags
from rayce.segments.listing import Listing
from rayce.settings import RedisSettings
from rayce.stores.interfaces import HotRow, Shown
from rayce.stores.redis_keys import Keys
from rayce.stores.redis_view import RedisReader, RedisWriter
from rayce.trimming import trim_buckets

EXPIRED = 2
AFTER_S = NOW_S + 86_400
"""By then all of them have expired."""
TENANT, SMALL_BIT, LARGE_BIT = "shop", 5, 6
SAMPLE = 5_000


async def trimmed(settings: RedisSettings, users: int, per_bucket: int) -> dict[str, float]:
    """Users with two expired pairs each, before and after the job's walk. The server is emptied first."""
    settings = msgspec.structs.replace(settings, flag_buckets=max(1, users // per_bucket))
    population = Population(short_lived=EXPIRED)
    filled = FilledView(settings, population, users)
    filled.link.ask([("FLUSHALL", "SYNC")])
    empty = _used(filled)
    filled.fill()
    before = _used(filled)
    say(f"{users:,} users with {EXPIRED} expired pairs: {(before - empty) / users:.2f} bytes a user; trimming")
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    found = trim_buckets(RedisWriter(settings), 0, AFTER_S)
    cpu_us = (time.process_time() - began_cpu_s) / users * 1e6
    after = _used(filled)
    wrong = users - found.trimmed
    reader = RedisReader(settings)
    for _at in range(0, SAMPLE, 500):
        some = [population.someone(n) for n in filled.sample(500)]
        for one, row in zip(some, await reader.read_flags([one.person for one in some]), strict=True):
            wrong += row != HotRow(Consent(one.consent.purposes), lean_flags(pack_flags(one.profile), AFTER_S))
    await reader.close()
    return {
        "expired_bytes_per_user": round((before - empty) / users, 2),
        "trimmed_bytes_per_user": round((after - empty) / users, 2),
        "trim_s": round(time.monotonic() - began_s, 1),
        "trim_client_cpu_us": round(cpu_us, 2),
        "trim_wrong": wrong,
    }


def listed(settings: RedisSettings, users: int) -> dict[str, float]:
    """Bytes a member: of a list of a tenth of the users, and of one of all (sets ten times as large)."""
    population, keys = Population(), Keys(settings.flag_buckets)
    filled = FilledView(settings, population, users)
    found: dict[str, float] = {}
    for name, bit, step in (("tenth", SMALL_BIT, 10), ("all", LARGE_BIT, 1)):
        before, members = _used(filled), range(0, users, step)
        for some in _batches(members):
            people = [population.someone(n).person for n in some]
            filled.link.ask([("SADD", keys.list_of(p, bit, TENANT), keys.member(p)) for p in people])
        found[f"list_of_{name}_bytes_per_member"] = round((_used(filled) - before) / len(members), 2)
    return found


def listing_cpu(settings: RedisSettings) -> dict[str, float]:
    """The client's CPU for a row that says of three lists whether the person is in them; `show_cpu_us` is one that does not."""
    population, writer = Population(), RedisWriter(settings)
    listing = Listing(TENANT, (1, 2, 3))
    some = [population.someone(n) for n in range(10_000)]
    rows = [Shown(one.person, b"\1" * 1000, pack_flags(one.profile), None, listing) for one in some]
    writer.show(rows[:200])
    began_s = time.process_time()
    for at in range(0, len(rows), 200):
        writer.show(rows[at : at + 200])
    writer.close()
    return {"show_three_lists_cpu_us": round((time.process_time() - began_s) / len(rows) * 1e6, 2)}


def _used(filled: FilledView) -> int:
    (info,) = filled.link.ask([("INFO", "memory")])
    return int(dict(line.split(":", 1) for line in info.decode().splitlines() if ":" in line)["used_memory"])


def _batches(numbers: range) -> Iterator[range]:
    for at in range(0, len(numbers), BATCH):
        yield numbers[at : at + BATCH]
