"""Membership lists of hot memory: in line with the flags that are shown, whoever writes and when; read page by page."""

import hashlib
import random
from collections.abc import Callable

import msgspec
import pytest

from rayce.consent import Consent
from rayce.errors import InvalidInput
from rayce.profile import Profile
from rayce.segments.flags import pack_flags, unpack_flags
from rayce.segments.listing import Listing
from rayce.settings import Settings
from rayce.stores import redis_members, redis_scripts, redis_view
from rayce.stores.interfaces import Shown
from rayce.stores.redis_scripts import Script
from tests.contracts.conftest import Hot, redis_hot

pytestmark = pytest.mark.anyio

New = Callable[[], str]
LOW, HIGH = 3, 1023
YES, NO = Consent(1, 100), Consent(0, 200)
T0_S = 1_767_225_600


def flags_of(*bits: int, short_lived: tuple[tuple[int, int], ...] = ()) -> bytes:
    return pack_flags(Profile(last_ms=T0_S * 1000, flags=sum(1 << bit for bit in bits), short_lived=short_lived))


def row(who: str, listing: Listing, *bits: int, consent: Consent | None = None) -> Shown:
    return Shown(who, b"state", flags_of(*bits), consent, listing)


async def members(hot: Hot, tenant: str, bit: int, limit: int = 1_000) -> list[str]:
    """All pages."""
    found, cursor = [], ""
    while True:
        page = await hot.reader.read_members(tenant, bit, cursor, limit)
        found += page.people
        if page.cursor is None:
            return found
        cursor = page.cursor


async def test_who_is_shown_in_a_segment_is_on_its_list_and_who_leaves_is_not(
    hot: Hot, somebody: New, name: str
) -> None:
    one, two, lists = somebody(), somebody(), Listing(name, (LOW, HIGH))
    assert await members(hot, name, LOW) == []
    for _twice in range(2):
        hot.writer.show([row(one, lists, LOW, 5), row(two, lists, LOW, HIGH)])
        assert sorted(await members(hot, name, LOW)) == sorted([one, two])
        assert await members(hot, name, HIGH) == [two]
    hot.writer.show([row(two, lists, HIGH), row(one, lists, HIGH)])
    assert await members(hot, name, LOW) == [] and sorted(await members(hot, name, HIGH)) == sorted([one, two])


async def test_only_lists_that_are_asked_for_are_kept_each_by_itself(hot: Hot, somebody: New, name: str) -> None:
    one, other = somebody(), somebody()
    hot.writer.show([row(one, Listing(name, (LOW,)), LOW, HIGH), row(other, Listing(f"{name}2", (LOW,)), LOW)])
    hot.writer.show([Shown(somebody(), b"state", flags_of(LOW))])
    assert (await members(hot, name, LOW), await members(hot, f"{name}2", LOW)) == ([one], [other])
    assert await members(hot, name, HIGH) == []


async def test_short_lived_flags_before_the_permanent_ones_are_no_members(hot: Hot, somebody: New, name: str) -> None:
    who = somebody()
    short = ((LOW, T0_S), (HIGH, T0_S), (258, T0_S))
    hot.writer.show([Shown(who, b"s", flags_of(8, short_lived=short), None, Listing(name, (LOW, 8, 9, HIGH)))])
    assert [await members(hot, name, bit) for bit in (LOW, 8, 9, HIGH)] == [[], [who], [], []]


async def test_a_withdrawal_takes_somebody_out_at_once_and_no_late_writer_puts_back_in(
    hot: Hot, somebody: New, name: str
) -> None:
    who, lists = somebody(), Listing(name, (LOW,))
    await hot.reader.put_consent(who, YES, lists)
    hot.writer.show([row(who, lists, LOW)])
    assert await members(hot, name, LOW) == [who]
    await hot.reader.put_consent(who, NO, lists)
    assert await members(hot, name, LOW) == []
    hot.writer.show([row(who, lists, LOW)])
    hot.writer.show([row(who, lists, LOW, consent=YES)])
    await hot.reader.backfill([row(who, lists, LOW)], {who: YES})
    hot.writer.put_back([row(who, lists, LOW)], {who: YES})
    assert await members(hot, name, LOW) == []
    hot.writer.put_back([row(who, lists, LOW)], {who: Consent(1, 300)})
    assert await members(hot, name, LOW) == [who], "a newer grant"


