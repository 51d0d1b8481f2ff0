"""`HotWriter` and `HotReader`: what is shown is read at once; the newest consent stands; a wipe is noticed."""

from collections.abc import Callable

import pytest

from rayce.consent import Consent
from rayce.stores.interfaces import HotRow, Shown
from tests.contracts.conftest import Hot

pytestmark = pytest.mark.anyio

New = Callable[[], str]
YES, NO = Consent(1, 100), Consent(0, 200)
NOTHING = HotRow(None, None)


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
    hot.writer.show([Shown(one, b"s1", b"f1"), Shown(two, b"s2\x00", b"f2\xff", YES)])
    assert await hot.reader.read_flags([two, three, one, two]) == [
        HotRow(YES, b"f2\xff"),
        NOTHING,
        HotRow(None, b"f1"),
        HotRow(YES, b"f2\xff"),
    ]
    assert await hot.reader.read_states([one, two]) == [HotRow(None, b"s1"), HotRow(YES, b"s2\x00")]


async def test_showing_again_replaces_and_showing_nothing_forgets(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s1", b"f1", YES)])
    hot.writer.show([Shown(who, b"s2", b"f2")])
    assert await hot.reader.read_states([who]) == [HotRow(YES, b"s2")]
    hot.writer.show([Shown(who, None, None)])
    assert await hot.reader.read_states([who]) == await hot.reader.read_flags([who]) == [HotRow(YES, None)]


async def test_of_two_rows_of_one_person_the_last_counts(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s1", b"f1"), Shown(who, b"s2", b"f2")])
    assert await hot.reader.read_flags([who]) == [HotRow(None, b"f2")]


async def test_a_withdrawal_forgets_at_once(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s", b"f", YES)])
    await hot.reader.put_consent(who, NO)
    assert await hot.reader.read_states([who]) == await hot.reader.read_flags([who]) == [HotRow(NO, None)]


@pytest.mark.parametrize("by", ["edge", "log", "backfill"])
async def test_the_newest_decision_stands_whoever_comes_late(hot: Hot, somebody: New, by: str) -> None:
    who = somebody()
    await hot.reader.put_consent(who, NO)
    if by == "edge":
        await hot.reader.put_consent(who, YES)
    elif by == "log":
        hot.writer.show([Shown(who, None, None, YES)])
    else:
        await hot.reader.backfill([], {who: YES})
    assert (await hot.reader.read_flags([who]))[0].consent == NO


async def test_moments_are_compared_as_numbers_over_their_whole_range(hot: Hot, somebody: New) -> None:
    who = somebody()
    for changed_ms in (255, 256, 65_535, 65_536, 1_767_225_600_000, 2**46):
        await hot.reader.put_consent(who, Consent(1, changed_ms))
        assert (await hot.reader.read_flags([who]))[0].consent == Consent(1, changed_ms)
        await hot.reader.put_consent(who, Consent(7, changed_ms - 1))
        assert (await hot.reader.read_flags([who]))[0].consent == Consent(1, changed_ms)


async def test_a_backfill_never_goes_over_what_is_there(hot: Hot, somebody: New) -> None:
    there, missing = somebody(), somebody()
    hot.writer.show([Shown(there, b"new", b"new", YES)])
    await hot.reader.backfill([Shown(there, b"old", b"old"), Shown(missing, b"s", b"f")], {missing: YES})
    assert await hot.reader.read_states([there, missing]) == [HotRow(YES, b"new"), HotRow(YES, b"s")]
    assert await hot.reader.read_flags([there, missing]) == [HotRow(YES, b"new"), HotRow(YES, b"f")]


async def test_a_backfill_of_nothing_leaves_nothing(hot: Hot, somebody: New) -> None:
    who = somebody()
    await hot.reader.backfill([Shown(who, None, None)], {})
    assert await hot.reader.read_flags([who]) == [NOTHING]


async def test_lists_are_read_by_generation(hot: Hot, somebody: New) -> None:
    one, two = somebody(), somebody()
    hot.writer.show_lists(1, [(one, b"a"), (two, b"b")], 60)
    hot.writer.show_lists(2, [(one, b"c")], 60)
    assert await hot.reader.read_lists(1, [two, one]) == [b"b", b"a"]
    assert await hot.reader.read_lists(2, [two, one]) == [None, b"c"]


async def test_a_wipe_gives_the_memory_another_name_and_nothing_else_does(hot: Hot, somebody: New) -> None:
    name = hot.writer.incarnation()
    assert name and hot.writer.incarnation() == name
    hot.writer.show([Shown(somebody(), b"s", b"f")])
    assert hot.writer.incarnation() == name
    hot.wipe()
    assert hot.writer.incarnation() not in ("", name)


async def test_a_wipe_forgets_everything(hot: Hot, somebody: New) -> None:
    who = somebody()
    hot.writer.show([Shown(who, b"s", b"f", YES)])
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
    hot.writer.show(
        [Shown(who, b"s" + who.encode(), b"f" + who.encode(), Consent(1, n)) for n, who in enumerate(people)]
    )
    assert await hot.reader.read_flags(people) == [
        HotRow(Consent(1, n), b"f" + p.encode()) for n, p in enumerate(people)
    ]
    assert await hot.reader.read_states(people) == [
        HotRow(Consent(1, n), b"s" + p.encode()) for n, p in enumerate(people)
    ]
