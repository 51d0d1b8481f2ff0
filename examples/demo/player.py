"""Plays the live weeks: before each basket it asks for recommendations, then it sends the basket, and keeps the score.

A household never has two baskets under way; different households do, up to a limit. Baselines are asked and taught in
the order of time, so their score does not depend on how fast the play is.
"""

import asyncio
from functools import partial
from time import perf_counter

from examples.demo.baselines import LIMIT, BoughtBefore, MostPopular
from examples.demo.dataset import ShopEvent
from examples.demo.sending import patiently
from examples.demo.shop import Shop
from examples.demo.visibility import until_visible
from rayce.client import RayceClient, RayceClientError

OPEN_BASKETS = 8
"""More make each request wait and are hardly faster: on two busy cores 8 gave 93 baskets/s, 16 gave 114 at 1.6 × the p90."""

SAMPLE_EVERY = 20
FINISH_S = 10.0
"""How long what is under way may take when the play is stopped."""


class Player:
    """Plays entries of the shop's data set in order. `sample_every`: how often the time to visible is measured."""

    def __init__(
        self,
        rayce: RayceClient,
        shop: Shop,
        *,
        open_baskets: int = OPEN_BASKETS,
        sample_every: int = SAMPLE_EVERY,
        patience_s: float = 60.0,
    ) -> None:
        self._rayce, self._shop, self._patience_s = rayce, shop, patience_s
        self._sample_every = sample_every
        self._room = asyncio.Semaphore(open_baskets)
        self._open: dict[int, asyncio.Task[None]] = {}
        self._beyond: set[int] = set()
        self._next = shop.position
        self._popular, self._before = MostPopular(), BoughtBefore()

    async def learn(self, end: int) -> None:
        """Teaches the baselines the baskets before `end`; lets others run in between."""
        for entry in range(end):
            self._teach(entry)
            if entry % 200 == 0:
                await asyncio.sleep(0)

    async def play(self, end: int) -> None:
        """Plays from the shop's position up to `end`; when cancelled, what is under way is finished first."""
        shop = self._shop
        try:
            for entry in range(shop.position, end):
                at_ms = int(shop.dataset.at_ms[entry])
                shop.clock.hold(at_ms)
                await shop.clock.reach(at_ms)
                await self._room.acquire()
                self._raise_failure()
                self._begin(entry)
            await self._finish()
            self._raise_failure()
        except BaseException:
            await self._finish(FINISH_S)
            raise
        finally:
            shop.clock.hold()

    def unfinished(self) -> list[int]:
        """Entries after the shop's position which have been sent already."""
        return sorted(self._beyond)

    def forget(self, user_id: str) -> None:
        """The household withdrew its consent: its history counts for no list any more."""
        self._before.forget(user_id)

    def _begin(self, entry: int) -> None:
        shop = self._shop
        basket = set(shop.dataset.products(entry))
        user_id = shop.dataset.household(entry).user_id
        if basket and user_id in shop.consenting:
            hits = shop.measurements.hits
            hits["most_popular"].add(self._popular.top(), basket)
            hits["bought_before"].add(self._before.top(user_id), basket)
            self._teach(entry)
        task = asyncio.create_task(self._play_entry(entry, {shop.dataset.items[place].item_id for place in basket}))
        self._open[entry], self._next = task, entry + 1
        task.add_done_callback(lambda task: self._end(entry, task))

    async def _play_entry(self, entry: int, basket: set[str]) -> None:
        event = self._shop.dataset.event(entry)
        async with self._shop.turns[event.user_id]:
            if basket:
                await self._recommend(event, basket)
            await self._post(event, sampled=entry % self._sample_every == 0)
        self._shop.measurements.baskets_played += bool(basket)

    async def _recommend(self, event: ShopEvent, basket: set[str]) -> None:
        measured = self._shop.measurements
        measured.requests += 1
        started = perf_counter()
        try:
            reply = await self._rayce.recommendations(event.user_id, limit=LIMIT, at_ms=event.timestamp)
        except RayceClientError as error:
            measured.failed(f"recommendations for {event.user_id}: {error}")
            return
        measured.request_ms.add((perf_counter() - started) * 1000)
        measured.served[reply.served] += 1
        if event.user_id in self._shop.consenting:
            measured.served_personal[reply.served] += 1
            measured.hits["rayce"].add([item.item_id for item in reply.items], basket)

    async def _post(self, event: ShopEvent, *, sampled: bool) -> None:
        measured = self._shop.measurements

        def again(error: RayceClientError) -> None:
            measured.requests += 1
            measured.failed(f"event of {event.user_id}: {error}")

        started = perf_counter()
        post = partial(self._rayce.post_events, [event])
        reply = await patiently(post, patience_s=self._patience_s, on_failure=again)
        measured.requests += 1
        self._shop.book([event], reply)
        if sampled and event.user_id in self._shop.consenting:
            await self._measure_visible(event, started)

    async def _measure_visible(self, event: ShopEvent, started: float) -> None:
        measured, expected = self._shop.measurements, self._shop.ledger.count(event.user_id)
        try:
            seen = await until_visible(self._rayce, event.user_id, expected, at_ms=event.timestamp)
        except RayceClientError as error:
            measured.requests += 1
            measured.failed(f"profile of {event.user_id}: {error}")
            return
        measured.requests += seen.looks
        if seen.visible:
            measured.visible_ms.add((perf_counter() - started) * 1000)
        else:
            measured.never_visible += 1

    def _teach(self, entry: int) -> None:
        user_id = self._shop.dataset.household(entry).user_id
        if user_id in self._shop.consenting:
            products = self._shop.dataset.products(entry)
            self._popular.learn(products)
            self._before.learn(user_id, products)

    def _end(self, entry: int, task: asyncio.Task[None]) -> None:
        self._room.release()
        if task.cancelled() or task.exception() is not None:
            return
        del self._open[entry]
        self._shop.position = min(self._open, default=self._next)
        self._beyond = {sent for sent in (*self._beyond, entry) if sent >= self._shop.position}

    def _raise_failure(self) -> None:
        for task in self._open.values():
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def _finish(self, within_s: float | None = None) -> None:
        """Waits for what is under way; what takes too long is given up, and sent again at the next start."""
        if self._open:
            _, late = await asyncio.wait(list(self._open.values()), timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.sleep(0)  # lets the last `_end` run
