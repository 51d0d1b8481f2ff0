"""Forgetting: at every edge replica by a generation that says nothing but its number, at content networks by surrogate keys.

Each replica tells the content networks itself when it has loaded another generation: whoever is the last to load it is the last
to tell, so that nothing a slower replica has said meanwhile is left. Telling twice does no harm; it is done once more a second
later, for replies that were on their way.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NamedTuple

from deployments.edge.banning import ban
from deployments.edge.cache_version import KINDS, PURGE
from deployments.edge.edge import Edge
from deployments.edge.reply_cache import ReplyCache
from deployments.edge.surrogate_keys import item_key, kind_key, slot_key, tenant_key
from rayce.errors import InvalidInput, Unavailable
from rayce.flip import Flip, encode_flip
from rayce.generations import generation_name
from rayce.item_words import SHELF
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.metrics import Metrics
from rayce.publication import publish
from rayce.stores.interfaces import MODELS

AGAIN_S = 1.0
MAX_KEYS = 500
_KEY = re.compile(r"[a-z]{1,16}-[a-z0-9]{1,32}")

Ban = Callable[[str, str, Sequence[str]], Awaitable[str]]


class Purged(NamedTuple):
    """The generation that says so to the edges, and by address the content networks that could not be told, and why."""

    number: int
    failed: dict[str, str]


async def purge(edge: Edge, tenant: str, keys: Sequence[str] = (), ban: Ban = ban) -> Purged:
    """Forget a tenant's shared replies: those with one of the surrogate keys, or all where there are none.

    Edges forget all of the tenant's, on every replica: they make replies anew in less than a millisecond, and caches that work
    by version (nginx) take the new one. `InvalidInput` names a key that is none; `Unavailable` where it could not be written
    down, and then nobody was told.
    """
    for key in keys:
        if not _KEY.fullmatch(key):
            raise InvalidInput("no surrogate key: see the header `surrogate-key` of replies", "keys", key)
    if len(keys) > MAX_KEYS:
        raise InvalidInput(f"more than {MAX_KEYS} keys", "keys", len(keys))
    name = generation_name(tenant, PURGE)
    loop = asyncio.get_running_loop()
    number = await loop.run_in_executor(edge.executor, publish, edge.durable, name, {}, lambda files: None)
    flip = Flip(name, number, edge.now_ms())
    try:
        await edge.log.write(MODELS, [(name, encode_flip(flip))])
    except Unavailable:  # the others find it by looking, within serving.generation_poll_s
        edge.metrics.add("rayce_failures_total", 1, "kafka")
    edge.live.heard([flip])
    return Purged(number, await told(edge.settings.cdn.purge_urls, tenant_key(tenant), keys, edge.metrics, ban))


def keys_of(tenant: str, item_ids: Collection[str] = (), slots: Collection[str] = ()) -> list[str]:
    """The surrogate keys of a tenant's items and slots, to purge what has them."""
    return [*(item_key(tenant, item_id) for item_id in item_ids), *(slot_key(tenant, slot) for slot in slots)]


async def told(urls: Sequence[str], tenant: str, keys: Sequence[str], metrics: Metrics, ban: Ban) -> dict[str, str]:
    """Tell all of them at once; those that could not be told, and why."""
    reasons = await asyncio.gather(*(ban(url, tenant, keys) for url in urls))
    failed = {url: reason for url, reason in zip(urls, reasons, strict=True) if reason}
    metrics.add("rayce_purges_total", len(urls) - len(failed), "told")
    metrics.add("rayce_purges_total", len(failed), "failed")
    return failed


class FlipPurges:
    """Has what another generation makes out of date forgotten. Belongs to one event loop."""

    def __init__(self, urls: Sequence[str], replies: ReplyCache, metrics: Metrics, ban: Ban = ban) -> None:
        self._urls = tuple(urls)
        self._replies = replies
        self._metrics = metrics
        self._ban = ban
        self.telling: set[asyncio.Task[None]] = set()
        """Those under way."""
        self._again: dict[str, bool] = {}

    def changed(self, name: str) -> None:
        """This replica has loaded another generation of that name, or laid a change of the catalogue over it: for
        `LiveGenerations.watch`, on the loop.

        Dropped once more a moment later: the ranker may have taken it up after this replica.
        """
        self._replies.drop(name)
        owner, _, kind = name.partition("/")
        if kind == SHELF:
            asyncio.get_running_loop().call_later(AGAIN_S, self._replies.drop, name)
        if kind == PURGE:  # who has asked for it tells the content networks, with the keys
            self._replies.drop(generation_name(owner, SHELF))
        elif self._urls and (kind in KINDS or kind == CATALOGUE):
            self._start(kind_key(owner, kind))

    def _start(self, key: str) -> None:
        """Catalogues change often: of one key one telling is under way, and at most one waits behind it."""
        if key in self._again:
            self._again[key] = True
            return
        self._again[key] = False
        task = asyncio.ensure_future(self._tell(key))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def _tell(self, key: str) -> None:
        try:
            await told(self._urls, "", [key], self._metrics, self._ban)
            await asyncio.sleep(AGAIN_S)
            while self._again[key]:
                self._again[key] = False
                await told(self._urls, "", [key], self._metrics, self._ban)
                await asyncio.sleep(AGAIN_S)
            await told(self._urls, "", [key], self._metrics, self._ban)
        finally:
            again = self._again.pop(key)
        if again:
            self._start(key)
