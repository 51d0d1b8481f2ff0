"""What one edge replica keeps in its own memory, and the bus by which it learns what to drop."""

from collections.abc import Callable
from typing import NamedTuple

from deployments.edge.reply_cache import ReplyCache
from rayce.change_bus import ChangeBus, Clock
from rayce.metrics import Metrics
from rayce.rows_cache import RowsCache
from rayce.settings import CacheSettings

MIB = 1 << 20


class Caches(NamedTuple):
    """Empty, and not used, until hot memory is listened to: `HotReader.listen(caches.bus)`."""

    bus: ChangeBus
    rows: RowsCache | None
    """Flags of people; None: switched off."""
    replies: ReplyCache

    def look(self, metrics: Metrics) -> None:
        """Put the numbers where they are told from."""
        if self.rows is not None:
            metrics.set("rayce_flags_cache_total", self.rows.hits, "hit")
            metrics.set("rayce_flags_cache_total", self.rows.misses, "miss")
        metrics.set("rayce_bus_people_total", self.bus.told_total)
        metrics.set("rayce_bus_deaf_total", self.bus.deaf_total)


def make_caches(settings: CacheSettings, metrics: Metrics, clock: Clock, chance: Callable[[], float]) -> Caches:
    """The caches that the settings want. `chance` gives numbers from 0 to 1."""
    bus = ChangeBus(clock)
    rows = RowsCache(bus, settings.flags_ttl_ms / 1000, settings.flags_users, clock, chance)
    replies = ReplyCache(
        bus,
        settings.replies_mib * MIB,
        settings.replies,
        clock,
        chance,
        lambda state: metrics.add("rayce_reply_cache_total", 1, state),
    )
    return Caches(bus, rows if settings.flags_users else None, replies)
