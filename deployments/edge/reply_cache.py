"""Whole replies kept in a replica's memory: made once however many ask, given again until they age or what they say changes.

An entry is personal where it carries a person's digest among its tags: the change bus drops it, and while the bus is deaf
personal entries are neither given nor kept. All others are a cohort's: they may be given stale while a fresh one is made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import Literal, NamedTuple

from rayce.change_bus import ChangeBus, Clock

Headers = tuple[tuple[bytes, bytes], ...]
Tag = str | bytes
"""A generation's name (`rayce.generations.generation_name`), or a person's digest (`rayce.pseudonym.digest_of`)."""
State = Literal["hit", "miss", "stale", "bypass"]
JITTER = 0.25
"""Entries live between this much less than their time to live and all of it: what came together does not go together."""
OVERHEAD_BYTES = 700
"""About what an entry takes beside body and headers: key, tags, places in four dictionaries."""
LARGEST_SHARE = 8
"""A reply larger than this part of the whole is not kept."""


class Made(NamedTuple):
    """A reply as it was made, and how long it may be kept at most: what stands on a lower rung a moment or not at all, as the
    next caller may have better luck.
    """

    body: bytes
    headers: Headers
    rung: str
    at_most_s: float = float("inf")


class Entry(NamedTuple):
    """A reply, how old it is, and where it came from."""

    body: bytes
    headers: Headers
    rung: str
    age_s: float
    state: State


Load = Callable[[], Awaitable[Made]]


class _Kept(NamedTuple):
    made: Made
    made_s: float
    until_s: float
    stale_until_s: float
    tags: tuple[Tag, ...]
    personal: bool
    size_bytes: int


class _Loading(NamedTuple):
    task: "asyncio.Task[Made]"
    tags: tuple[Tag, ...]


class ReplyCache:
    """Bounded in bytes and in entries, whoever was asked for least lately leaves first. Belongs to one event loop."""

    def __init__(
        self,
        bus: ChangeBus,
        max_bytes: int,
        most: int,
        clock: Clock,
        chance: Callable[[], float],
        count: Callable[[State], None] = lambda state: None,
    ) -> None:
        """`chance` gives numbers from 0 to 1; `count` is told of every reply. With `max_bytes` 0 nothing is kept or shared."""
        self._bus = bus
        self._max_bytes = max_bytes
        self._most = most
        self._clock = clock
        self._chance = chance
        self._count = count
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._loading: dict[Hashable, _Loading] = {}
        self._by_tag: dict[Tag, set[Hashable]] = {}
        self._loading_by_tag: dict[Tag, set[Hashable]] = {}
        self.size_bytes = 0
        self.loads = 0
        bus.attach(self)

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable) -> Entry | None:
        """A fresh reply, without waiting; None: ask `get`."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        now_s = self._clock()
        if now_s >= kept.until_s or (kept.personal and self._bus.is_deaf(now_s)):
            return None
        self._kept.move_to_end(key)
        self._count("hit")
        return _entry(kept.made, now_s - kept.made_s, "hit")

    async def get(self, key: Hashable, tags: Collection[Tag], load: Load, ttl_s: float, stale_s: float = 0.0) -> Entry:
        """The reply for the key: kept, or else what `load` makes, once for all who wait for it; what it raises they all get.

        `tags` say what drops it. For `stale_s` after its time a cohort's reply is given while a fresh one is made.
        """
        found = self.find(key)
        if found is not None:
            return found
        now_s = self._clock()
        told_apart = tuple(tags)
        personal = any(isinstance(tag, bytes) for tag in told_apart)
        if not self._max_bytes or (personal and self._bus.is_deaf(now_s)):
            self._count("bypass")
            self.loads += 1
            return _entry(await load(), 0.0, "bypass")
        stale = None if personal else self._kept.get(key)
        loading = self._loading.get(key) or self._start(key, told_apart, load, ttl_s, stale_s)
        if stale is not None and now_s < stale.stale_until_s:
            self._count("stale")
            return _entry(stale.made, now_s - stale.made_s, "stale")
        self._count("miss")
        return _entry(await asyncio.shield(loading.task), 0.0, "miss")

    def drop(self, tag: Tag) -> None:
        """Forget all that carries the tag. Who waits for such a reply gets it; nobody else will, and it is not kept."""
        for key in tuple(self._by_tag.get(tag, ())):
            self._forget(key)
        for key in tuple(self._loading_by_tag.get(tag, ())):
            self._detach(key)

    def clear(self) -> None:
        """The bus is deaf, or hears again: forget all that is personal."""
        for tag in [tag for tag in self._by_tag if isinstance(tag, bytes)]:
            self.drop(tag)
        for tag in [tag for tag in self._loading_by_tag if isinstance(tag, bytes)]:
            self.drop(tag)

    def _start(self, key: Hashable, tags: tuple[Tag, ...], load: Load, ttl_s: float, stale_s: float) -> _Loading:
        self.loads += 1
        task = asyncio.ensure_future(load())
        loading = self._loading[key] = _Loading(task, tags)
        for tag in tags:
            self._loading_by_tag.setdefault(tag, set()).add(key)
        task.add_done_callback(lambda done: self._loaded(key, loading, ttl_s, stale_s))
        return loading

    def _loaded(self, key: Hashable, loading: _Loading, ttl_s: float, stale_s: float) -> None:
        overtaken = self._loading.get(key) is not loading
        if not overtaken:
            self._detach(key)
        if loading.task.cancelled() or loading.task.exception() is not None or overtaken:
            return
        made = loading.task.result()
        if made.at_most_s < ttl_s:
            ttl_s, stale_s = made.at_most_s, 0.0
        if ttl_s > 0.0:
            self._keep(key, made, loading.tags, ttl_s * (1 - JITTER * self._chance()), stale_s)

    def _keep(self, key: Hashable, made: Made, tags: tuple[Tag, ...], ttl_s: float, stale_s: float) -> None:
        size = OVERHEAD_BYTES + len(made.body) + sum(len(name) + len(value) for name, value in made.headers)
        personal = any(isinstance(tag, bytes) for tag in tags)
        self._forget(key)
        now_s = self._clock()
        if size * LARGEST_SHARE > self._max_bytes or (personal and self._bus.is_deaf(now_s)):
            return
        while self._kept and (len(self._kept) >= self._most or self.size_bytes + size > self._max_bytes):
            self._forget(next(iter(self._kept)))
        self._kept[key] = _Kept(made, now_s, now_s + ttl_s, now_s + ttl_s + stale_s, tags, personal, size)
        self.size_bytes += size
        for tag in tags:
            self._by_tag.setdefault(tag, set()).add(key)

    def _forget(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size_bytes -= kept.size_bytes
            _untag(self._by_tag, kept.tags, key)

    def _detach(self, key: Hashable) -> None:
        loading = self._loading.pop(key, None)
        if loading is not None:
            _untag(self._loading_by_tag, loading.tags, key)


def _untag(index: dict[Tag, set[Hashable]], tags: tuple[Tag, ...], key: Hashable) -> None:
    for tag in tags:
        keys = index.get(tag)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del index[tag]


def _entry(made: Made, age_s: float, state: State) -> Entry:
    return Entry(made.body, made.headers, made.rung, age_s, state)
