"""The feature reader: consent, profile and precomputed list of many people in one call, from hot or durable memory."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

from rayce.consent import PERSONALIZATION
from rayce.errors import Unavailable
from rayce.people import People, Person
from rayce.stores.interfaces import DurableLists, HotReader

Ask = tuple[str, int]
"""Pseudonym, generation of the precomputed lists (0: none is live)."""
Reply = tuple[int, bytes | None, bytes | None] | None
"""Purposes allowed, encoded profile, precomputed list. None: no store could tell in time, which is not "no consent"."""


class FeatureReader:
    """Reads people; waits for durable memory no longer than `within_s`. Of whom no store can tell the reply is None.

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

    async def read_many(self, asks: Sequence[Ask]) -> list[Reply]:
        """One reply an ask, in order. Nothing of a person without consent is read from the lists or returned."""
        until_s = asyncio.get_running_loop().time() + self._within_s
        persons = await self._read_people([person for person, _generation in asks])
        allowed: dict[int, list[str]] = {}
        for (person, generation), found in zip(asks, persons, strict=True):
            if generation and found is not None and found.consent.allows(PERSONALIZATION):
                allowed.setdefault(generation, []).append(person)
        lists = {
            generation: await self._read_lists(generation, wanted, until_s) for generation, wanted in allowed.items()
        }
        return [
            found and (found.consent.purposes, found.value, lists.get(generation, {}).get(person))
            for (person, generation), found in zip(asks, persons, strict=True)
        ]

    async def _read_people(self, persons: Sequence[str]) -> list[Person | None]:
        answers = await asyncio.gather(*map(self._read_person, persons))
        if answers and not any(answers):
            raise Unavailable("people", "no store can tell of anybody")
        return answers

    async def _read_person(self, person: str) -> Person | None:
        try:
            return await self._people.state(person, self._within_s)
        except Unavailable:
            return None

    async def _read_lists(self, generation: int, persons: list[str], until_s: float) -> dict[str, bytes]:
        """From hot memory, the rest from durable memory; a list that cannot be read in time is no list."""
        found: dict[str, bytes] = {}
        try:
            rows = await self._hot.read_lists(generation, persons)
            found = {person: row for person, row in zip(persons, rows, strict=True) if row is not None}
        except Unavailable:
            pass  # durable memory is asked for all of them
        missing = [person for person in persons if person not in found]
        durable = self._people.durable_breaker
        if missing and not durable.is_open:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout_at(until_s):
                    found |= await loop.run_in_executor(self._executor, self._lists.load_lists, generation, missing)
            except TimeoutError:
                pass  # there was no time left: that says nothing about the store
            except Unavailable:
                durable.failed()
            else:
                durable.succeeded()
        return found
