"""The lake: its writer is killed (kill -9) again and again while it appends a million events from a real Kafka.

The log is filled first. Then one writer process after another works on it, each killed at a random moment while it fetches,
decodes, appends or puts small files together; the last one finishes. Every position has to be in the table once, and the
records, in order, have to be the log's to the byte. Then one writer that nobody disturbs, with settings as they come, for the
CPU a row: that of the whole process, from Kafka to the commit. Then the control: a writer that notes its position beside the
table instead of in the commit, killed a few times, must have rows twice.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml

from benchmarks.event_log import EventLog
from benchmarks.lake_process import LakeProcess
from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import shop_events
from benchmarks.stream_stores import stores
from rayce.event import Event, encode_event
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable

FROM_MS = 1_767_225_600_000
DAYS = 4
USERS = 50_000
PATIENCE_S = 180.0
HARD = {"flush_s": 1.0, "small_files": 20, "upkeep_s": 3.0, "retention_days": 0}
"""Many appends and much upkeep, so that kills come in the middle of all of them."""
CONTROL_KILLS = 5


class Written:
    """The log's events as they are made, and a digest of each partition's records."""

    def __init__(self, log: EventLog, events: int, seed: int) -> None:
        self._log, self._events, self._seed = log, events, seed
        self._digests = {number: blake2b(digest_size=16) for number in range(log.partitions)}
        self.count = log.fill(self._made())

    def digests(self) -> dict[int, str]:
        """By partition."""
        return {number: digest.hexdigest() for number, digest in self._digests.items()}

    def _made(self) -> Iterator[Event]:
        chance = random.Random(self._seed)
        who = [chance.randrange(USERS) for _ in range(self._events)]
        for event in shop_events(who, "lake", FROM_MS, DAYS * 86_400_000 / self._events, self._seed):
            self._digests[self._log.partition_of(event.person)].update(encode_event(event))
            yield event


def killed(path: Path, lake: LakeSettings, events: int, kills: int, chance: random.Random, *more: str) -> int:
    """One writer after another until all is in; returns how many were killed while there was work left."""
    done = 0
    for number in range(kills):
        with LakeProcess(path, *more) as writer:
            begun = rows_in(lake)
            wanted = (events - begun) / (kills - number + 1)
            until_s = time.monotonic() + PATIENCE_S
            while writer.tell()["rows"] < wanted * chance.uniform(0.5, 1.0) and time.monotonic() < until_s:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            writer.kill()
        left = events - rows_in(lake)
        done += left > 0
        say(f"{number + 1}/{kills} killed; {left} rows to go")
    with LakeProcess(path, *more) as writer:
        wait_for(writer)
        writer.stop()
    return done


def wait_for(writer: LakeProcess) -> None:
    """Until nothing of the log is missing in the table."""
    until_s = time.monotonic() + PATIENCE_S
    while writer.tell()["lag"] != 0:
        if time.monotonic() > until_s:
            raise TimeoutError(f"the writer has not come to the end of the log: {writer.tell()}")
        time.sleep(0.1)


def rows_in(lake: LakeSettings) -> int:
    """Rows in the table so far."""
    try:
        return sum(file.rows for file in LakeTable("events", lake).files())
    except Exception as error:  # there is none yet
        say(f"  ({error})")
        return 0


def compare(lake: LakeSettings, ends: dict[int, int], digests: dict[int, str]) -> dict[str, Any]:
    """What is in the table against what is in the log."""
    places: Counter[tuple[int, int]] = Counter()
    found = {number: blake2b(digest_size=16) for number in digests}
    for batch in open_lake(lake).batches(["partition", "offset", "record"], ordered=True):
        columns = (batch.column(name).to_pylist() for name in ("partition", "offset", "record"))
        for partition, offset, record in zip(*columns, strict=True):
            places[(partition, offset)] += 1
            found[partition].update(record)
    wanted = {(number, offset) for number, end in ends.items() for offset in range(end)}
    return {
        "lost": len(wanted - places.keys()),
        "doubled": places.total() - len(places),
        "strange": len(places.keys() - wanted),
        "identical": {number: digest.hexdigest() for number, digest in found.items()} == digests,
        "files": len(LakeTable("events", lake).files()),
    }


def undisturbed(path: Path, events: int) -> dict[str, Any]:
    """One writer, all of it, nobody killed."""
    with LakeProcess(path) as writer:
        began_s = time.monotonic()
        while writer.tell()["lag"] != 0 or writer.tell()["rows"] < events:
            time.sleep(0.05)
            if time.monotonic() - began_s > PATIENCE_S:
                raise TimeoutError(f"the writer has not come to the end of the log: {writer.tell()}")
        took_s = time.monotonic() - began_s
        last = writer.tell()
        writer.stop()
    return {
        "rows_per_cpu_s": round(events / (last["cpu_s"] - writer.began_cpu_s)),
        "rows_per_s": round(events / took_s),
        "rss_mib": last["rss_mib"],
    }


def with_lake(path: Path, name: str, **knobs: Any) -> tuple[Path, LakeSettings]:
    """A settings' file beside `path` with a lake of its own."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["lake"] = {"path": str(path.parent / name), **knobs}
    own = path.with_name(f"settings.{name}.yaml")
    own.touch(mode=0o600)
    own.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return own, LakeSettings(**tree["lake"])


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--mutant", action="store_true", help="the kills with the control's writer: must not pass")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.quick:
        options.events, options.kills = min(options.events, 100_000), 3
    chance = random.Random(options.seed)
    more = ["--mutant"] if options.mutant else []
    with stores({}) as (path, settings):
        log = EventLog(settings.kafka)
        say(f"writing {options.events} events")
        written = Written(log, options.events, options.seed)
        ends = log.ends()
        log.close()
        flush_rows = max(500, options.events // (8 * options.kills))
        own, lake = with_lake(path, "killed", flush_rows=flush_rows, **HARD)
        kills = killed(own, lake, written.count, options.kills, chance, *more)
        metrics = compare(lake, ends, written.digests()) | {"kills_at_work": kills}
        say(f"{metrics}; now undisturbed")
        own, lake = with_lake(path, "undisturbed", flush_s=2.0, retention_days=0)
        metrics |= undisturbed(own, written.count)
        say(f"{metrics}; now the control")
        own, lake = with_lake(path, "control", flush_rows=flush_rows, **HARD)
        killed(own, lake, written.count, CONTROL_KILLS, chance, "--mutant")
        control = compare(lake, ends, written.digests())
        metrics |= {f"control_{name}": control[name] for name in ("lost", "doubled")}
    finish("lake", metrics, {"events": options.events, "kills": options.kills, "seed": options.seed, **HARD})


if __name__ == "__main__":
    main()
