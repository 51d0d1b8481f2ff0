"""A withdrawal is never undone: not by a worker, the log, a miss or a rebuild, in whatever order they come, however late.

The model is the durable record: after each step hot memory may deny, or not know; what it grants the record must grant too.
"""

import hashlib
import random
from collections.abc import Callable, Iterable
from itertools import permutations

import pytest

from rayce.consent import PERSONALIZATION, Consent
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.settings import Settings
from rayce.stores import redis_scripts, redis_view
from rayce.stores.interfaces import Shown
from rayce.stores.redis_scripts import Script
from tests.contracts.conftest import Hot, memory_hot, redis_hot

pytestmark = pytest.mark.anyio

New = Callable[[], str]
FLAGS = pack_flags(Profile(last_ms=1_767_225_600_000, flags=3))
YES, NO = Consent(7, 100), Consent(6, 200)
LATE = ("show", "log yes", "log no", "log forgets", "backfill yes", "put back yes")
"""What was under way when the person withdrew: written from what was true before."""


async def _step(hot: Hot, who: str, step: str) -> None:
    row = Shown(who, b"state", FLAGS)
    match step:
        case "show":
            hot.writer.show([row])
        case "log yes":
            hot.writer.show([row._replace(consent=YES)])
        case "log no":
            hot.writer.show([Shown(who, None, None, NO)])
        case "log forgets":
            hot.writer.show([Shown(who, None, None)])
        case "backfill yes":
            await hot.reader.backfill([row], {who: YES})
        case "put back yes":
            hot.writer.put_back([row], {who: YES})
        case "edge no":
            await hot.reader.put_consent(who, NO)
        case "edge yes":
            await hot.reader.put_consent(who, YES)


async def _shown(hot: Hot, who: str) -> bool:
    """Whether a reader takes anything of the person from hot memory without asking the durable record."""
    rows = [*await hot.reader.read_flags([who]), *await hot.reader.read_states([who])]
    return any(row.consent is not None and row.consent.allows(PERSONALIZATION) for row in rows)


async def _holds(hot: Hot, who: str) -> bool:
    rows = [*await hot.reader.read_flags([who]), *await hot.reader.read_states([who])]
    return any(row.value is not None for row in rows)


async def _play(hot: Hot, who: str, steps: Iterable[str]) -> None:
    withdrawn = False
    for step in steps:
        if step == "guards expire":
            hot.expire_guards()
        else:
            await _step(hot, who, step)
        withdrawn = withdrawn or step == "edge no"
        if withdrawn:
            assert not await _shown(hot, who) and not await _holds(hot, who), f"after {step}"


@pytest.mark.parametrize("before", [(), ("edge yes",), ("edge yes", "show"), ("backfill yes",), ("log yes",)])
async def test_whatever_was_under_way_does_not_undo_a_withdrawal(
    hot: Hot, somebody: New, before: tuple[str, ...]
) -> None:
    for late in permutations(LATE, 3):
        await _play(hot, somebody(), (*before, "edge no", *late))


async def test_control_without_the_withdrawal_the_same_is_shown(hot: Hot, somebody: New) -> None:
    who = somebody()
    await _play(hot, who, ("edge yes", "show", "log yes", "backfill yes"))
    assert await _shown(hot, who) and await _holds(hot, who)


@pytest.mark.parametrize("late", LATE)
async def test_once_the_guard_has_expired_only_durable_memory_can_say_otherwise(
    hot: Hot, somebody: New, late: str
) -> None:
    """The log lags by more than a day. A backfill is not late: it brings what durable memory says now."""
    who = somebody()
    await _step(hot, who, "edge yes")
    await _step(hot, who, "edge no")
    hot.expire_guards()
    await _step(hot, who, late)
    await _step(hot, who, "show")
    assert await _shown(hot, who) is (late in ("backfill yes", "put back yes"))


@pytest.mark.parametrize("late", [("show",), ("log yes",), ("log yes", "show"), ("log no", "log yes", "show")])
async def test_in_an_emptied_memory_the_log_grants_nothing(hot: Hot, somebody: New, late: tuple[str, ...]) -> None:
    """A worker that lags behind does not know of the withdrawal yet; durable memory does."""
    who = somebody()
    await _step(hot, who, "edge no")
    hot.wipe()
    for step in late:
        await _step(hot, who, step)
        assert not await _shown(hot, who)
    await hot.reader.backfill([], {who: NO})
    assert not await _shown(hot, who) and not await _holds(hot, who)


