"""Kept replies: made once for all who ask, dropped by whom and what they are about, bounded, and never given when in doubt."""

import asyncio
from collections.abc import Callable

import pytest

from deployments.edge.reply_cache import LARGEST_SHARE, OVERHEAD_BYTES, Made, ReplyCache
from rayce.change_bus import ChangeBus

pytestmark = pytest.mark.anyio

ADA, BEN = b"a" * 16, b"b" * 16
RULES = "shop/rules"
HEADERS = ((b"rayce-served", b"live"),)


class Kitchen:
    """Makes replies, slowly when asked to, and counts."""

    def __init__(self, max_bytes: int = 10**6, most: int = 100, chance: float = 0.0) -> None:
        self.now_s = 100.0
        self.bus = ChangeBus(lambda: self.now_s)
        self.states: list[str] = []
        self.cache = ReplyCache(
            self.bus, max_bytes, most, lambda: self.now_s, lambda: chance, lambda state: self.states.append(state)
        )
        self.bus.hears(True)
        self.made = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> Made:
        self.made += 1
        number = self.made
        await self.gate.wait()
        return Made(b"%d" % number, HEADERS, "live")

    async def ask(self, key: str = "k", *tags: str | bytes, stale_s: float = 0.0) -> tuple[bytes, str]:
        found = await self.cache.get(key, tags, self.load, 10.0, stale_s)
        assert found.headers == HEADERS
        return found.body, found.state

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.bus.heard(self.now_s)


async def test_a_reply_is_given_again_until_its_time_is_over() -> None:
    kitchen = Kitchen()
    assert await kitchen.ask() == (b"1", "miss")
    kitchen.wait(9.9)
    assert await kitchen.ask() == (b"1", "hit")
    found = kitchen.cache.find("k")
    assert found is not None
    assert found.age_s == pytest.approx(9.9)
    kitchen.wait(0.2)
    assert await kitchen.ask() == (b"2", "miss")
    assert kitchen.states == ["miss", "hit", "hit", "miss"]


async def test_not_all_replies_live_equally_long() -> None:
    kitchen = Kitchen(chance=1.0)
    await kitchen.ask()
    kitchen.wait(7.6)
    assert await kitchen.ask() == (b"2", "miss")


async def test_a_thousand_who_ask_at_once_are_one_load() -> None:
    kitchen = Kitchen()
    kitchen.gate.clear()
    asking = [asyncio.ensure_future(kitchen.ask()) for _ in range(1_000)]
    await asyncio.sleep(0)
    kitchen.gate.set()
    assert set(await asyncio.gather(*asking)) == {(b"1", "miss")}
    assert kitchen.cache.loads == 1


async def test_who_gives_up_does_not_disturb_the_others() -> None:
    kitchen = Kitchen()
    kitchen.gate.clear()
    one, two = asyncio.ensure_future(kitchen.ask()), asyncio.ensure_future(kitchen.ask())
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.sleep(0)
    kitchen.gate.set()
    assert await two == (b"1", "miss")


async def test_what_goes_wrong_goes_wrong_for_all_who_wait_and_is_not_kept() -> None:
    kitchen = Kitchen()

    async def fail() -> Made:
        await asyncio.sleep(0)
        raise ValueError("no")

    asking = [kitchen.cache.get("k", (), fail, 10.0) for _ in range(3)]
    assert [type(error) for error in await asyncio.gather(*asking, return_exceptions=True)] == [ValueError] * 3
    assert await kitchen.ask() == (b"1", "miss")


async def test_a_reply_of_a_lower_rung_is_not_kept() -> None:
    kitchen = Kitchen()

    async def low() -> Made:
        return Made(b"low", HEADERS, "global", 0.0)

    assert (await kitchen.cache.get("k", (), low, 10.0)).body == b"low"
    assert len(kitchen.cache) == 0


async def test_a_reply_that_may_be_kept_for_a_moment_is_not_given_after_it_not_even_as_a_stale_one() -> None:
    kitchen = Kitchen()

    async def low() -> Made:
        return Made(b"low", HEADERS, "global", 1.0)

    await kitchen.cache.get("k", (), low, 10.0, 60.0)
    assert await kitchen.ask(stale_s=60.0) == (b"low", "hit")
    kitchen.wait(1.1)
    assert await kitchen.ask(stale_s=60.0) == (b"1", "miss")


