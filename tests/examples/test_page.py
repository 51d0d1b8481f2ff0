"""The page: every part renders with and without data, every button does what it says, and no other site may press it."""

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from examples.demo.app import Page
from examples.demo.clock import MAX_SPEED
from examples.demo.dataset import Dataset
from examples.demo.overview import SPEEDS
from examples.demo.progress import Progress
from examples.demo.show import STAGES, Options, Show
from tests.examples.fake_api import FakeApi
from tests.examples.loops import in_loop
from tests.examples.shops import opened

HTMX = {"HX-Request": "true"}
PORT = 8900


class Browser:
    """Gets and posts as htmx would."""

    def __init__(self, session: aiohttp.ClientSession, api: FakeApi | None = None, show: Show | None = None) -> None:
        self.session, self._api, self._show = session, api, show

    @property
    def api(self) -> FakeApi:
        assert self._api is not None
        return self._api

    @property
    def show(self) -> Show:
        assert self._show is not None
        return self._show

    async def get(self, path: str) -> str:
        async with self.session.get(path) as reply:
            assert reply.status == 200, await reply.text()
            return re.sub(r"\s+", " ", html.unescape(await reply.text()))

    async def post(self, path: str, **fields: Any) -> str:
        async with self.session.post(path, data=fields, headers=HTMX) as reply:
            assert reply.status == 200, await reply.text()
            return re.sub(r"\s+", " ", html.unescape(await reply.text()))


@contextlib.asynccontextmanager
async def browsing(root: Path, dataset: Dataset | None = None) -> AsyncIterator[Browser]:
    """A browser at the page; with a data set the shop is filled and ready to play."""
    show = Show(Options(root=root, speed=MAX_SPEED, local=""), Progress(STAGES))
    async with contextlib.AsyncExitStack() as stack:
        api = None
        if dataset is not None:
            made = await stack.enter_async_context(opened(dataset))
            show.rayce, show.shop, show.player, api = made.rayce, made.shop, made.player, made.api
            show.measurements = made.shop.measurements
            show.progress.skip("start", "data")
            stack.enter_context(show.progress.stage("play"))
        url = await stack.enter_async_context(Page(show, PORT).serving())
        session = await stack.enter_async_context(aiohttp.ClientSession(url))
        yield Browser(session, api, show)


def first_item(page: str) -> str:
    found = re.search(r'<li id="item-([^"]+)"', page)
    assert found
    return found[1]


