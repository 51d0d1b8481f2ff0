"""`HotReader.listen`: whoever was changed is told of, after the change, to everybody who hears; and who cannot hear knows."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rayce.consent import Consent
from rayce.profile import Profile
from rayce.pseudonym import DIGEST_BYTES, digest_of
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Lean, Shown
from tests.contracts.conftest import Hot

pytestmark = pytest.mark.anyio

New = Callable[[], str]
FLAGS = pack_flags(Profile(last_ms=1_767_225_600_000, flags=5))
YES, NO = Consent(7, 1_767_225_600_000), Consent(0, 1_767_225_600_001)
PATIENCE_S = 10.0


class Ears:
    """A `Hearing` that remembers. Over a cluster every master says the same: a message counts once."""

    def __init__(self) -> None:
        self.people: list[bytes] = []
        self.said: set[bytes] = set()
        self.hearing = False
        self.heard_s = 0.0

    def hears(self, hears: bool) -> None:
        self.hearing = hears

    def heard(self, at_s: float) -> None:
        self.heard_s = at_s

    def told(self, digests: bytes) -> None:
        self.said.add(digests)
        self.people += [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.005)

    async def hear_of(self, *persons: str) -> None:
        await self.until(lambda: {digest_of(person) for person in persons} <= set(self.people))


@asynccontextmanager
async def listening(hot: Hot) -> AsyncIterator[Ears]:
    ears = Ears()
    task = asyncio.ensure_future(hot.reader.listen(ears))
    await ears.until(lambda: ears.hearing)
    try:
        yield ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not ears.hearing


async def test_everybody_of_a_batch_is_told_in_one_message_once_it_is_there_to_read(hot: Hot, somebody: New) -> None:
    hot.writer.show([Shown(somebody(), b"s", FLAGS)])  # a server without the scripts is told twice: harmless
    async with listening(hot) as ears:
        people = [somebody() for _ in range(700)]
        hot.writer.show([Shown(person, b"s", FLAGS) for person in people])
        assert (await hot.reader.read_flags(people[-1:]))[0].value == FLAGS
        await ears.hear_of(*people)
        assert len(ears.said) == 1


async def test_a_message_has_a_bound(hot: Hot, somebody: New) -> None:
    async with listening(hot) as ears:
        people = [somebody() for _ in range(4_200)]
        hot.writer.show([Shown(person, None, None) for person in people])
        await ears.hear_of(*people)
        assert len(ears.people) >= len(people)


async def test_who_decides_is_told_of_and_so_is_who_is_forgotten(hot: Hot, somebody: New) -> None:
    async with listening(hot) as ears:
        one, two, three = somebody(), somebody(), somebody()
        await hot.reader.put_consent(one, YES)
        hot.writer.show([Shown(two, None, None)])
        hot.writer.show([Shown(three, b"s", FLAGS, NO)])
        await ears.hear_of(one, two, three)


async def test_of_what_is_put_back_only_denials_are_told(hot: Hot, somebody: New) -> None:
    async with listening(hot) as ears:
        granted, denied, last = somebody(), somebody(), somebody()
        await hot.reader.backfill([Shown(granted, b"s", FLAGS)], {granted: YES, denied: NO})
        hot.writer.put_back([Shown(granted, b"s", FLAGS)], {granted: YES})
        hot.writer.trim([Lean(hot.writer.place(granted), FLAGS, FLAGS)])
        await hot.reader.put_consent(last, YES)
        await ears.hear_of(denied, last)
        assert digest_of(granted) not in ears.people


async def test_all_who_listen_hear_and_nothing_is_told_of_nobody(hot: Hot, somebody: New) -> None:
    hot.writer.show([Shown(somebody(), b"s", FLAGS)])
    async with listening(hot) as one, listening(hot) as two:
        hot.writer.show([])
        who = somebody()
        hot.writer.show([Shown(who, b"s", FLAGS)])
        await one.hear_of(who)
        await two.hear_of(who)
        assert one.said == two.said == {digest_of(who)}


async def test_the_bus_is_heard_all_the_time_though_nothing_changes(hot: Hot) -> None:
    async with listening(hot) as ears:
        await ears.until(lambda: ears.heard_s > 0)
        first_s = ears.heard_s
        await ears.until(lambda: ears.heard_s > first_s)


async def test_many_changes_by_many_writers_are_all_told(hot: Hot) -> None:
    people = [f"k1:{uuid.uuid4().hex}" for _ in range(400)]
    async with listening(hot) as ears:
        parts = [people[at : at + 40] for at in range(0, 400, 40)]
        await asyncio.gather(
            *(asyncio.to_thread(hot.writer.show, [Shown(p, b"s", FLAGS) for p in part]) for part in parts)
        )
        await ears.hear_of(*people)