async def test_for_a_while_a_cohort_gets_the_old_reply_while_one_makes_a_new_one() -> None:
    kitchen = Kitchen()
    await kitchen.ask(stale_s=5.0)
    kitchen.wait(11)
    kitchen.gate.clear()
    assert await kitchen.ask(stale_s=5.0) == (b"1", "stale")
    assert await kitchen.ask(stale_s=5.0) == (b"1", "stale")
    kitchen.gate.set()
    await asyncio.sleep(0.01)
    assert await kitchen.ask(stale_s=5.0) == (b"2", "hit")
    kitchen.wait(16)
    assert await kitchen.ask(stale_s=5.0) == (b"3", "miss")


async def test_a_person_never_gets_an_old_reply() -> None:
    kitchen = Kitchen()
    await kitchen.ask("k", ADA, stale_s=5.0)
    kitchen.wait(11)
    assert await kitchen.ask("k", ADA, stale_s=5.0) == (b"2", "miss")


async def test_a_change_drops_what_it_is_about_and_nothing_else() -> None:
    kitchen = Kitchen()
    for key, tags in {"ada": (ADA, RULES), "ada too": (ADA,), "ben": (BEN,), "all": (RULES,), "plain": ()}.items():
        await kitchen.ask(key, *tags)
    kitchen.bus.told(ADA)
    assert [key for key in ("ada", "ada too", "ben", "all", "plain") if kitchen.cache.find(key)] == [
        "ben",
        "all",
        "plain",
    ]
    kitchen.cache.drop(RULES)
    assert [key for key in ("ben", "all", "plain") if kitchen.cache.find(key)] == ["ben", "plain"]


@pytest.mark.parametrize(
    ("tags", "change"),
    [
        ((ADA,), lambda k: k.bus.told(ADA)),
        ((RULES,), lambda k: k.cache.drop(RULES)),
        ((ADA,), lambda k: k.bus.hears(True)),
    ],
)
async def test_a_reply_that_a_change_has_overtaken_is_not_kept_and_nobody_else_gets_it(
    tags: tuple[str | bytes, ...], change: Callable[[Kitchen], None]
) -> None:
    kitchen = Kitchen()
    kitchen.gate.clear()
    early = asyncio.ensure_future(kitchen.ask("k", *tags))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    change(kitchen)
    late = asyncio.ensure_future(kitchen.ask("k", *tags))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    kitchen.gate.set()
    assert (await early, await late) == ((b"1", "miss"), (b"2", "miss"))
    assert await kitchen.ask("k", *tags) == (b"2", "hit")


async def test_while_the_bus_is_deaf_people_get_fresh_replies_and_cohorts_kept_ones() -> None:
    kitchen = Kitchen()
    await kitchen.ask("ada", ADA)
    await kitchen.ask("all", RULES)
    kitchen.bus.hears(False)
    assert await kitchen.ask("ada", ADA) == (b"3", "bypass")
    assert await kitchen.ask("ada", ADA) == (b"4", "bypass")
    assert await kitchen.ask("all", RULES) == (b"2", "hit")
    kitchen.bus.hears(True)
    assert await kitchen.ask("ada", ADA) == (b"5", "miss")


async def test_a_bus_that_fell_silent_is_not_trusted() -> None:
    kitchen = Kitchen()
    await kitchen.ask("ada", ADA)
    kitchen.now_s += 1
    assert await kitchen.ask("ada", ADA) == (b"2", "bypass")


async def test_it_is_bounded_in_entries_and_in_bytes_and_who_is_asked_for_stays() -> None:
    kitchen = Kitchen(most=2)
    for key in ("one", "two", "one", "three"):
        await kitchen.ask(key, ADA)
    assert [bool(kitchen.cache.find(key)) for key in ("one", "two", "three")] == [True, False, True]
    small = Kitchen(max_bytes=LARGEST_SHARE * (OVERHEAD_BYTES + 100))
    for n in range(50):
        await small.ask(f"{n}", ADA, f"tag {n}")
        assert small.cache.size_bytes <= LARGEST_SHARE * (OVERHEAD_BYTES + 100)
    assert len(small.cache) == LARGEST_SHARE
    small.cache.drop(ADA)
    assert (len(small.cache), small.cache.size_bytes, small.cache._by_tag) == (0, 0, {})
    assert not small.cache._loading and not small.cache._loading_by_tag


async def test_a_reply_that_is_too_large_is_given_but_not_kept() -> None:
    kitchen = Kitchen(max_bytes=8 * OVERHEAD_BYTES)
    assert await kitchen.ask() == (b"1", "miss")
    assert len(kitchen.cache) == 0


async def test_switched_off_it_keeps_and_shares_nothing() -> None:
    kitchen = Kitchen(max_bytes=0)
    assert await asyncio.gather(kitchen.ask(), kitchen.ask()) == [(b"1", "bypass"), (b"2", "bypass")]
