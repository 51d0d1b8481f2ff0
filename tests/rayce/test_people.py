"""People as requests read them: hot, else durable, else unknown; consent before all."""

import asyncio
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rayce.consent import UNKNOWN, Consent
from rayce.errors import Unavailable
from rayce.people import NOBODY, People
from rayce.profile import Profile, encode_profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Save, Shown
from rayce.stores.memory import MemoryDurable, MemoryHot
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
    """People over memory stores."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.hot, self.durable = MemoryHot(), Durable()
        self.people = People(self.hot, self.durable, executor)

    def keep(self, who: str, consent: Consent | None, state: bytes | None = None) -> None:
        """Into durable memory."""
        if consent is not None:
            self.durable.save_consent(who, consent)
        if state is not None:
            self.durable.save_profiles(0, self.durable.acquire(0), [Save(who, state, 1)])

    def show(self, who: str, consent: Consent) -> None:
        """Into hot memory."""
        self.hot.show([Shown(who, STATE, FLAGS, consent)])


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(2) as executor:
        yield Bench(executor)


async def test_who_is_in_hot_memory_is_read_from_there_only(bench: Bench) -> None:
    bench.show(person(), YES)
    assert await bench.people.flags(person()) == (YES, FLAGS)
    assert await bench.people.state(person()) == (YES, STATE)
    assert await bench.people.consent(person()) == YES
    assert bench.durable.asked == []


async def test_who_is_not_is_read_from_durable_memory_and_put_back(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    assert await bench.people.flags(person()) == (YES, FLAGS)
    assert await bench.people.state(person()) == (YES, STATE)
    assert bench.durable.asked == [{person()}]
    assert (await bench.hot.read_states([person()]))[0] == (YES, STATE)


@pytest.mark.parametrize("where", ["hot", "durable", "both"])
async def test_without_consent_nothing_is_returned(bench: Bench, where: str) -> None:
    if where != "durable":
        bench.show(person(), NO)
    if where != "hot":
        bench.keep(person(), NO, STATE)
    assert await bench.people.flags(person()) == (NO, None)
    assert await bench.people.state(person()) == (NO, None)


async def test_control_without_the_check_the_state_of_who_refused_is_returned(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rayce.people._allowed", lambda consent, value: (consent, value))
    bench.show(person(), NO)
    assert await bench.people.state(person()) == (NO, STATE)


async def test_without_consent_no_profile_is_even_read(bench: Bench) -> None:
    bench.keep(person(), NO, STATE)
    bench.durable.load_profiles = lambda persons: pytest.fail(f"read {persons}")  # type: ignore[method-assign]
    assert await bench.people.state(person()) == (NO, None)


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
    assert await bench.people.flags(person()) == (YES, FLAGS)
    assert bench.people.hot_breaker.is_open


async def test_both_away_is_an_error_for_the_caller_to_answer(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.hot.away = bench.durable.away = True
    for read in (bench.people.flags, bench.people.state, bench.people.consent):
        with pytest.raises(Unavailable):
            await read(person())


async def test_durable_memory_away_does_not_matter_to_who_is_in_hot_memory(bench: Bench) -> None:
    bench.show(person(), YES)
    bench.durable.away = True
    assert await bench.people.flags(person()) == (YES, FLAGS)


async def test_the_consent_alone_needs_no_durable_memory_when_hot_memory_has_it(bench: Bench) -> None:
    await bench.hot.put_consent(person(), YES)
    bench.durable.away = True
    assert await bench.people.consent(person()) == YES
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
    assert (await bench.people.flags(person())).consent == YES


async def test_a_durable_memory_that_hangs_is_waited_for_no_longer_than_asked(bench: Bench) -> None:
    bench.durable.go_on.clear()
    try:
        for read in (bench.people.flags, bench.people.state, bench.people.consent):
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
    assert await bench.people.flags(person()) == (YES, None)


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
    assert await bench.people.flags(person()) == (Consent(0, T0 + 1), None)
    assert (await bench.hot.read_states([person()]))[0].value is None


async def test_a_withdrawal_is_in_force_at_once_even_if_hot_memory_is_away(bench: Bench) -> None:
    bench.keep(person(), YES, STATE)
    bench.show(person(), YES)
    bench.hot.away = True
    await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert await bench.people.flags(person()) == (Consent(0, T0 + 1), None)
    assert await bench.people.state(person()) == (Consent(0, T0 + 1), None)


async def test_a_withdrawal_that_cannot_be_made_durable_is_an_error_and_changes_nothing(bench: Bench) -> None:
    bench.show(person(), YES)
    bench.durable.away = True
    with pytest.raises(Unavailable):
        await bench.people.put_consent(person(), Consent(0, T0 + 1))
    assert (await bench.people.flags(person())).consent == YES


async def test_a_store_that_failed_is_left_alone_for_a_moment(bench: Bench) -> None:
    bench.hot.away = bench.durable.away = True
    with pytest.raises(Unavailable, match="switched away"):
        await bench.people.flags(person())
    with pytest.raises(Unavailable, match="left alone"):
        await bench.people.flags(person())
    assert len(bench.durable.asked) == 1


async def test_who_has_consented_and_done_nothing_is_looked_up_once_a_second(bench: Bench) -> None:
    bench.keep(person(), YES)
    await bench.hot.put_consent(person(), YES)
    for _ in range(3):
        assert await bench.people.flags(person()) == (YES, None)
        assert await bench.people.state(person()) == (YES, None)
    assert len(bench.durable.asked) == 1


async def test_a_remembered_lack_of_events_never_stands_for_a_consent(bench: Bench) -> None:
    bench.keep(person(), YES)
    assert (await bench.people.flags(person())).consent == YES
    bench.hot.wipe()
    bench.durable.save_consent(person(), Consent(0, T0 + 1))
    assert (await bench.people.flags(person())).consent == Consent(0, T0 + 1)
