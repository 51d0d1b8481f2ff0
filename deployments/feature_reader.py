"""The feature reader: consent, profile and precomputed list of many people in one call, from hot or durable memory."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from deployments.asks import ReadAsk, ReadReply
from deployments.dependency import Dependency
from rayce.consent import PERSONALIZATION
from rayce.errors import Unavailable
from rayce.metrics import Metrics
from rayce.people import People, Person
from rayce.stores.interfaces import DurableLists, HotReader

MAX_ABSENT = 50_000
"""People of whom is remembered that a generation has no list of them: it never gets one, so nobody needs to look again."""
LISTS_WITHIN_S = 0.02
"""For a list that hot memory does not have: one slot of many to choose from is not worth more of a page's time."""


class _Lacking(NamedTuple):
    generation: int
    persons: Sequence[str]


class FeatureReader:
    """Reads people; waits for durable memory no longer than `within_s`, or the caller. Of whom no store can tell the reply is
    None.

    Raises `Unavailable` when that is so of everybody asked for: then the fault may be here.
    """

    def __init__(
        self,
        people: People,
        hot: HotReader,
        lists: DurableLists,
        executor: Executor,
        within_s: float,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = people
        self._hot = hot
        self._lists = lists
        self._executor = executor
        self._within_s = within_s
        self._absent: set[tuple[int, str]] = set()
        self._stored_lists = Dependency("lists", self._load_lists, LISTS_WITHIN_S, metrics, clock)

    async def read_many(self, asks: Sequence[ReadAsk]) -> list[ReadReply | None]:
        """One reply an ask, in order.

        The list is asked for in hot memory together with the consent, in one round trip as the state is, and dropped unread
        where the consent does not allow it; durable memory is asked only once it does.
        """
        until_s = asyncio.get_running_loop().time() + self._within_s
        wanted: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for ask in asks:
            if ask.generation:
                wanted[ask.generation][ask.person] = None
        numbers = list(wanted)
        persons, *hot = await asyncio.gather(
            self._read_people(asks), *(self._read_hot_lists(number, list(wanted[number])) for number in numbers)
        )
        lists = dict(zip(numbers, hot, strict=True))
        missing: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for ask, found in zip(asks, persons, strict=True):
            if ask.generation and _allows(found) and ask.person not in lists[ask.generation]:
                missing[ask.generation][ask.person] = None
        for number, lacking in missing.items():
            lists[number] |= await self._read_durable_lists(number, list(lacking), until_s)
        return [found and _reply(ask, found, lists) for ask, found in zip(asks, persons, strict=True)]

    async def _read_people(self, asks: Sequence[ReadAsk]) -> list[Person | None]:
        answers = await asyncio.gather(*map(self._read_person, asks))
        if answers and not any(answers):
            raise Unavailable("people", "no store can tell of anybody")
        return answers

    async def _read_person(self, ask: ReadAsk) -> Person | None:
        within_s = min(self._within_s, ask.within_ms / 1000) if ask.within_ms else self._within_s
        try:
            return await self._people.state(ask.person, within_s)
        except Unavailable:
            return None

    async def _read_hot_lists(self, generation: int, persons: Sequence[str]) -> dict[str, bytes]:
        gate = self._people.hot_breaker
        if not gate.allows(lambda: self._hot.read_lists(generation, persons[:1])):
            return {}  # durable memory is asked for all of them
        try:
            rows = await gate.through(lambda: self._hot.read_lists(generation, persons))
        except Unavailable:
            return {}
        return {person: row for person, row in zip(persons, rows, strict=True) if row is not None}

    async def _read_durable_lists(self, generation: int, persons: Sequence[str], until_s: float) -> dict[str, bytes]:
        """A list that cannot be read in time is no list; that it was too late says nothing of everybody's profiles."""
        missing = [person for person in persons if (generation, person) not in self._absent]
        left_s = until_s - asyncio.get_running_loop().time()
        if not missing or left_s <= 0 or self._people.durable_breaker.is_open:
            return {}
        try:
            found = await self._stored_lists.ask(_Lacking(generation, missing), min(LISTS_WITHIN_S, left_s))
        except Unavailable:
            return {}
        if len(self._absent) > MAX_ABSENT:
            self._absent.clear()
        self._absent.update((generation, person) for person in missing if person not in found)
        return found

    async def _load_lists(self, lacking: _Lacking) -> dict[str, bytes]:
        load = asyncio.get_running_loop().run_in_executor
        return await load(self._executor, self._lists.load_lists, lacking.generation, lacking.persons)


def _allows(found: Person | None) -> bool:
    return found is not None and found.consent.allows(PERSONALIZATION)


def _reply(ask: ReadAsk, found: Person, lists: dict[int, dict[str, bytes]]) -> ReadReply:
    listed = lists[ask.generation].get(ask.person) if ask.generation and _allows(found) else None
    return ReadReply(found.consent.purposes, found.value, listed)
