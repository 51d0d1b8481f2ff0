"""The feature reader: consent, profile and precomputed list of many people in one call, from hot or durable memory."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor

from deployments.asks import ReadAsk, ReadReply
from rayce.consent import PERSONALIZATION
from rayce.errors import Unavailable
from rayce.people import People, Person
from rayce.stores.interfaces import DurableLists, HotReader

MAX_ABSENT = 50_000
"""People of whom is remembered that a generation has no list of them: it never gets one, so nobody needs to look again."""


class FeatureReader:
    """Reads people; waits for durable memory no longer than `within_s`, or the caller. Of whom no store can tell the reply is
    None.

    Raises `Unavailable` when that is so of everybody asked for: then the fault may be here.
    """

    def __init__(
        self, people: People, hot: HotReader, lists: DurableLists, executor: Executor, within_s: float
    ) -> None:
        self._people = people
        self._hot = hot
        self._lists = lists
        self._executor = executor
        self._within_s = within_s
        self._absent: set[tuple[int, str]] = set()

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
        try:
            rows = await self._hot.read_lists(generation, persons)
        except Unavailable:
            return {}  # durable memory is asked for all of them
        return {person: row for person, row in zip(persons, rows, strict=True) if row is not None}

    async def _read_durable_lists(self, generation: int, persons: Sequence[str], until_s: float) -> dict[str, bytes]:
        """A list that cannot be read in time is no list."""
        missing = [person for person in persons if (generation, person) not in self._absent]
        durable = self._people.durable_breaker
        if not missing or durable.is_open:
            return {}
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until_s):
                found = await loop.run_in_executor(self._executor, self._lists.load_lists, generation, missing)
        except TimeoutError:
            return {}  # there was no time left: that says nothing about the store
        except Unavailable:
            durable.failed()
            return {}
        durable.succeeded()
        if len(self._absent) > MAX_ABSENT:
            self._absent.clear()
        self._absent.update((generation, person) for person in missing if person not in found)
        return found


def _allows(found: Person | None) -> bool:
    return found is not None and found.consent.allows(PERSONALIZATION)


def _reply(ask: ReadAsk, found: Person, lists: dict[int, dict[str, bytes]]) -> ReadReply:
    listed = lists[ask.generation].get(ask.person) if ask.generation and _allows(found) else None
    return ReadReply(found.consent.purposes, found.value, listed)