async def test_a_grant_that_only_the_log_knows_becomes_known_by_the_next_miss(hot: Hot, somebody: New) -> None:
    """Hot memory was away when the person consented: the denial before must not stand for ever."""
    who, again = somebody(), Consent(3, 300)
    await _step(hot, who, "edge no")
    hot.writer.show([Shown(who, b"state", FLAGS, again)])
    assert (await hot.reader.read_flags([who]))[0].consent is None
    await hot.reader.backfill([Shown(who, b"older", FLAGS)], {who: again})
    assert await hot.reader.read_states([who]) == [(Consent(3), b"state")]
    assert await hot.reader.read_flags([who]) == [(Consent(3), FLAGS)]


async def test_the_echo_of_the_edges_grant_in_the_log_changes_nothing(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.put_consent(who, YES)
    hot.writer.show([Shown(who, b"state", FLAGS, YES)])
    assert await hot.reader.read_flags([who]) == [(Consent(7), FLAGS)]


async def test_a_withdrawal_that_only_the_log_brings_is_in_force_as_well(hot: Hot, somebody: New) -> None:
    """The edge could not reach hot memory."""
    who = somebody()
    await _play(hot, who, ("edge yes", "show", "log no"))
    assert not await _shown(hot, who) and not await _holds(hot, who)
    await _step(hot, who, "edge yes")
    assert not await _shown(hot, who), "an older decision"


async def test_memory_tells_the_same_as_a_server_after_any_steps(real_stack: Settings, somebody: New) -> None:
    """So that what is tried on memory alone, elsewhere, is true of Redis."""
    rng = random.Random(33)
    one, other = memory_hot(), redis_hot(real_stack.redis)
    for _ in range(300):
        who, steps = somebody(), []
        for _step_number in range(rng.randint(1, 8)):
            decision = Consent(rng.randrange(8), rng.randrange(1, 5))
            flags = rng.choice([FLAGS, pack_flags(Profile(flags=1, short_lived=((2, 3),))), b"", b"\1", None])
            row = Shown(who, None if flags is None else b"s%d" % rng.randrange(9), flags)
            call = rng.choice(["decide", "show", "show decision", "put back", "put back row", "expire"])
            steps.append((call, decision, row))
            for hot in (one, other):
                await _call(hot, call, row, decision)
            assert await one.reader.read_flags([who]) == await other.reader.read_flags([who]), steps
            assert await one.reader.read_states([who]) == await other.reader.read_states([who]), steps
    other.writer.close()  # type: ignore[attr-defined]
    await other.reader.close()  # type: ignore[attr-defined]


async def _call(hot: Hot, call: str, row: Shown, decision: Consent) -> None:
    match call:
        case "decide":
            await hot.reader.put_consent(row.person, decision)
        case "show":
            hot.writer.show([row])
        case "show decision":
            hot.writer.show([row._replace(consent=decision)])
        case "put back":
            hot.writer.put_back([row], {row.person: decision})
        case "put back row":
            await hot.reader.backfill([row], {})
        case _:
            hot.expire_guards()


MUTANTS = {
    "a worker's rows are shown whatever the consent": ("SHOW", b"if denied or flags == ''", b"if flags == ''"),
    "a worker's rows are taken for a consent": ("SHOW", b"local consent = 0", b"local consent = 9"),
    "no guard is kept": ("DECIDE", b"redis.call('SET', KEYS[3], decision, 'EX', ARGV[3])", b""),
    "the guard is not compared": ("DECIDE", b"if ahead > 0 or", b"if false and ahead > 0 or"),
    "the log is trusted": ("DECIDE", b"ARGV[4] == '1' and 8 + purposes or 0", b"8 + purposes"),
    "a denial leaves the profile": ("DECIDE", b"redis.call('DEL', KEYS[2])", b""),
    "a miss goes over a newer decision": ("PUT_BACK", b"if not guard or", b"if true or"),
    "a miss puts flags back whatever the consent": ("PUT_BACK", b"consent >= 8 and consent % 2 == 0", b"false"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_each_small_mistake_in_a_script_would_be_found(
    real_stack: Settings, somebody: New, monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    name, old, new = MUTANTS[mutant]
    original: Script = getattr(redis_scripts, name)
    assert original.text.count(old) == 1
    text = original.text.replace(old, new)
    wrong = Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())
    monkeypatch.setattr(redis_view, name, wrong)
    monkeypatch.setitem(redis_scripts._TEXTS, wrong.digest, wrong.text)
    hot = redis_hot(real_stack.redis)
    with pytest.raises(AssertionError, match="after"):
        for late in permutations(LATE, 3):
            await _play(hot, somebody(), ("edge yes", "show", "edge no", *late))
        await _play(hot, somebody(), ("edge no", "guards expire", "log yes", "show"))
    hot.writer.close()  # type: ignore[attr-defined]
    await hot.reader.close()  # type: ignore[attr-defined]
