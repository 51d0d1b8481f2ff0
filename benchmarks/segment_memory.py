"""What a user costs in Redis, everything included (keys, overhead, consent), and how long it takes to look one up.

Users with arbitrary ids and 64 random flags each are written as the real writer would leave them (checked on a sample), into a
Valkey of its own. Bytes are what `used_memory` (and the resident set) grew by, divided by the users. Look-ups go through the
real reader, one at a time, beside a bare HGET over a blocking socket. Then the same with two expired short-lived flags each,
before and after trimming, and with lists of members. Then three masters serve as a Redis Cluster.

Servers in production are built with jemalloc, the local Valkey is not, and the allocator decides: the size classes of jemalloc
are far apart. So it is preloaded (the one that Ray brings) unless `--libc` is given.
"""

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks.filled_view import SAMPLE, FilledView, share
from benchmarks.flag_population import Population
from benchmarks.lean_view import listed, listing_cpu, trimmed
from benchmarks.program import arguments, finish, say
from cluster.local.stack import LocalStack
from cluster.local.valkey_cluster import ValkeyCluster
from rayce.consent import Consent
from rayce.segments.flags import pack_flags
from rayce.settings import RedisSettings, load_settings
from rayce.stores.interfaces import Shown
from rayce.stores.redis_view import RedisReader, RedisWriter

PATIENT_MS = 30_000


def jemalloc() -> Path | None:
    """The library that Ray brings, if it does."""
    found = find_spec("ray")
    path = Path(found.origin).parent / "core" / "libjemalloc.so" if found and found.origin else None
    return path if path and path.exists() else None


async def cluster_ok(settings: RedisSettings) -> bool:
    """Whether a cluster takes and tells 10,000 users, by writer and reader, each consented first."""
    population, writer, reader = Population(), RedisWriter(settings), RedisReader(settings)
    good = True
    for at in range(0, SAMPLE, 500):
        some = [population.someone(n) for n in range(at, at + 500)]
        writer.put_back([], {one.person: one.consent for one in some})
        writer.show([Shown(one.person, one.person.encode(), pack_flags(one.profile)) for one in some])
        people = [one.person for one in some]
        flags, states = await reader.read_flags(people), await reader.read_states(people)
        for one, row, state in zip(some, flags, states, strict=True):
            good &= row == (Consent(one.consent.purposes), pack_flags(one.profile))
            good &= state == (row.consent, one.person.encode())
    writer.close()
    await reader.close()
    return good


def measure(settings: RedisSettings, population: Population, users: int, lookups: int) -> dict[str, Any]:
    """Fill and look up."""
    filled = FilledView(settings, population, users)
    filled.link.ask([("CONFIG", "SET", "appendonly", "no"), ("FLUSHALL", "SYNC")])
    metrics: dict[str, Any] = filled.fill()
    say(f"{metrics['bytes_per_user']} bytes a user, filled in {metrics['fill_s']} s, {filled.encodings()}")
    metrics["all_listpack"] = filled.encodings() == {"listpack"}
    metrics["mismatches"] = uvloop.run(filled.mismatches())
    took, bare = uvloop.run(filled.lookups_us(lookups)), filled.bare_us(lookups)
    metrics |= {"lookup_p50_us": share(took, 50), "lookup_p99_us": share(took, 99)}
    metrics |= {"bare_hget_p50_us": share(bare, 50), "bare_hget_p99_us": share(bare, 99)}
    return metrics | filled.writer_check()


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--users", type=int, default=10_000_000)
    parser.add_argument("--per-bucket", type=int, default=160, help="users a bucket, on average")
    parser.add_argument("--flags", type=int, default=64)
    parser.add_argument(
        "--short-lived", type=int, default=0, help="short-lived flags of each user, in force or expired"
    )
    parser.add_argument(
        "--expired-users", type=int, default=1_000_000, help="users with two expired flags, for trimming and for lists"
    )
    parser.add_argument("--lookups", type=int, default=50_000)
    parser.add_argument("--libc", action="store_true", help="with the C library's allocator in place of jemalloc")
    options = parser.parse_args()
    if options.quick:
        options.users, options.lookups = min(options.users, 200_000), 5_000
        options.expired_users = min(options.expired_users, 100_000)
    library = None if options.libc else jemalloc()
    if library:
        os.environ["LD_PRELOAD"] = str(library)  # of the servers that are started from here on
    buckets = max(1, options.users // options.per_bucket)
    population = Population(options.flags, options.short_lived)
    with tempfile.TemporaryDirectory(prefix="rayce-memory-") as root:
        with LocalStack(Path(root) / "one", mode="real", only=["redis"]) as stack:
            settings = msgspec.structs.replace(
                load_settings(stack.settings_path, {}).redis,
                flag_buckets=buckets,
                read_timeout_ms=PATIENT_MS,
                write_timeout_ms=PATIENT_MS,
            )
            metrics = measure(settings, population, options.users, options.lookups)
            metrics |= uvloop.run(trimmed(settings, options.expired_users, options.per_bucket))
            metrics |= listed(settings, options.expired_users) | listing_cpu(settings)
        say("three masters as a cluster")
        with ValkeyCluster(Path(root) / "three", replicas=False) as three:
            clustered = msgspec.structs.replace(settings, url=three.url, cluster=True, flag_buckets=128)
            metrics["cluster_ok"] = uvloop.run(cluster_ok(clustered))
    names = ("users", "per_bucket", "flags", "short_lived", "lookups", "expired_users")
    settings_told = {name: getattr(options, name) for name in names}
    settings_told |= {"buckets": buckets, "allocator": "jemalloc" if library else "libc"}
    finish("segment_memory", metrics, settings_told)
    sys.exit(0 if metrics["cluster_ok"] and not metrics["mismatches"] and not metrics["trim_wrong"] else 1)


if __name__ == "__main__":
    main()
