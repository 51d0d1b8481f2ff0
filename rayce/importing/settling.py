"""After a kill: what a former import had written and could not say any more is found in the log and put into the ledger."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
from msgspec.structs import replace

from rayce.importing.delivery import Arrived, Delivery
from rayce.importing.ledger import Ledger

AT_ONCE = 20_000


def settle(ledger: Ledger, delivery: Delivery) -> int:
    """Settles all imports of the tenant that were killed; returns how many events were found. Killed itself, run it again."""
    killed = ledger.unsettled()
    if not killed:
        return 0
    begins: dict[int, int] = {}
    for progress in killed.values():
        for partition, offset in progress.log_ends.items():
            begins[partition] = min(offset, begins.get(partition, offset))
    count = _remember(ledger, delivery.arrived(begins))
    for file, progress in killed.items():
        ledger.save_progress(file, replace(progress, is_settled=True))
    return count


def _remember(ledger: Ledger, events: Iterable[Arrived]) -> int:
    count, left = 0, iter(events)
    while some := list(islice(left, AT_ONCE)):
        moments = [event.timestamp_ms for event in some]
        digests = np.array([event.digest for event in some], np.uint64)
        ledger.save_digests("settled", count, digests, min(moments), max(moments))
        count += len(some)
    return count
