"""`HotWriter` and `HotReader`: what is shown is read at once; the newest consent stands; a wipe is noticed."""

from collections.abc import Callable

import pytest

from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import HotRow, Shown
from tests.contracts.conftest import Hot

pytestmark = pytest.mark.anyio

New = Callable[[], str]
YES, NO = Consent(1, 100), Consent(0, 200)
ALLOWED, DENIED = Consent(1), Consent(0)
"""As hot memory tells them: without the moment."""
NOTHING = HotRow(None, None)

F1, F2 = (pack_flags(Profile(last_ms=1_767_225_600_000, flags=flags)) for flags in (1, 1 << 63))
SHORT = pack_flags(Profile(last_ms=1_767_225_600_000, flags=5, short_lived=((7, 1_767_225_900),)))


async def test_who_was_never_shown_is_not_there(hot: Hot, somebody: New) -> None:
    people = [somebody(), somebody()]
    assert await hot.reader.read_flags(people) == [NOTHING, NOTHING]
    assert await hot.reader.read_states(people) == [NOTHING, NOTHING]
    assert await hot.reader.read_lists(1, people) == [None, None]


async def test_asking_for_nobody_is_no_error(hot: Hot) -> None:
    assert await hot.reader.read_flags([]) == []
    assert await hot.reader.read_states([]) == []
    assert await hot.reader.read_lists(1, []) == []
    await hot.reader.backfill([], {})
    hot.writer.show([])


async def test_what_is_shown_is_read_in_the_order_asked_for(hot: Hot, somebody: New) -> None:
    one, two, three = somebody(), somebody(), somebody()
    await hot.reader.put_consent(two, YES)
    hot.writer.show([Shown(one, b"s1", F1), Shown(two, b"s2\x00", SHORT, YES)])
    assert await hot.reader.read_flags([two, three, one, two]) == [
        HotRow(ALLOWED, SHORT),
        NOTHING,
        HotRow(None, F1),
        HotRow(ALLOWED, SHORT),
    ]
    assert await hot.reader.read_states([one, two]) == [HotRow(None, b"s1"), HotRow(ALLOWED, b"s2\x00")]


async def test_showing_again_replaces_and_showing_nothing_forgets_all_but_the_consent(hot: Hot, somebody: New) -> None:
    who, unknown = somebody(), somebody()
    await hot.reader.put_consent(who, YES)
    hot.writer.show([Shown(who, b"s1", F1), Shown(unknown, b"s1", F1)])
    hot.writer.show([Shown(who, b"s2", F2), Shown(unknown, b"s2", F2)])
    assert await hot.reader.read_states([who, unknown]) == [HotRow(ALLOWED, b"s2"), HotRow(None, b"s2")]
    hot.writer.show([Shown(who, None, None), Shown(unknown, None, None)])
    for read in (hot.reader.read_states, hot.reader.read_flags):
        assert await read([who, unknown]) == [HotRow(ALLOWED, None), NOTHING]