@in_loop
async def test_every_part_renders_before_there_is_anything(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        assert "Getting the shop ready" in await browser.get("/")
        assert "Start stores, Kafka" in await browser.get("/fragments/overview")
        assert "Setting up" in await browser.get("/fragments/status")
        assert "still being set up" in await browser.get("/shopper")
        assert "still being read" in await browser.get("/fragments/households?q=")
        assert (await browser.get("/fragments/alerts")).strip() == ""
        assert '"at_s":[]' in await browser.get("/data/series?since=nonsense")
        async with browser.session.get("/fragments/shopper/hh-1") as reply:
            assert reply.status == 409


@in_loop
async def test_a_stage_that_failed_is_told(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        with contextlib.suppress(ValueError), browser.show.progress.stage("start"):
            raise ValueError("java is missing")
        assert "java is missing" in await browser.get("/fragments/alerts")
        assert "Stopped by an error" in await browser.get("/fragments/status")


@in_loop
async def test_the_overview_shows_what_was_measured(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        await browser.show.player.play(browser.show.shop.position + 40)  # type: ignore[union-attr]
        await asyncio.sleep(1.3)
        page = await browser.get("/fragments/overview")
        assert "Getting the shop ready" not in page
        assert "regular shopper" in page
        assert "Generations live" in page
        assert re.search(r"rayce <b>\d", page)
        assert '"at_s":[' in await browser.get("/data/series?since=-1")


@in_loop
async def test_play_pause_and_speed_steer_the_clock(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        clock = browser.show.shop.clock  # type: ignore[union-attr]
        assert "Paused" in await browser.post("/control/pause")
        assert not clock.running
        assert "Playing" in await browser.post("/control/play")
        assert clock.running
        assert "real time" in await browser.post("/control/speed", place="0")
        assert clock.speed == SPEEDS[0]
        for path, fields in (("/control/speed", {"place": "99"}), ("/control/speed", {"place": "x"})):
            async with browser.session.post(path, data=fields, headers=HTMX) as reply:
                assert reply.status == 422
        async with browser.session.post("/control/explode", headers=HTMX) as reply:
            assert reply.status == 404


@in_loop
async def test_households_are_found_by_number_and_by_what_they_said(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        household = next(h for h in sample.households if "Age" in h.survey)
        assert f"Household {household.number}<" in await browser.get(f"/fragments/households?q={household.number}")
        page = await browser.get(f"/fragments/households?q={household.survey['Age'].replace('+', '%2B')}")
        assert household.survey["Age"] in page
        assert "Nobody fits “zebra”" in await browser.get("/fragments/households?q=zebra")
        assert f"/fragments/shopper/{household.user_id}" in await browser.get(f"/shopper?user={household.user_id}")


@in_loop
@pytest.mark.parametrize(
    ("action", "told"),
    [("view", "Viewed"), ("add_to_cart", "Put in the cart"), ("purchase", "Bought")],
)
async def test_each_button_sends_its_event_and_shows_what_changed(
    tmp_path: Path, sample: Dataset, action: str, told: str
) -> None:
    async with browsing(tmp_path, sample) as browser:
        user_id = next(h.user_id for h in sample.households if h.consents)
        item = first_item(await browser.get(f"/fragments/shopper/{user_id}"))
        before = browser.api.people[user_id].types[action]
        page = await browser.post(f"/shopper/{user_id}/act", action=action, item_id=item)
        assert browser.api.people[user_id].types[action] == before + 1
        assert re.search(rf"{told}: [^<]+</strong> <span class=\"seen\">Visible after <b>\d", page)
        gone = f'<li id="item-{item}"' not in page
        assert gone is (action == "purchase")
        shop = browser.show.shop
        assert shop is not None
        assert shop.ledger.count(user_id) == browser.api.people[user_id].events
        assert (tmp_path / "demo" / "journal.json").exists()


@in_loop
async def test_a_cart_is_filled_emptied_and_bought(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        user_id = next(h.user_id for h in sample.households if h.consents)
        act = f"/shopper/{user_id}/act"
        items = re.findall(r'<li id="item-([^"]+)"', await browser.get(f"/fragments/shopper/{user_id}"))[:3]
        for item in items:
            page = await browser.post(act, action="add_to_cart", item_id=item)
        assert "+" not in page.split('id="chip-cart_waiting"')[0].rsplit("<li", 1)[0][-3:]
        page = await browser.post(act, action="remove_from_cart", item_id=items[0])
        assert f'id="cart-{items[0]}"' not in page
        assert f'id="cart-{items[1]}"' in page
        async with browser.session.post(
            act, data=[("action", "purchase"), ("item_id", items[1]), ("item_id", items[2])], headers=HTMX
        ) as reply:
            page = await reply.text()
        assert "Bought: 2 products" in page
        assert 'id="cart-' not in page
        assert 'class="left" id="chip-cart_waiting"' in page


@in_loop
async def test_a_withdrawal_makes_the_list_contextual_at_once_and_keeps_the_books_right(
    tmp_path: Path, sample: Dataset
) -> None:
    async with browsing(tmp_path, sample) as browser:
        user_id = next(h.user_id for h in sample.households if h.consents)
        await browser.get(f"/fragments/shopper/{user_id}")
        page = await browser.post(f"/shopper/{user_id}/consent", allowed="no")
        assert 'aria-checked="false"' in page
        assert "In force after" in page
        assert "Contextual: nothing about this household was read" in page
        item = first_item(page)
        page = await browser.post(f"/shopper/{user_id}/act", action="view", item_id=item)
        assert "not kept" in page
        page = await browser.post(f"/shopper/{user_id}/consent", allowed="yes")
        assert 'aria-checked="true"' in page
        await browser.post(f"/shopper/{user_id}/act", action="view", item_id=item)
        shop = browser.show.shop
        assert shop is not None
        assert shop.ledger.count(user_id) == browser.api.people[user_id].events == 1


@in_loop
async def test_what_a_shop_does_not_have_is_refused(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        act = f"/shopper/{sample.households[0].user_id}/act"
        for path, fields, status in (
            (act, {"action": "steal", "item_id": sample.items[0].item_id}, 422),
            (act, {"action": "view", "item_id": "no-such"}, 422),
            (act, {"action": "view"}, 422),
            ("/shopper/nobody/act", {"action": "view", "item_id": sample.items[0].item_id}, 404),
        ):
            async with browser.session.post(path, data=fields, headers=HTMX) as reply:
                assert reply.status == status, path


@in_loop
async def test_the_catalogue_can_be_searched(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        word = sample.items[0].title.split()[0].lower()
        page = await browser.get(f"/fragments/shopper/{sample.households[0].user_id}/items?q={word}")
        assert word in page.lower()
        assert "Add to cart" in page


@in_loop
async def test_while_rayce_is_away_the_page_says_so_and_recovers(tmp_path: Path, sample: Dataset) -> None:
    async with browsing(tmp_path, sample) as browser:
        user_id = sample.households[0].user_id
        await browser.get(f"/fragments/shopper/{user_id}")
        browser.api.fail_recommendations = 2
        page = await browser.get(f"/fragments/shopper/{user_id}")
        assert "rayce does not answer" in page
        assert 'hx-trigger="every 2s"' in page
        async with browser.session.post(
            f"/shopper/{user_id}/act", data={"action": "view", "item_id": sample.items[0].item_id}, headers=HTMX
        ) as reply:
            assert reply.headers["HX-Retarget"] == "#notice"
        assert "Recommended now" in await browser.get(f"/fragments/shopper/{user_id}")


@in_loop
async def test_no_other_site_may_press_a_button_and_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        async with browser.session.post("/control/pause") as reply:
            assert reply.status == 403
        async with browser.session.get("/", headers={"Host": "evil.example"}) as reply:
            assert reply.status == 400
        async with browser.session.get("/") as reply:
            assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
            text = await reply.text()
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
        for name in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', text)):
            await browser.get(name)


@in_loop
async def test_the_next_free_port_is_taken(tmp_path: Path) -> None:
    async with browsing(tmp_path) as first, browsing(tmp_path) as second:
        assert str(first.session._base_url) != str(second.session._base_url)
