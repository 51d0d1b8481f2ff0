"""People as requests read them: hot, else durable, else unknown; consent before all."""

import asyncio
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from rayce.consent import UNKNOWN, Consent
from rayce.errors import Unavailable
from rayce.misses import LATE_S, PATIENCE_S
from rayce.people import HOT_PATIENCE_S, NOBODY, People, Person
from rayce.profile import Profile, encode_profile
from rayce.segments.flags import pack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotRow, Save, Shown
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.samples import T0, event, folded, person

pytestmark = pytest.mark.anyio

YES, NO = Consent(1, T0), Consent(0, T0)
PROFILE = folded(event("view", "p1"))
STATE, FLAGS = encode_profile(PROFILE), pack_flags(PROFILE)


class Durable(MemoryDurable):
    """Counts its reads, and can be made to hang."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[str]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def load_consents(self, persons: Collection[str]) -> dict[str, Consent]:
        self.asked.append(set(persons))
        self.go_on.wait(30)
        return super().load_consents(persons)


class Bench:
    """People over memory stores, with a clock of their own; `failures` are the stores that were said to have failed."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.hot, self.durable = MemoryHot(), Durable()
        self.now_s = 1_000.0
        self.failures: list[str] = []
        self.people = People(self.hot, self.durable, executor, self.failures.append, lambda: self.now_s)

    def keep(self, who: str, consent: Consent | None, state: bytes | None = None) -> None:
        """Into durable memory."""
        if consent is not None:
            self.durable.save_consent(who, consent)
        if state is not None:
            self.durable.save_profiles(0, self.durable.acquire(0).epoch, [Save(who, state, 1)])

    async def lose(self, *stores: str) -> None:
        """Make stores fail until they count as away."""
        for store in stores:
            getattr(self, store).away = True
        for _ in range(10):
            with suppress(Unavailable):
                await self.people.flags(person(99))
            self.now_s += PATIENCE_S

    def show(self, who: str, consent: Consent) -> None:
        """Into hot memory."""
        self.hot.show([Shown(who, STATE, FLAGS)])
        self.hot.put_back([], {who: consent})


def seen(found: Person) -> tuple[int, bytes | None]:
    """Without the moment of the decision, which only durable memory knows."""
    return found.consent.purposes, found.value


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


async def test_who_is_in_hot_memory_is_read_from_there_only(bench: Bench) -> None:
    bench.show(person(), YES)
    assert seen(await bench.people.flags(person())) == (YES.purposes, FLAGS)
    assert seen(await bench.people.state(person())) == (YES.purposes, STATE)
    assert await bench.people.purposes(person()) == YES.purposes
    assert bench.durable.asked == []