@pytest.mark.parametrize("by", ["log", "forgotten", "miss"])
async def test_who_is_forgotten_is_on_no_list(hot: Hot, somebody: New, name: str, by: str) -> None:
    who, lists = somebody(), Listing(name, (LOW, HIGH))
    hot.writer.show([row(who, lists, LOW, HIGH)])
    if by == "miss":
        await hot.reader.backfill([row(who, lists, LOW)], {who: NO})
    else:
        hot.writer.show([Shown(who, None, None, NO if by == "log" else None, lists)])
    assert await members(hot, name, LOW) == await members(hot, name, HIGH) == []


async def test_what_is_put_back_is_listed_as_the_flags_that_are_there_say(hot: Hot, somebody: New, name: str) -> None:
    """Also where they were shown before the list existed, and are newer than what is put back."""
    there, missing, lists = somebody(), somebody(), Listing(name, (LOW, HIGH))
    hot.writer.show([Shown(there, b"new", flags_of(HIGH))])
    hot.writer.put_back([row(there, lists, LOW), row(missing, lists, LOW)], {there: YES, missing: YES})
    assert (await members(hot, name, LOW), await members(hot, name, HIGH)) == ([missing], [there])


async def test_after_a_wipe_lists_are_empty(hot: Hot, somebody: New, name: str) -> None:
    hot.writer.show([row(somebody(), Listing(name, (LOW,)), LOW)])
    hot.wipe()
    assert await members(hot, name, LOW) == []


async def test_a_list_that_nobody_keeps_any_more_is_dropped(hot: Hot, somebody: New, name: str) -> None:
    who = somebody()
    hot.writer.show([row(who, Listing(name, (LOW, HIGH)), LOW, HIGH)])
    assert hot.buckets.drop_list(name, LOW) == 1 and hot.buckets.drop_list(name, LOW) == 0
    assert (await members(hot, name, LOW), await members(hot, name, HIGH)) == ([], [who])


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_pages_are_small_and_together_hold_everybody(hot: Hot, somebody: New, name: str, limit: int) -> None:
    people = [somebody() for _ in range(300)]
    hot.writer.show([row(who, Listing(name, (LOW,)), LOW) for who in people])
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = await hot.reader.read_members(name, LOW, cursor, limit)
        assert len(page.people) <= limit + 128
        found, cursor, pages = found + page.people, page.cursor, pages + 1
    assert sorted(found) == sorted(people) and pages > 300 // (limit + 128)


