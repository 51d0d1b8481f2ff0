"""Takes expired short-lived flags out of hot memory (Redis), and lists of members that no segment keeps any more.

All tenants at once, while everything goes on; publishes nothing. Needed now and then where short-lived segments are many and
people come seldom: workers trim only those whom they have in memory. A run that was ended goes on with `--from-bucket`.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence

from jobs.frame import Say, live_catalogue_of, look_after, parser_of
from rayce.segments.catalogue import Catalogue
from rayce.segments.segment import MAX_BIT
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotBuckets
from rayce.stores.redis_view import RedisWriter
from rayce.trimming import Trimmed, drop_lists, trim_buckets

EXPIRED_FOR_S = 3_600
SAY_EVERY_S = 2.0


def trim_hot_view(
    hot: HotBuckets,
    catalogue: Catalogue,
    tenants: Iterable[str],
    from_bucket: int,
    before_s: int,
    say: Callable[[str], None],
) -> dict[str, float]:
    """Trim; returns the metrics."""
    next_s = time.monotonic()

    def done(following: int, so_far: Trimmed) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s or following == hot.buckets:
            next_s = time.monotonic() + SAY_EVERY_S
            say(
                f"{following} of {hot.buckets} buckets, {so_far.people:,} people, {so_far.trimmed:,} of them trimmed;"
                f" to go on later: --from-bucket {following}"
            )

    unlisted = [bit for bit in range(MAX_BIT + 1) if not catalogue.listed_mask >> bit & 1]
    lists = drop_lists(hot, tenants, [bit for bit in unlisted if bit in catalogue.names or bit in catalogue.retired])
    found = trim_buckets(hot, from_bucket, before_s, done)
    return {**found._asdict(), "lists_dropped": lists}


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 a store failed or a setting is wrong."""
    parser = parser_of("trim_hot_view", __doc__)
    parser.add_argument("--from-bucket", type=int, default=0, help="go on from here")
    parser.add_argument(
        "--expired-for-s", type=int, default=EXPIRED_FOR_S, help="take out what ended so long ago, or longer"
    )
    options = parser.parse_args(argv)
    if options.from_bucket < 0 or options.expired_for_s < 0:
        parser.error("--from-bucket and --expired-for-s are not negative")

    def work(settings: Settings, say: Say) -> dict[str, dict[str, float]]:
        durable, hot = _stores(settings)
        tenants = sorted({key.tenant for key in settings.edge.api_keys.values()})
        before_s = int(time.time()) - options.expired_for_s
        catalogue = live_catalogue_of(settings, durable)
        return {"metrics": trim_hot_view(hot, catalogue, tenants, options.from_bucket, before_s, say)}

    return look_after("trim_hot_view", options.settings, work, "what was trimmed stays so", _stores)


def _stores(settings: Settings) -> tuple[Durable, RedisWriter]:
    return DynamoStore(settings.dynamodb), RedisWriter(settings.redis)


if __name__ == "__main__":
    sys.exit(main())