async def test_who_is_not_is_read_from_durable_memory_and_put_back(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    assert seen(await bench.people.flags(person())) == (YES.purposes, FLAGS)
    assert seen(await bench.people.state(person())) == (YES.purposes, STATE)
    assert bench.durable.asked == [{person()}]
    assert (await bench.hot.read_states([person()]))[0] == (Consent(YES.purposes), STATE)


@pytest.mark.parametrize("where", ["hot", "durable", "both"])
async def test_without_consent_nothing_is_returned(bench: Bench, where: str) -> None:
    if where != "durable":
        bench.show(person(), NO)
    if where != "hot":
        bench.keep(person(), NO, STATE)
    assert seen(await bench.people.flags(person())) == (NO.purposes, None)
    assert seen(await bench.people.state(person())) == (NO.purposes, None)


async def test_control_without_the_check_the_state_of_who_refused_is_returned(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rayce.people._allowed", Person)
    bench.show(person(), NO)
    bench.hot._states[person()] = STATE
    assert seen(await bench.people.state(person())) == (NO.purposes, STATE)


async def test_without_consent_no_profile_is_even_read(bench: Bench) -> None:
    bench.keep(person(), NO, STATE)
    bench.durable.load_profiles = lambda persons: pytest.fail(f"read {persons}")  # type: ignore[method-assign]
    assert seen(await bench.people.state(person())) == (NO.purposes, None)


async def test_consent_for_other_purposes_is_none_for_this_one(bench: Bench) -> None:
    bench.keep(person(), Consent(6, T0), STATE)
    assert (await bench.people.state(person())).value is None


async def test_a_state_without_a_consent_record_is_nobodys(bench: Bench) -> None:
    """Unknown counts as no."""
    bench.hot.show([Shown(person(), STATE, FLAGS)])
    bench.keep(person(), None, STATE)
    assert await bench.people.flags(person()) is NOBODY
    assert await bench.people.consent(person()) is UNKNOWN


async def test_hot_memory_away_is_durable_memorys_turn(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.hot.away = True
    for _ in range(3):
        assert seen(await bench.people.flags(person())) == (YES.purposes, FLAGS)
        bench.now_s += HOT_PATIENCE_S
    assert bench.people.hot_breaker.is_open


async def test_one_read_of_hot_memory_that_fails_does_not_send_everybody_to_durable_memory(bench: Bench) -> None:
    bench.show(person(), YES)
    bench.hot.away = True
    await bench.people.flags(person())
    bench.hot.away = False
    bench.now_s += 10
    asked = len(bench.durable.asked)
    for _ in range(3):
        assert (await bench.people.flags(person())).value == FLAGS
    assert (len(bench.durable.asked), bench.people.hot_breaker.is_open) == (asked, False)


async def test_whether_hot_memory_is_back_is_found_out_at_no_callers_cost(bench: Bench) -> None:
    """Suspicion of the outage: each try cost a caller the read's timeout out of its deadline."""
    bench.keep(person(), YES, STATE)
    await bench.lose("hot")
    hanging, tries = asyncio.Event(), 0

    async def hang(persons: Sequence[str]) -> list[HotRow]:
        nonlocal tries
        tries += 1
        await hanging.wait()
        raise Unavailable("redis", "late")

    bench.hot.read_flags = bench.hot.read_states = hang  # type: ignore[method-assign,assignment]
    for _ in range(5):
        bench.now_s += 10
        assert (await bench.people.state(person())).value == STATE
    assert tries == 1, "one probe at a time"
    hanging.set()


async def test_when_hot_memory_is_back_it_is_read_again(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    await bench.lose("hot")
    bench.hot.away = False
    bench.show(person(), YES)
    bench.now_s += 10
    await bench.people.flags(person())
    await asyncio.sleep(0)
    asked = len(bench.durable.asked)
    assert (await bench.people.flags(person())).value == FLAGS
    assert len(bench.durable.asked) == asked


async def test_both_away_is_an_error_for_the_caller_to_answer(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.hot.away = bench.durable.away = True
    for read in (bench.people.flags, bench.people.state, bench.people.consent):
        with pytest.raises(Unavailable):
            await read(person())


async def test_durable_memory_away_does_not_matter_to_who_is_in_hot_memory(bench: Bench) -> None:
    bench.show(person(), YES)
    bench.durable.away = True
    assert seen(await bench.people.flags(person())) == (YES.purposes, FLAGS)


async def test_the_purposes_alone_need_no_durable_memory_when_hot_memory_has_them(bench: Bench) -> None:
    await bench.hot.put_consent(person(), YES)
    bench.durable.away = True
    assert await bench.people.purposes(person()) == YES.purposes
    with pytest.raises(Unavailable):
        await bench.people.flags(person())


async def test_a_thousand_misses_of_one_person_are_one_read(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    found = await asyncio.gather(*(bench.people.flags(person()) for _ in range(1000)))
    assert set(found) == {(YES, FLAGS)}
    assert len(bench.durable.asked) == 1


async def test_misses_of_many_are_read_in_batches_of_bounded_size(bench: Bench) -> None:
    for n in range(350):
        bench.keep(person(n), YES, STATE)
    found = await asyncio.gather(*(bench.people.state(person(n)) for n in range(350)))
    assert {each.value for each in found} == {STATE}
    assert max(map(len, bench.durable.asked)) <= 100
    assert sum(map(len, bench.durable.asked)) == 350


async def test_a_stranger_is_looked_up_once_a_second_and_known_at_once_after_consenting(bench: Bench) -> None:
    for _ in range(3):
        assert await bench.people.flags(person()) is NOBODY
    assert len(bench.durable.asked) == 1
    await bench.people.put_consent(person(), YES)
    assert seen(await bench.people.flags(person())) == (YES.purposes, None)


async def test_a_durable_memory_that_hangs_is_waited_for_no_longer_than_asked(bench: Bench) -> None:
    bench.durable.go_on.clear()
    try:
        for read in (bench.people.flags, bench.people.state, bench.people.purposes):
            with pytest.raises(Unavailable, match="no answer within"):
                await read(person(), 0.01)
    finally:
        bench.durable.go_on.set()


async def test_a_profile_that_cannot_be_read_is_none_and_disturbs_nobody_else(bench: Bench) -> None:
    bench.keep(person(1), YES, STATE)
    bench.keep(person(2), YES, b"\xc1 damaged")
    bench.keep(person(3), YES, encode_profile(Profile(version=99)))
    found = await asyncio.gather(*(bench.people.state(person(n)) for n in (1, 2, 3)))
    assert found == [(YES, STATE), (YES, None), (YES, None)]


async def test_a_profile_without_events_shows_nothing(bench: Bench) -> None:
    bench.keep(person(), YES, encode_profile(Profile(tenant="shop")))
    assert seen(await bench.people.flags(person())) == (YES.purposes, None)


async def test_a_backfill_never_goes_over_something_newer(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    newer = encode_profile(folded(event("view", "p1"), event("view", "p2", at=T0 + 1)))
    original = bench.hot.backfill

    async def late(rows: list[Shown], consents: dict[str, Consent]) -> None:
        bench.hot.show([Shown(person(), newer, FLAGS, YES)])
        await original(rows, consents)

    bench.hot.backfill = late  # type: ignore[method-assign,assignment]
    await bench.people.state(person())
    assert (await bench.people.state(person())).value == newer


async def test_a_withdrawal_is_in_force_at_once(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.show(person(), YES)
    await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert seen(await bench.people.flags(person())) == (Consent(0, T0 + 1).purposes, None)
    assert (await bench.hot.read_states([person()]))[0].value is None


async def test_a_withdrawal_is_in_force_at_once_even_if_hot_memory_is_away(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.show(person(), YES)
    bench.hot.away = True
    await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert seen(await bench.people.flags(person())) == (Consent(0, T0 + 1).purposes, None)
    assert seen(await bench.people.state(person())) == (Consent(0, T0 + 1).purposes, None)


async def test_a_withdrawal_that_cannot_be_made_durable_is_an_error_and_changes_nothing(bench: Bench) -> None:
    bench.show(person(), YES)
    bench.durable.away = True
    with pytest.raises(Unavailable):
        await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert seen(await bench.people.flags(person())) == (YES.purposes, FLAGS)


async def test_stores_that_keep_failing_are_left_alone_for_a_moment(bench: Bench) -> None:
    bench.hot.away = bench.durable.away = True
    for _ in range(2):
        with pytest.raises(Unavailable, match="switched away"):
            await bench.people.flags(person())
        bench.now_s += PATIENCE_S
    assert set(bench.failures) == {"memory"}
    asked = len(bench.durable.asked)
    with pytest.raises(Unavailable, match="left alone"):
        await bench.people.flags(person())
    assert len(bench.durable.asked) == asked


async def test_one_failure_of_durable_memory_turns_nobody_else_away(bench: Bench) -> None:
    """Suspicion of the outage: one slow call opened the breaker for everybody."""
    bench.keep(person(), YES, STATE)
    bench.durable.away = True
    with pytest.raises(Unavailable):
        await bench.people.flags(person(2))
    bench.durable.away = False
    assert (await bench.people.flags(person())).value == FLAGS


async def test_a_durable_memory_that_lets_patient_callers_wait_in_vain_counts_as_away(bench: Bench) -> None:
    """Cause of pages that waited for a silent DynamoDB until its client gave up."""
    bench.durable.go_on.clear()
    for _ in range(2):
        with pytest.raises(Unavailable, match="no answer within"):
            await bench.people.state(person(), LATE_S)
        bench.now_s += PATIENCE_S
    with pytest.raises(Unavailable, match="left alone"):
        await bench.people.state(person(), 60.0)
    bench.durable.go_on.set()


async def test_a_callers_deadline_says_nothing_about_durable_memory(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.durable.go_on.clear()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await bench.people.flags(person(), 0.001)
        bench.now_s += 10
    bench.durable.go_on.set()
    assert (await bench.people.flags(person())).value == FLAGS
    assert not bench.people.durable_breaker.is_open and bench.failures == []


async def test_when_durable_memory_is_back_two_batches_at_once_both_get_through(bench: Bench) -> None:
    """Suspicion of the outage: half open, the breaker let one batch through and turned the other away."""
    people = [person(n) for n in range(150)]
    for each in people:
        bench.keep(each, YES, STATE)
    await bench.lose("hot", "durable")
    bench.durable.away = False
    bench.now_s += 10
    with pytest.raises(Unavailable, match="left alone"):
        await bench.people.flags(people[0])
    while bench.people.durable_breaker.is_open:  # until a probe has come back
        bench.now_s += 10
        with suppress(Unavailable):
            await bench.people.flags(people[0])
        await asyncio.sleep(0.001)
    found = await asyncio.gather(*map(bench.people.flags, people))
    assert {each.value for each in found} == {FLAGS}


async def test_who_has_consented_and_done_nothing_is_looked_up_once_a_second(bench: Bench) -> None:
    bench.keep(person(), YES)
    await bench.hot.put_consent(person(), YES)
    for _ in range(3):
        assert seen(await bench.people.flags(person())) == (YES.purposes, None)
        assert seen(await bench.people.state(person())) == (YES.purposes, None)
    assert len(bench.durable.asked) == 1


async def test_a_remembered_lack_of_events_never_stands_for_a_consent(bench: Bench) -> None:
    bench.keep(person(), YES)
    assert (await bench.people.flags(person())).consent == YES
    bench.hot.wipe()
    bench.durable.save_consent(person(), Consent(0, T0 + 1))
    assert (await bench.people.flags(person())).consent == Consent(0, T0 + 1)


async def test_the_record_with_its_moment_is_the_durable_one(bench: Bench) -> None:
    """Hot memory keeps the purposes only."""
    bench.keep(person(), Consent(3, T0 + 7))
    bench.show(person(), Consent(3, T0 + 7))
    assert await bench.people.consent(person()) == Consent(3, T0 + 7)
    assert await bench.people.consent(person(2)) is UNKNOWN
    bench.durable.away = True
    with pytest.raises(Unavailable):
        await bench.people.consent(person())


async def test_a_decision_reaches_hot_memory_over_a_connection_that_had_broken(bench: Bench) -> None:
    """Readers elsewhere have not noticed, and take what hot memory says."""
    bench.keep(person(), YES, STATE)
    bench.show(person(), YES)
    original, broken = bench.hot.put_consent, [True]

    async def once(who: str, consent: Consent, listing: Listing | None = None) -> None:
        if broken:
            broken.clear()
            raise Unavailable("redis", "connection closed")
        await original(who, consent, listing)

    bench.hot.put_consent = once  # type: ignore[method-assign]
    await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert await bench.hot.read_states([person()]) == [HotRow(Consent(0), None)]
