"""Playing the live weeks, and noticing what must not happen."""

import asyncio
from collections import defaultdict
from itertools import pairwise

import pytest

from examples.demo.baselines import BoughtBefore, MostPopular
from examples.demo.dataset import Dataset
from examples.demo.hits import HitRate
from examples.demo.player import Player
from examples.demo.verification import verify
from rayce.client import RayceHTTPError
from tests.examples.loops import in_loop
from tests.examples.shops import WEEKS, Opened, ignore, opened


async def play(made: Opened, end: int) -> None:
    await made.player.learn(made.shop.position)
    await made.player.play(end)


@in_loop
async def test_every_basket_is_asked_for_sent_once_and_scored(sample: Dataset) -> None:
    async with opened(sample) as made:
        first, end = sample.first_live(WEEKS), len(sample)
        await play(made, end)
        measured = made.shop.measurements
        baskets = [entry for entry in range(first, end) if sample.products(entry)]
        theirs = [entry for entry in baskets if sample.household(entry).consents]
        assert (made.api.calls["recommendations"], measured.baskets_played) == (len(baskets), len(baskets))
        assert {name: rate.baskets for name, rate in measured.hits.items()} == dict.fromkeys(measured.hits, len(theirs))
        assert measured.failed_requests == 0
        assert measured.visible_ms.all_ms
        found = await verify(made.rayce, made.shop, ignore)
        assert (found.lost, found.doubled, made.shop.position) == (0, 0, end)


@in_loop
async def test_no_household_is_overtaken_by_itself(sample: Dataset) -> None:
    async with opened(sample) as made:
        made.api.orders.clear()
        made.api.latency_s = 0.002
        await play(made, len(sample))
        times: defaultdict[str, list[int]] = defaultdict(list)
        for user_id, at_ms in made.api.orders:
            times[user_id].append(at_ms)
        assert all(a <= b for of in times.values() for a, b in pairwise(of))


@in_loop
async def test_the_baselines_score_the_same_however_fast_the_play_is(sample: Dataset) -> None:
    popular, before = MostPopular(), BoughtBefore()
    expected = {"most_popular": HitRate(), "bought_before": HitRate()}
    first = sample.first_live(WEEKS)
    for entry in range(len(sample)):
        products, household = sample.products(entry), sample.household(entry)
        if products and household.consents:
            if entry >= first:
                expected["most_popular"].add(popular.top(), set(products))
                expected["bought_before"].add(before.top(household.user_id), set(products))
            popular.learn(products)
            before.learn(household.user_id, products)
    async with opened(sample) as made:
        await play(made, len(sample))
        for name, rate in expected.items():
            assert made.shop.measurements.hits[name].recall == pytest.approx(rate.recall)
            assert made.shop.measurements.hits[name].hit_rate == rate.hit_rate


@in_loop
async def test_a_lost_event_is_noticed(sample: Dataset) -> None:
    async with opened(sample, sample_every=10**9) as made:
        made.api.drop_every = 25
        await play(made, len(sample))
        found = await verify(made.rayce, made.shop, ignore)
        assert found.lost > 0
        assert found.doubled == 0
        assert found.examples


@in_loop
async def test_a_doubled_event_is_noticed(sample: Dataset) -> None:
    async with opened(sample, sample_every=10**9) as made:
        made.api.double_every = 25
        await play(made, len(sample))
        found = await verify(made.rayce, made.shop, ignore)
        assert found.doubled > 0
        assert found.lost == 0


@in_loop
async def test_what_is_kept_of_people_who_refused_is_noticed(sample: Dataset) -> None:
    async with opened(sample) as made:
        refusing = next(h.user_id for h in sample.households if not h.consents)
        made.api.consents[refusing] = {"personalization": True}
        made.api.people[refusing] = next(iter(made.api.people.values()))
        assert (await verify(made.rayce, made.shop, ignore)).doubled > 0


@in_loop
async def test_failed_requests_are_counted_and_their_events_arrive_all_the_same(sample: Dataset) -> None:
    async with opened(sample) as made:
        made.api.fail_recommendations, made.api.fail_posts, made.api.lose_answers = 3, 2, 1
        await play(made, len(sample))
        measured = made.shop.measurements
        assert measured.failed_requests == 6
        assert any("the ranker broke" in failure for failure in measured.failures)
        found = await verify(made.rayce, made.shop, ignore)
        assert (found.lost, found.doubled) == (0, 0)


@in_loop
async def test_an_event_that_never_shows_is_counted(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.demo.visibility.TIMEOUT_S", 0.02)
    async with opened(sample, sample_every=1) as made:
        made.api.drop_every = 1
        await play(made, made.shop.position + 5)
        assert made.shop.measurements.never_visible > 0


@in_loop
async def test_an_event_that_is_refused_stops_the_play(sample: Dataset) -> None:
    async with opened(sample) as made:
        made.api.refuse_all = True
        with pytest.raises(RayceHTTPError, match="refused"):
            await play(made, len(sample))


@in_loop
async def test_stopped_in_the_middle_it_goes_on_after_the_last_basket(sample: Dataset) -> None:
    async with opened(sample) as made:
        made.api.latency_s = 0.005
        first = sample.first_live(WEEKS)
        playing = asyncio.create_task(play(made, len(sample)))
        while made.shop.position <= first:
            await asyncio.sleep(0.005)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await playing
        assert first < made.shop.position < len(sample)
        assert made.player.unfinished() == []
        made.api.latency_s = 0
        await Player(made.rayce, made.shop, patience_s=5).play(len(sample))
        found = await verify(made.rayce, made.shop, ignore)
        assert (found.lost, found.doubled) == (0, 0)
        assert made.shop.measurements.events_sent == len(sample)


@in_loop
async def test_it_can_be_stopped_while_rayce_is_away(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.demo.player.FINISH_S", 0.1)
    async with opened(sample) as made:
        made.api.fail_posts = 10**9
        player = Player(made.rayce, made.shop, patience_s=float("inf"))
        playing = asyncio.create_task(player.play(len(sample)))
        await asyncio.sleep(0.1)
        playing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(playing, 2)
        assert made.shop.position == sample.first_live(WEEKS)
        assert made.shop.measurements.failed_requests > 0
