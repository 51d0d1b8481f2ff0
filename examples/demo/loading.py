"""Fills an empty rayce: consent, catalogue, and the past as events through the front door."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from time import monotonic
from typing import TypeVar

from examples.demo.dataset import ShopEvent
from examples.demo.sending import patiently
from examples.demo.shop import LANES, Shop
from examples.demo.stream import POLL_S, read_stream
from rayce.client import Item, RayceClient, RayceClientError

ITEMS_PER_CALL = 500
EVENTS_PER_CALL = 500
EVENTS_PER_HOUSEHOLD = 8
"""On average in one call: what has to be sent again is recognised by a person's last event ids, of which few are kept."""

MOST_LAG = 12_000
"""Events that may wait in the log while the past is loaded: the embedded log keeps 5 MiB a partition and no more."""

PATIENCE_S = 120.0

OnProgress = Callable[[int, int], None]
T = TypeVar("T")


class LoadingFailed(Exception):
    """Rayce refused a part of what the shop has. Read the message: the data or the API is wrong; do not go on."""


async def give_consent(rayce: RayceClient, shop: Shop, on_progress: OnProgress, *, at_once: int = 8) -> None:
    """Records personalization and training for every household that consents; the others get no record: no means no."""
    users = sorted(shop.consenting)
    done = 0

    async def worker(mine: Iterator[str]) -> None:
        nonlocal done
        for user_id in mine:
            give = partial(rayce.put_consent, user_id, personalization=True, training=True)
            await patiently(give, patience_s=PATIENCE_S, on_failure=shop.measurements.retried)
            done += 1
            on_progress(done, len(users))

    shared = iter(users)
    await together(worker(shared) for _ in range(at_once))


async def put_catalogue(rayce: RayceClient, shop: Shop, on_progress: OnProgress, *, at_once: int = 4) -> None:
    """Stores every product."""
    items = shop.dataset.items
    done = 0

    async def worker(batches: Iterator[list[Item]]) -> None:
        nonlocal done
        for batch in batches:
            put = partial(rayce.put_items, batch)
            reply = await patiently(put, patience_s=PATIENCE_S, on_failure=shop.measurements.retried)
            if reply.stored != len(batch):
                raise LoadingFailed(f"{reply.stored} of {len(batch)} products stored; first error: {reply.errors[:1]}")
            done += len(batch)
            on_progress(done, len(items))

    shared = batched(items, ITEMS_PER_CALL)
    await together(worker(shared) for _ in range(at_once))


async def replay(
    rayce: RayceClient, shop: Shop, end: int, on_progress: OnProgress, on_batch: Callable[[], None] = lambda: None
) -> float:
    """Sends the entries before `end` that the shop's lanes have not sent yet; returns events per second.

    Each lane has one request under way, so each household's events arrive in order. All lanes wait while the log is more
    than `MOST_LAG` events behind. `on_batch` is called whenever the shop's books have moved on.
    """
    ours = {
        number: [e for e in range(start, end) if shop.dataset.lane(e, LANES) == number]
        for number, start in enumerate(shop.lanes)
    }
    total, done, started, gate = sum(map(len, ours.values())), 0, monotonic(), asyncio.Event()
    size = max(1, min(EVENTS_PER_CALL, EVENTS_PER_HOUSEHOLD * len(shop.households) // LANES))

    async def lane(number: int) -> None:
        nonlocal done
        for entries in batched(ours[number], size):
            await gate.wait()
            await _post(rayce, shop, [shop.dataset.event(entry) for entry in entries])
            shop.lanes[number] = entries[-1] + 1
            done += len(entries)
            on_batch()
            on_progress(done, total)

    watching = asyncio.create_task(_hold_back(rayce, gate))
    try:
        await together(lane(number) for number in range(LANES))
    finally:
        watching.cancel()
    shop.position = end
    return total / max(monotonic() - started, 1e-3)


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` values, the last one shorter.

    >>> list(batched("abc", 2))
    [['a', 'b'], ['c']]
    """
    iterator = iter(values)
    return iter(lambda: list(islice(iterator, size)), [])


async def _post(rayce: RayceClient, shop: Shop, batch: Sequence[ShopEvent]) -> None:
    post = partial(rayce.post_events, batch)
    reply = await patiently(post, patience_s=PATIENCE_S, on_failure=shop.measurements.retried)
    shop.book(batch, reply)
    if reply.errors:
        error = reply.errors[0]
        raise LoadingFailed(f"{len(reply.errors)} of {len(batch)} events refused: {error.path}: {error.message}")


async def _hold_back(rayce: RayceClient, gate: asyncio.Event) -> None:
    while True:
        try:
            lag = (await read_stream(rayce)).lag
        except RayceClientError:
            lag = 0
        if lag > MOST_LAG:
            gate.clear()
        else:
            gate.set()
        await asyncio.sleep(POLL_S)


async def together(workers: Iterable[Coroutine[None, None, None]]) -> None:
    """Runs all of them; the first error ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