async def test_of_two_rows_of_one_person_the_last_counts(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s1", F1), Shown(who, b"s2", F2)])
    assert await hot.reader.read_flags([who]) == [HotRow(None, F2)]


async def test_flags_without_members_are_flags_all_the_same(hot: Hot, somebody: New) -> None:
    """A person whom no segment has is told from one of whom nothing is known, at any moment."""
    for last_ms in (0, 2**19 * 480_000, 1_767_225_600_000):
        who, empty = somebody(), pack_flags(Profile(last_ms=last_ms))
        await hot.reader.put_consent(who, YES)
        hot.writer.show([Shown(who, b"s", empty)])
        assert await hot.reader.read_flags([who]) == [HotRow(ALLOWED, empty)]


@pytest.mark.parametrize("purposes", range(8))
async def test_each_purpose_is_kept_by_itself(hot: Hot, somebody: New, purposes: int) -> None:
    who = somebody()
    await hot.reader.put_consent(who, Consent(purposes, 5))
    assert await hot.reader.read_flags([who]) == [HotRow(Consent(purposes), None)]
    hot.writer.show([Shown(who, b"s", F1)])
    assert await hot.reader.read_flags([who]) == [HotRow(Consent(purposes), F1 if purposes & 1 else None)]


async def test_a_withdrawal_forgets_at_once(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.put_consent(who, YES)
    hot.writer.show([Shown(who, b"s", F1)])
    await hot.reader.put_consent(who, NO)
    assert await hot.reader.read_states([who]) == await hot.reader.read_flags([who]) == [HotRow(DENIED, None)]


async def test_less_than_a_withdrawal_keeps_the_rest(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.put_consent(who, Consent(7, 1))
    hot.writer.show([Shown(who, b"s", SHORT)])
    await hot.reader.put_consent(who, Consent(3, 2))
    assert await hot.reader.read_flags([who]) == [HotRow(Consent(3), SHORT)]


@pytest.mark.parametrize("by", ["edge", "log", "backfill", "put_back"])
async def test_the_newest_decision_stands_whoever_comes_late(hot: Hot, somebody: New, by: str) -> None:
    who = somebody()
    await hot.reader.put_consent(who, NO)
    await _bring(hot, by, who, YES)
    assert await hot.reader.read_flags([who]) == await hot.reader.read_states([who]) == [HotRow(DENIED, None)]


@pytest.mark.parametrize("by", ["edge", "backfill", "put_back"])
async def test_a_newer_grant_stands_over_a_denial(hot: Hot, somebody: New, by: str) -> None:
    """Negative control of the test before."""
    who = somebody()
    await hot.reader.put_consent(who, NO)
    await _bring(hot, by, who, Consent(1, 300))
    assert (await hot.reader.read_flags([who]))[0].consent == ALLOWED


async def _bring(hot: Hot, by: str, who: str, decision: Consent) -> None:
    """The decision, with flags and state, the way `by` says."""
    row = Shown(who, b"s", F1, decision)
    if by == "edge":
        await hot.reader.put_consent(who, decision)
        hot.writer.show([row._replace(consent=None)])
    elif by == "log":
        hot.writer.show([row])
    elif by == "backfill":
        await hot.reader.backfill([row], {who: decision})
    else:
        hot.writer.put_back([row], {who: decision})


async def test_of_two_decisions_of_one_moment_the_denial_stands(hot: Hot, somebody: New) -> None:
    for decisions in ([Consent(1, 5), Consent(0, 5)], [Consent(0, 5), Consent(1, 5)]):
        who = somebody()
        for decision in decisions:
            await hot.reader.put_consent(who, decision)
        assert (await hot.reader.read_flags([who]))[0].consent == DENIED


async def test_moments_are_compared_as_numbers_over_their_whole_range(hot: Hot, somebody: New) -> None:
    who = somebody()
    for changed_ms in (255, 256, 65_535, 65_536, 1_767_225_600_000, 2**46):
        await hot.reader.put_consent(who, Consent(1, changed_ms))
        assert (await hot.reader.read_flags([who]))[0].consent == Consent(1)
        await hot.reader.put_consent(who, Consent(7, changed_ms - 1))
        assert (await hot.reader.read_flags([who]))[0].consent == Consent(1)


async def test_a_backfill_never_goes_over_what_is_there(hot: Hot, somebody: New) -> None:
    there, missing = somebody(), somebody()
    hot.writer.show([Shown(there, b"new", F2)])
    rows = [Shown(there, b"old", F1), Shown(missing, b"s", F1)]
    await hot.reader.backfill(rows, {there: YES, missing: YES})
    assert await hot.reader.read_states([there, missing]) == [HotRow(ALLOWED, b"new"), HotRow(ALLOWED, b"s")]
    assert await hot.reader.read_flags([there, missing]) == [HotRow(ALLOWED, F2), HotRow(ALLOWED, F1)]


async def test_a_backfill_fills_what_a_consent_alone_has_left_open(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.put_consent(who, YES)
    hot.writer.put_back([Shown(who, b"s", F1)], {})
    assert await hot.reader.read_flags([who]) == [HotRow(ALLOWED, F1)]
    assert await hot.reader.read_states([who]) == [HotRow(ALLOWED, b"s")]


async def test_a_backfill_of_nothing_leaves_nothing(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.backfill([Shown(who, None, None)], {})
    assert await hot.reader.read_flags([who]) == [NOTHING]


async def test_a_backfilled_denial_takes_away_what_was_shown(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s", F1)])
    await hot.reader.backfill([], {who: NO})
    assert await hot.reader.read_flags([who]) == await hot.reader.read_states([who]) == [HotRow(DENIED, None)]


async def test_lists_are_read_by_generation(hot: Hot, somebody: New) -> None:
    one, two = somebody(), somebody()
    hot.writer.show_lists(1, [(one, b"a"), (two, b"b")], 60)
    hot.writer.show_lists(2, [(one, b"c")], 60)
    assert await hot.reader.read_lists(1, [two, one]) == [b"b", b"a"]
    assert await hot.reader.read_lists(2, [two, one]) == [None, b"c"]


async def test_a_wipe_gives_the_memory_another_name_and_nothing_else_does(hot: Hot, somebody: New) -> None:
    name = hot.writer.incarnation()
    assert name and hot.writer.incarnation() == name
    hot.writer.show([Shown(somebody(), b"s", F1)])
    assert hot.writer.incarnation() == name
    hot.wipe()
    assert hot.writer.incarnation() not in ("", name)


async def test_a_wipe_forgets_everything(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s", F1, NO)])
    hot.wipe()
    assert await hot.reader.read_flags([who]) == await hot.reader.read_states([who]) == [NOTHING]


async def test_statuses_are_told_from_both_sides_and_read_by_name(hot: Hot) -> None:
    hot.wipe()
    assert await hot.reader.read_status() == {}
    hot.writer.put_status({"stream:0": b"1", "stream:1": b"2"})
    await hot.reader.tell_status("edge:1", b"3")
    await hot.reader.tell_status("edge:1", b"4")
    assert await hot.reader.read_status() == {"stream:0": b"1", "stream:1": b"2", "edge:1": b"4"}
    await hot.reader.forget_status(["stream:1", "edge:1", "nobody"])
    await hot.reader.forget_status([])
    assert await hot.reader.read_status() == {"stream:0": b"1"}


async def test_hundreds_of_people_are_shown_and_read_at_once(hot: Hot, somebody: New) -> None:
    people = [somebody() for _ in range(600)]
    flags = [pack_flags(Profile(flags=n)) for n in range(600)]
    hot.writer.put_back([], {who: Consent(n % 8 | 1, 1) for n, who in enumerate(people)})
    hot.writer.show([Shown(who, b"s" + who.encode(), flags[n]) for n, who in enumerate(people)])
    assert await hot.reader.read_flags(people) == [HotRow(Consent(n % 8 | 1), flags[n]) for n in range(len(people))]
    assert await hot.reader.read_states(people) == [
        HotRow(Consent(n % 8 | 1), b"s" + who.encode()) for n, who in enumerate(people)
    ]