@pytest.mark.parametrize(
    "cursor", ["x", "-1-0", "1024-0", "0-18446744073709551616", "0", "0-", "9" * 60 + "-1", "0-0 "]
)
async def test_a_cursor_that_no_page_gave_is_refused(hot: Hot, name: str, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        await hot.reader.read_members(name, LOW, cursor, 10)


async def test_large_sets_are_read_in_pages_while_people_come_and_go(real_stack: Settings, somebody: New) -> None:
    """On two hash tags: thousands in one set. Whoever is on the list all the time is on a page."""
    hot, name = redis_hot(msgspec.structs.replace(real_stack.redis, flag_buckets=2)), somebody()
    lists, rng = Listing(name, (LOW,)), random.Random(5)
    stay, go = [somebody() for _ in range(2_000)], [somebody() for _ in range(1_000)]
    hot.writer.show([row(who, lists, LOW) for who in [*stay, *go]])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await hot.reader.read_members(name, LOW, cursor, 50)
        assert len(page.people) <= 50 + 64
        found, cursor = found + page.people, page.cursor
        leave = [go.pop(rng.randrange(len(go))) for _ in range(min(9, len(go)))]
        hot.writer.show([row(who, lists, 5) for who in leave])
        hot.writer.show([row(somebody(), lists, LOW) for _ in range(9)])
    assert set(stay) <= set(found)
    hot.writer.close()  # type: ignore[attr-defined]
    await hot.reader.close()  # type: ignore[attr-defined]


def test_a_page_takes_small_sets_whole_and_ends_where_one_was_not_read_to_its_end() -> None:
    begin = redis_members.Position(0, 0)
    page = redis_members.Page(begin, [2, 0, 3, 100, 4], 10)
    assert [command[1:3] for command in page.commands(5, "t")] == [
        (b"rm:{0}:5:t", 0), (b"rm:{2}:5:t", 0), (b"rm:{3}:5:t", 0),
    ]  # fmt: skip
    member = bytes(16) + b"k1"
    whole = page.members([(b"0", [member] * 2), (b"0", [member] * 3), (b"0", [member] * 4)])
    assert (len(whole.people), whole.cursor) == (9, "4-0")
    early = page.members([(b"0", [member] * 2), (b"17", [member]), (b"0", [member] * 4)])
    assert (len(early.people), early.cursor) == (3, "2-17"), "what comes after is read again with the next page"
    resumed = redis_members.Page(redis_members.Position(3, 17), [100, 4], 10)
    assert [command[1:3] for command in resumed.commands(5, "t")] == [(b"rm:{3}:5:t", 17)]
    last = redis_members.Page(redis_members.Position(1023, 0), [0], 10)
    assert last.commands(5, "t") == [] and last.members([]) == ([], None)


class Walk:
    """Random calls of everybody who writes, about few people; after each, lists are what the flags say."""

    def __init__(self, hot: Hot, somebody: New, name: str, seed: int) -> None:
        self.hot, self.name, self.rng = hot, name, random.Random(seed)
        self.people = [somebody() for _ in range(5)]
        self.lists = Listing(name, (LOW, 9, HIGH))

    async def step(self) -> None:
        rng, who = self.rng, self.rng.choice(self.people)
        bits = [bit for bit in (LOW, 9, 40, HIGH) if rng.random() < 0.5]
        short = tuple((bit, T0_S + bit) for bit in (LOW, 700) if rng.random() < 0.3)
        decision = Consent(rng.randrange(4), rng.randrange(1, 40))
        consent = decision if rng.random() < 0.5 else None
        shown = Shown(who, b"s", flags_of(*bits, short_lived=short), consent, self.lists)
        match rng.choice(["show", "show", "forget", "edge", "backfill", "put back", "expire"]):
            case "show":
                self.hot.writer.show([shown])
            case "forget":
                self.hot.writer.show([Shown(who, None, None, consent, self.lists)])
            case "edge":
                await self.hot.reader.put_consent(who, decision, self.lists)
            case "backfill":
                await self.hot.reader.backfill([shown], {who: decision} if consent else {})
            case "put back":
                self.hot.writer.put_back([shown], {who: decision} if consent else {})
            case _:
                self.hot.expire_guards()

    async def check(self) -> None:
        """The recount."""
        rows = await self.hot.reader.read_flags(self.people)
        for bit in self.lists.bits:
            due = [
                who
                for who, found in zip(self.people, rows, strict=True)
                if found.value is not None and unpack_flags(found.value, T0_S).permanent >> bit & 1
            ]
            assert sorted(await members(self.hot, self.name, bit)) == sorted(due), f"bit {bit}"


@pytest.mark.parametrize("seed", range(3))
async def test_lists_are_what_a_recount_of_the_shown_flags_gives(hot: Hot, somebody: New, name: str, seed: int) -> None:
    walk = Walk(hot, somebody, name, seed)
    for _ in range(150):
        await walk.step()
        await walk.check()


MUTANTS = {
    "nobody is taken out": ("lists.lua", b"and 'SADD' or 'SREM'", b"and 'SADD' or 'SISMEMBER'"),
    "short-lived flags are taken for permanent ones": ("lists.lua", b"start = 8 + 6 * string.byte(value, 8)", b""),
    "a denial at the edge leaves the lists": ("decide.lua", b"relist('', 3, 4)", b""),
    "a worker's rows are listed whatever the consent": ("show.lua", b"relist('', 2, 4)", b"relist(flags, 2, 4)"),
    "a worker's rows are not listed": ("show.lua", b"relist(#flags >= 3 and flags or known or '', 2, 4)", b""),
    "a miss lists what it brings, not what is there": (
        "put_back.lua",
        b"relist(flags, 3, 5)",
        b"relist(ARGV[2], 3, 5)",
    ),
    "a denial that a miss brings leaves the lists": ("put_back.lua", b"relist('', 3, 5)", b""),
}
SCRIPTS = {
    "lists.lua": ("SHOW", "DECIDE", "PUT_BACK"),
    "show.lua": ("SHOW",),
    "decide.lua": ("DECIDE",),
    "put_back.lua": ("PUT_BACK",),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_each_small_mistake_in_a_script_would_be_found(
    real_stack: Settings, somebody: New, name: str, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    file, old, new = MUTANTS[mutant]
    for script in SCRIPTS[file]:
        original: Script = getattr(redis_scripts, script)
        assert original.text.count(old) == 1
        text = original.text.replace(old, new)
        wrong = Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())
        monkeypatch.setattr(redis_view, script, wrong)
        monkeypatch.setitem(redis_scripts._TEXTS, wrong.digest, wrong.text)
    hot = redis_hot(real_stack.redis)
    walk = Walk(hot, somebody, name, 0)
    with pytest.raises(AssertionError, match="bit"):
        for _ in range(150):
            await walk.step()
            await walk.check()
    hot.writer.close()  # type: ignore[attr-defined]
    await hot.reader.close()  # type: ignore[attr-defined]
