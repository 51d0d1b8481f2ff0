"""The claim rayce began with: packed flags against a vertical table (user, segment, since), for one user at a time.

A look-up gives all segments of a user, an update flips one; by one caller, one after another, for random users. The stores:
PostgreSQL over a Unix socket, where it is installed (prepared statements, an index that answers by itself); SQLite inside this
very process (no hop at all: no server that several programs share is as near); our view in Valkey over TCP, by the reader of
the request path and the writer of the worker, whose update writes the whole profile too. No store waits for a disk: commits are
asynchronous in PostgreSQL, SQLite has a WAL with `synchronous=NORMAL`, the view is not durable at all (DynamoDB is). A ratio is
SQL divided by packed at the 95th percentile: above 1, packed flags are faster.
"""

import gc
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from benchmarks.latency_plot import write_plot
from benchmarks.membership import SEGMENTS, segments_of
from benchmarks.membership_stores import Memberships, Packed, Postgres, Sqlite, differences, times_ns
from benchmarks.postgres_server import postgres, postgres_folder
from benchmarks.program import arguments, finish, say
from cluster.local.stack import LocalStack
from rayce.settings import RedisSettings, load_settings

MAX_ROWS = 100_000_000
"""A cell with more rows than this is left out: filling it takes longer than measuring all the others."""
USERS_PER_BUCKET = 128
TIMEOUT_MS = 5_000


def ascending_us(
    times_ns_of: Callable[[list[int]], list[int]], calls: int, users: int, chance: random.Random
) -> list[float]:
    """Durations of single calls for random users."""
    who = [chance.randrange(users) for _call in range(calls)]
    times_ns_of(who[: calls // 10])
    gc.collect()
    gc.disable()
    found = times_ns_of(who)
    gc.enable()
    return sorted(duration_ns / 1_000 for duration_ns in found)


def measure(store: Memberships, users: int, per_user: int, calls: int) -> dict[str, float]:
    """Percentiles of look-up and update."""
    chance = random.Random(1)
    checked = [chance.randrange(users) for _user in range(1_000)]
    wrong = differences(store, [(user, set(segments_of(user, per_user))) for user in checked])
    found: dict[str, float] = {"wrong": wrong}
    acts: dict[str, Callable[[list[int]], list[int]]] = {
        "lookup": store.lookup_times_ns,
        "update": lambda who: times_ns(lambda user: store.flip(user, chance.randrange(SEGMENTS)), who),
    }
    for name, times_ns_of in acts.items():
        ascending = ascending_us(times_ns_of, calls, users, chance)
        for share in (50, 95, 99):
            found[f"{name}_p{share}_us"] = round(ascending[int(len(ascending) * share / 100)], 1)
    return found


@contextmanager
def filled(
    name: str, root: Path, target: str, redis: RedisSettings, users: int, per_user: int
) -> Iterator[Memberships]:
    """A store with the cell's memberships."""
    began_s = time.monotonic()
    store: Memberships
    if name == "sqlite":
        path = root / f"{users}-{per_user}.sqlite"
        store = Sqlite(path, users, per_user)
    elif name == "postgresql":
        store = Postgres(target, users, per_user)
    else:
        store = Packed(msgspec.structs.replace(redis, flag_buckets=max(1, users // USERS_PER_BUCKET)), users, per_user)
    say(f"{name}: {users:,} users in {per_user} segments each, filled in {time.monotonic() - began_s:.0f} s")
    try:
        yield store
    finally:
        store.close()
        for file in root.glob("*.sqlite*"):
            file.unlink()


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--per-user", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--plot", type=Path, help="write an SVG of the 95th percentiles here")
    options = parser.parse_args()
    if options.quick:
        options.users, options.per_user, options.calls = [20_000], [1, 64], 2_000
    stores = ["sqlite", *(["postgresql"] if postgres_folder() else []), "packed"]
    cells = [(u, k) for u in options.users for k in options.per_user if u * k <= MAX_ROWS]
    found: dict[tuple[int, int], dict[str, dict[str, float]]] = {cell: {} for cell in cells}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rayce-sql-")))
        local = stack.enter_context(LocalStack(root / "local", mode="real", only=["redis"], progress=say))
        redis = load_settings(local.settings_path, {}).redis
        patient = msgspec.structs.replace(redis, read_timeout_ms=TIMEOUT_MS, write_timeout_ms=TIMEOUT_MS)
        target = stack.enter_context(postgres()) if "postgresql" in stores else ""
        for users, per_user in cells:
            for name in stores:
                with filled(name, root, target, patient, users, per_user) as store:
                    found[users, per_user][name] = measure(store, users, per_user, options.calls)
                say(f"  {found[users, per_user][name]}")
    sql = "postgresql" if "postgresql" in stores else "sqlite"
    metrics = ratios(found, sql) | {
        f"{users}x{per_user}.{name}.{metric}": value
        for (users, per_user), by_store in found.items()
        for name, measured in by_store.items()
        for metric, value in measured.items()
    }
    if options.plot:
        write_plots(options.plot, found)
    left_out = [f"{u}x{k}" for u in options.users for k in options.per_user if u * k > MAX_ROWS]
    finish("sql_baseline", metrics, {"sql": sql, "calls": options.calls, "left_out": left_out})


def ratios(found: dict[tuple[int, int], dict[str, dict[str, float]]], sql: str) -> dict[str, float]:
    """SQL divided by packed at the 95th percentile: the smallest over the cells, for each of the SQL stores, too."""
    metrics: dict[str, float] = {}
    for act in ("lookup", "update"):
        for name in dict.fromkeys(
            [sql, *(each for by_store in found.values() for each in by_store if each != "packed")]
        ):
            by_cell = [cell[name][f"{act}_p95_us"] / cell["packed"][f"{act}_p95_us"] for cell in found.values()]
            if name == sql:
                metrics[f"{act}_ratio_p95"] = round(min(by_cell), 2)
                metrics[f"{act}_ratio_p95_best_cell"] = round(max(by_cell), 2)
            metrics[f"{act}_ratio_p95_{name}"] = round(min(by_cell), 2)
    metrics["wrong"] = sum(measured["wrong"] for by_store in found.values() for measured in by_store.values())
    return metrics


def write_plots(path: Path, found: dict[tuple[int, int], dict[str, dict[str, float]]]) -> None:
    """One file for look-ups, beside it one for updates."""
    for act in ("lookup", "update"):
        cells = {
            f"{users / 1e6:g} M × {per_user}": {name: got[f"{act}_p95_us"] for name, got in by_store.items()}
            for (users, per_user), by_store in found.items()
        }
        there = path if act == "lookup" else path.with_stem(f"{path.stem}-update")
        write_plot(there, f"{act} of one user, 95th percentile (users × segments of each)", "µs", cells)


if __name__ == "__main__":
    main()
