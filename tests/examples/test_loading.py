"""Filling an empty rayce."""

from collections import defaultdict
from itertools import pairwise

import pytest

from examples.demo.dataset import Dataset
from examples.demo.loading import LoadingFailed, put_catalogue, replay
from examples.demo.verification import verify
from rayce.client import Item, RayceClient
from tests.examples.loops import in_loop
from tests.examples.shops import WEEKS, ignore, opened


@in_loop
async def test_everything_before_the_live_weeks_arrives_once_and_in_each_households_order(sample: Dataset) -> None:
    async with opened(sample) as (api, rayce, shop, _):
        measured, end = shop.measurements, sample.first_live(WEEKS)
        refusing = sum(not sample.household(entry).consents for entry in range(end))
        assert refusing > 0
        assert (measured.events_sent, measured.not_stored, measured.miscounted) == (end, refusing, 0)
        assert (api.accepted, shop.position) == (end - refusing, end)
        assert len(api.items) == len(sample.items)
        found = await verify(rayce, shop, ignore)
        assert (found.households, found.lost, found.doubled) == (30, 0, 0)
        times: defaultdict[str, list[int]] = defaultdict(list)
        for user_id, at_ms in api.orders:
            times[user_id].append(at_ms)
        assert all(a <= b for of in times.values() for a, b in pairwise(of))


@in_loop
async def test_those_who_refuse_get_no_record_and_leave_nothing(sample: Dataset) -> None:
    async with opened(sample) as (api, rayce, _, _):
        refusing = [h.user_id for h in sample.households if not h.consents]
        assert all(user_id not in api.consents and user_id not in api.people for user_id in refusing)
        assert await rayce.get_consent(refusing[0]) is None
        assert await rayce.profile(refusing[0]) is None


@in_loop
async def test_what_got_no_answer_is_sent_again_and_counts_once(sample: Dataset) -> None:
    async with opened(sample, filled=False) as (api, rayce, shop, _):
        for household in sample.households:
            api.consents[household.user_id] = {"personalization": household.consents}
        api.fail_posts, api.lose_answers = 3, 2
        await replay(rayce, shop, sample.first_live(WEEKS), ignore)
        found = await verify(rayce, shop, ignore)
        assert shop.measurements.retries == 5
        assert (found.lost, found.doubled) == (0, 0)


@in_loop
async def test_a_replay_that_was_cut_off_goes_on_where_it_was(sample: Dataset) -> None:
    async with opened(sample, filled=False) as (api, rayce, shop, _):
        for household in sample.households:
            api.consents[household.user_id] = {"personalization": household.consents}
        end = sample.first_live(WEEKS)
        await replay(rayce, shop, end // 2, ignore)
        posts = api.calls["events"]
        shop.lanes = [end // 2] * len(shop.lanes)
        await replay(rayce, shop, end, ignore)
        assert api.calls["events"] > posts
        assert shop.measurements.events_sent == end
        assert (await verify(rayce, shop, ignore)).lost == 0


@in_loop
async def test_products_that_are_refused_stop_the_loading(sample: Dataset) -> None:
    async with opened(sample, filled=False) as (_, rayce, shop, _):
        with pytest.raises(LoadingFailed, match="0 of 500 products"):
            await put_catalogue(Refusing(rayce), shop, ignore)  # type: ignore[arg-type]


class Refusing:
    """A rayce that stores no product."""

    def __init__(self, rayce: RayceClient) -> None:
        self._rayce = rayce

    async def put_items(self, items: list[Item]) -> object:
        return (await self._rayce.put_items([])).__class__(stored=0)
