"""Fills hot memory (Redis) from durable memory (DynamoDB) while everything goes on, all tenants at once; publishes nothing.

Needed after hot memory was lost and before its load can go to durable memory for long; who is asked for meanwhile is fetched
on the spot. A run that was ended goes on with `--from-segment`: the last line it said tells which.
"""

import sys
import threading
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from jobs.frame import Say, live_catalogue_of, look_after, parser_of
from jobs.job import PATIENCE_MS
from rayce.misses import DurablePeople
from rayce.rebuild import Rebuild, Rebuilt
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotWriter
from rayce.stores.redis_view import RedisWriter

SEGMENTS, AT_ONCE = 64, 2
EXPIRED_FOR_S = 3_600
"""Short-lived flags are put back for so long after they have ended: whoever asks as of a moment ago may want them."""


class Progress:
    """Says how far it is: everything below `from_segment` is done. Called from several threads."""

    def __init__(self, segments: int, from_segment: int, say: Callable[[str], None]) -> None:
        self._segments = segments
        self._say = say
        self._lock = threading.Lock()
        self._ended: set[int] = set()
        self._people = 0
        self.from_segment = from_segment

    def done(self, segment: int, found: Rebuilt) -> None:
        """A segment is done."""
        with self._lock:
            self._people += found.people
            self._ended.add(segment)
            while self.from_segment in self._ended:
                self.from_segment += 1
            self._say(
                f"{len(self._ended)} of {self._segments} segments, {self._people:,} people;"
                f" to go on later: --from-segment {self.from_segment}"
            )


def rebuild_hot_view(
    durable: DurablePeople,
    hot: HotWriter,
    segments: int,
    from_segment: int,
    at_once: int,
    say: Callable[[str], None],
    catalogue: Catalogue,
    now_s: int,
) -> dict[str, float]:
    """Rebuild; returns the metrics. What had expired `EXPIRED_FOR_S` before `now_s` is left out."""
    progress = Progress(segments, from_segment, say)
    started_s = time.monotonic()
    rebuild = Rebuild(durable, hot, segments, listing_of=catalogue.listing, now_s=now_s - EXPIRED_FOR_S)
    found = rebuild.run(range(from_segment, segments), at_once, progress.done)
    seconds = time.monotonic() - started_s
    per_100k = seconds * 100_000 / found.people if found.people else 0.0
    return {"people": found.people, "shown": found.shown, "seconds_per_100k": round(per_100k, 2)}


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 a store failed or a setting is wrong."""
    parser = parser_of("rebuild_hot_view", __doc__)
    parser.add_argument(
        "--segments", type=int, default=SEGMENTS, help="parts the scan is cut into; the same when resumed"
    )
    parser.add_argument("--from-segment", type=int, default=0, help="go on from here")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="parts scanned at the same time")
    options = parser.parse_args(argv)
    if not 0 <= options.from_segment < options.segments or options.at_once < 1:
        parser.error("0 <= --from-segment < --segments, and --at-once is at least 1")

    def work(settings: Settings, say: Say) -> dict[str, dict[str, float]]:
        durable, hot = _stores(settings)
        catalogue, now_s = live_catalogue_of(settings, durable), int(time.time())
        parts = (options.segments, options.from_segment, options.at_once)
        return {"metrics": rebuild_hot_view(durable, hot, *parts, say, catalogue, now_s)}

    return look_after("rebuild_hot_view", options.settings, work, "what was put back stays", _stores)


def _stores(settings: Settings) -> tuple[Durable, HotWriter]:
    """With patience: a run has time."""
    dynamodb = replace(settings.dynamodb, timeout_ms=max(settings.dynamodb.timeout_ms, PATIENCE_MS))
    return DynamoStore(dynamodb), RedisWriter(settings.redis)


if __name__ == "__main__":
    sys.exit(main())
