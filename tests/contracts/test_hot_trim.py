"""Trimming: leaner flags take the place of those that were read, and of no others; consent, state and lists stay."""

import hashlib
from collections.abc import Callable

import pytest

from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import lean_flags, pack_flags
from rayce.segments.listing import Listing
from rayce.settings import Settings
from rayce.stores import redis_scripts, redis_view
from rayce.stores.interfaces import HotRow, Lean, Shown
from rayce.stores.redis_scripts import Script
from tests.contracts.conftest import Hot, redis_hot
from tests.contracts.test_hot_members import members

pytestmark = pytest.mark.anyio

New = Callable[[], str]
T0_S = 1_767_225_600
YES, ALLOWED = Consent(5, 100), Consent(5)


def flags_of(flags: int, *until: int, last_s: int = T0_S) -> bytes:
    short_lived = tuple((100 + n, each) for n, each in enumerate(until))
    return pack_flags(Profile(last_ms=last_s * 1000, flags=flags, short_lived=short_lived))


FULL = flags_of(2**64 - 1, T0_S + 5, T0_S + 600)
HALF, LEAN = lean_flags(FULL, T0_S + 5), lean_flags(FULL, T0_S + 600)
NEWER = flags_of(3, T0_S + 700, last_s=T0_S + 100)


async def shown(hot: Hot, who: str, flags: bytes = FULL) -> None:
    await hot.reader.put_consent(who, YES)
    hot.writer.show([Shown(who, b"state", flags)])


def trim(hot: Hot, who: str, had: bytes = FULL, lean: bytes = LEAN) -> int:
    return hot.writer.trim([Lean(hot.writer.place(who), had, lean)])


async def test_flags_are_replaced_and_everything_else_stays(hot: Hot, somebody: New, name: str) -> None:
    who = somebody()
    await shown(hot, who)
    hot.writer.show([Shown(who, b"state", FULL, None, Listing(name, (1,)))])
    assert trim(hot, who, FULL, HALF) == trim(hot, who, FULL, HALF) == 1, "said twice it is done all the same"
    assert await hot.reader.read_flags([who]) == [HotRow(ALLOWED, HALF)]
    assert trim(hot, who, HALF, LEAN) == 1 and len(LEAN) == 11
    assert await hot.reader.read_flags([who]) == [HotRow(ALLOWED, LEAN)]
    assert await hot.reader.read_states([who]) == [HotRow(ALLOWED, b"state")]
    assert await members(hot, name, 1) == [who]


async def test_somebody_whose_consent_is_not_known_stays_so(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"state", FULL)])
    assert trim(hot, who) == 1
    assert await hot.reader.read_flags([who]) == [HotRow(None, LEAN)]


async def test_what_a_worker_has_written_meanwhile_is_never_overwritten(hot: Hot, somebody: New) -> None:
    changed = [
        NEWER,
        HALF,
        FULL + b"\1",
        flags_of(2**64 - 2, T0_S + 5, T0_S + 600),
        flags_of(2**64 - 1, T0_S + 5, T0_S + 601),
    ]
    for newer in changed:
        who = somebody()
        await shown(hot, who)
        hot.writer.show([Shown(who, b"newer", newer)])
        assert trim(hot, who) == 0
        assert await hot.reader.read_flags([who]) == [HotRow(ALLOWED, newer)]


async def test_who_has_withdrawn_or_was_never_there_is_not_brought_back(hot: Hot, somebody: New) -> None:
    gone, nobody = somebody(), somebody()
    await shown(hot, gone)
    await hot.reader.put_consent(gone, Consent(0, 200))
    assert trim(hot, gone) == trim(hot, nobody) == 0
    assert await hot.reader.read_flags([gone, nobody]) == [HotRow(Consent(0), None), HotRow(None, None)]


async def test_of_many_rows_each_counts_by_itself(hot: Hot, somebody: New) -> None:
    people = [somebody() for _ in range(20)]
    for who in people:
        await shown(hot, who, FULL)
    hot.writer.show([Shown(who, b"newer", NEWER) for who in people[::2]])
    assert hot.writer.trim([Lean(hot.writer.place(who), FULL, LEAN) for who in people]) == 10
    assert hot.writer.trim([]) == 0


async def test_walking_the_buckets_finds_everybodys_flags_without_the_consent(hot: Hot, somebody: New) -> None:
    hot.wipe()
    flags = {somebody(): flags_of(n, *([T0_S] * (n % 3))) for n in range(60)}
    for who, each in flags.items():
        await shown(hot, who, each)
    await hot.reader.put_consent(somebody(), YES)
    found = [each for n in range(hot.buckets.buckets) for each in hot.buckets.read_buckets([n])]
    assert sorted(found) == sorted((hot.writer.place(who), each) for who, each in flags.items())
    assert hot.buckets.read_buckets([]) == []


MUTANTS = {
    "nothing is compared": (b"if flags ~= ARGV[2] then", b"if false then"),
    "only the size is compared": (b"if flags ~= ARGV[2] then", b"if #flags ~= #ARGV[2] then"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_control_a_script_that_compares_less_overwrites_newer_flags(
    real_stack: Settings, somebody: New, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    old, new = MUTANTS[mutant]
    assert redis_scripts.TRIM.text.count(old) == 1
    text = redis_scripts.TRIM.text.replace(old, new)
    wrong = Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(redis_view, "TRIM", wrong)
    monkeypatch.setitem(redis_scripts._TEXTS, wrong.digest, wrong.text)
    hot = redis_hot(real_stack.redis)
    with pytest.raises(AssertionError):
        await test_what_a_worker_has_written_meanwhile_is_never_overwritten(hot, somebody)
    hot.writer.close()  # type: ignore[attr-defined]
    await hot.reader.close()  # type: ignore[attr-defined]
