"""The shop's own books: who consented, whose turn it is, what was accepted. Player and shopper view share them."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from examples.demo.clock import SimulatedClock
from examples.demo.dataset import Dataset, ShopEvent
from examples.demo.households import Household
from examples.demo.ledger import Ledger
from examples.demo.measurements import Measurements
from rayce.client import EventsReply, Item

LANES = 4
"""Households are shared out to so many lanes while the past is loaded; each lane sends in order."""


class Shop:
    """One shop: its data, its clock, and its books. All of it lives in one event loop."""

    def __init__(self, dataset: Dataset, clock: SimulatedClock, measurements: Measurements) -> None:
        self.dataset, self.clock, self.measurements = dataset, clock, measurements
        self.ledger = Ledger()
        self.households: dict[str, Household] = {h.user_id: h for h in dataset.households}
        self.items: dict[str, Item] = {item.item_id: item for item in dataset.items}
        self.consenting = {h.user_id for h in dataset.households if h.consents}
        self.last_ms: dict[str, int] = {}
        """The latest moment of which each household has an event, of those sent since the start."""
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.lanes = [0] * LANES
        """While the past is loaded: the first entry of each lane that has not been sent."""
        self.position = 0
        """While the present is played: the first entry of the data set that has not been sent."""

    def book(self, events: Sequence[ShopEvent], reply: EventsReply) -> None:
        """Enters what rayce answered to these events."""
        refused = {error.index for error in reply.errors}
        kept = [e.user_id for place, e in enumerate(events) if place not in refused and e.user_id in self.consenting]
        for user_id in kept:
            self.ledger.accept(user_id)
        for event in events:
            self.last_ms[event.user_id] = max(event.timestamp, self.last_ms.get(event.user_id, 0))
        measured = self.measurements
        measured.events_sent += len(events)
        measured.not_stored += reply.not_stored
        measured.events_rejected += len(refused)
        for error in reply.errors[:3]:
            measured.failures.append(f"event refused: {error.path}: {error.message}")
        if reply.accepted != len(kept):
            measured.miscounted += abs(reply.accepted - len(kept))
            measured.failures.append(f"{reply.accepted} events accepted where {len(kept)} were expected")
