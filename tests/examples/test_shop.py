"""The example shop in front of a real edge: it asks, it heeds the answer, it personalises, it sells while rayce is away."""

import asyncio
import html
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route

from examples.shop import beside, crowd
from examples.shop.app import HERE, Pages
from examples.shop.catalogue import read_catalogue
from examples.shop.panels import BANNER, MODULES, Panels, banner_of, order_of
from examples.shop.visitor import CART, CONSENT, Visitor, visitor_of
from examples.shop.words import sentences
from rayce.client import RayceClient, RecommendedItem
from rayce.documents import RULES, SLOTS, activate_document
from rayce.event import Event
from rayce.generations import generation_name
from rayce.item import Item
from rayce.profile import Profile
from rayce.rules.rule_set import parse_rules
from rayce.segments.explanation import explain_rule
from rayce.segments.expression import AllOf, Comparison, InSegment, Not
from rayce.shelf import Popular
from rayce.slots.book import parse_slots
from rayce.trending import EVERYBODY
from tests.deployments.edge.test_snippet_in_browser import Served, chromium
from tests.deployments.shop import Shop, shop_settings
from tests.examples.fake_api import serving
from tests.examples.loops import in_loop
from tests.shops import make_shelf

CATALOGUE = read_catalogue()
NOWHERE = "http://127.0.0.1:1"
SELLING = ["s01", "s11", "s21", "s31", "s41", "s51"]


class Visit:
    """Somebody with a browser: cookies are kept, forms are sent, redirects followed."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def get(self, path: str, status: int = 200, **headers: str) -> str:
        async with self.session.get(path, headers=headers) as reply:
            assert reply.status == status, await reply.text()
            return words(await reply.text())

    async def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> str:
        async with self.session.post(path, data=fields, headers=headers) as reply:
            assert reply.status == 200, await reply.text()
            return words(await reply.text())

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}

    @property
    def visitor(self) -> Visitor:
        return visitor_of({"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())})


def words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(page))


def text(page: str) -> str:
    """What somebody reads."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


def deeds(shop: Shop) -> list[Event]:
    """What people did, as rayce's log has it."""
    return [event for event in shop.logged() if event.type != "consent_changed"]


def shown(page: str) -> list[str]:
    """The products of a page's panels."""
    return re.findall(r'data-item="(s\d+)"', page)


def personal(page: str) -> list[str]:
    """The products of the panel that is somebody's own, wherever it stands."""
    (found,) = [panel for panel in page.split("<section")[1:] if "Picked for you" in panel or "Worth a look" in panel]
    return shown(found)


def published(executor: ThreadPoolExecutor, **edge: Any) -> Shop:
    """rayce that has learnt about the example's products, with the example's slots and rules."""
    shop = Shop(executor, shop_settings(**edge))
    shop.now_ms = int(time.time() * 1000)
    items = [Item(i.item_id, i.title, tuple(i.categories), i.brand or "", i.price) for i in CATALOGUE.items.values()]
    trending = {EVERYBODY: [(item_id, 9.0 - n) for n, item_id in enumerate(SELLING)]}
    popular = Popular([(item.item_id, 60.0 - n) for n, item in enumerate(items)], {}, trending)
    shop.publish()
    for kind, files in (("shelf", make_shelf(items).to_files()), ("popular", popular.to_files())):
        name = generation_name("shop", kind)
        shop.durable.make_live(name, shop.durable.publish(name, files))
    for kind, file, parse in ((SLOTS, "slots", parse_slots), (RULES, "rules", parse_rules)):
        text = (HERE / f"{file}.yaml").read_text(encoding="utf-8")
        activate_document(shop.durable, "shop", kind, text, parse, shop.now_ms)
    shop.live.refresh()
    return shop


@asynccontextmanager
async def opened(rayce_url: str, page_key: str = "") -> AsyncIterator[Visit]:
    """The shop, beside whatever is at the address, and a visitor."""
    async with RayceClient(rayce_url, "shop-key", page_timeout_s=5.0) as rayce:
        pages = Pages(rayce, CATALOGUE, page_key, lambda: int(time.time() * 1000))
        async with serving(Served(pages.app())) as url:  # type: ignore[arg-type]
            jar = aiohttp.CookieJar(unsafe=True)  # the shop has an address, no name
            async with aiohttp.ClientSession(url, cookie_jar=jar) as session:
                yield Visit(session)


@asynccontextmanager
async def visiting(page_key: str = "") -> AsyncIterator[tuple[Visit, Shop]]:
    """A visitor, and the rayce behind the shop."""
    with ThreadPoolExecutor(4) as executor:
        shop = published(executor)
        async with serving(Served(shop.app)) as url, opened(url, page_key) as visit:  # type: ignore[arg-type]
            yield visit, shop


# ── before anybody has said anything ──


@in_loop
async def test_a_newcomer_is_asked_and_sees_a_whole_shop_without_being_anybody() -> None:
    async with visiting() as (visit, shop):
        page = await visit.get("/")
        assert "May we remember what you look at?" in page
        assert "checked" not in page, "nothing is ticked beforehand"
        assert "Worth a look live" in text(page), "contextual, and ranked"
        assert shown(page)[8:] == SELLING[:4], "what is wanted right now"
        assert visit.cookies == {}
        await visit.get("/product/s01")
        await visit.post("/cart", item_id="s01", do="add")
        assert visit.cookies.keys() == {CART}, "the cart, and no id"
        await visit.post("/checkout", order="0" * 32)
        assert "Nothing: you have not said whether it may." in await visit.get("/me")
        await shop.work_off()
        assert deeds(shop) == []


@in_loop
async def test_every_page_is_there_and_nothing_else() -> None:
    async with visiting() as (visit, _):
        assert len(shown(await visit.get("/list"))) == 60
        assert set(shown(await visit.get("/list/Coffee"))) == {f"s{n:02}" for n in range(1, 11)}
        assert shown(await visit.get("/list?q=towel")) and "Nothing of that name" in await visit.get("/list?q=zebra")
        assert shown(await visit.get("/product/s01"))[:2] == ["s02", "s03"], "what goes with it"
        assert shown(await visit.get("/cards?ids=s07,s08,nonsense")) == ["s07", "s08"]
        for path in ("/product/s99", "/list/Cars", "/nowhere"):
            assert "There is no such page" in await visit.get(path, status=404)


@in_loop
async def test_what_is_searched_for_is_shown_as_text() -> None:
    async with visiting() as (visit, _), visit.session.get("/list", params={"q": "<script>alert(1)</script>"}) as reply:
        assert "<script>alert" not in await reply.text()


# ── with consent ──


@in_loop
async def test_after_yes_the_next_page_is_personal_and_what_was_bought_is_gone() -> None:
    async with visiting() as (visit, shop):
        page = await visit.post("/consent", answer="yes", training="1", back="/list")
        assert "May we remember" not in page
        person = visit.visitor.person
        assert person is not None and visit.visitor.settled
        record = shop.durable.load_consents([shop.person(person)])[shop.person(person)]
        assert record.purposes == 3, "personalization and training"

        before = personal(await visit.get("/"))
        await visit.get("/product/s02")
        await visit.post("/cart", item_id="s02", do="add")
        await shop.work_off()
        page = await visit.get("/")
        assert "Picked for you live, personal" in text(page)
        assert "s02" in before and "s02" not in personal(page), "in the cart"
        assert personal(page)[0] == "s03", "what goes with it comes first"

        await visit.get("/cart")
        await visit.post("/checkout", order="ab" * 16)
        assert CART not in visit.cookies
        await shop.work_off()
        assert "s02" not in personal(await visit.get("/")), "bought"
        kinds = [event.type for event in deeds(shop)]
        assert sorted(kinds) == ["add_to_cart", "purchase", "view"]


@in_loop
async def test_pressing_buy_twice_buys_once() -> None:
    async with visiting() as (visit, shop):
        await visit.post("/consent", answer="yes")
        await visit.post("/cart", item_id="s05", do="add")
        cart = visit.cookies[CART]
        await visit.post("/checkout", order="cd" * 16)
        visit.session.cookie_jar.update_cookies({CART: cart}, visit.session._base_url)  # the second click, sent at once
        await visit.post("/checkout", order="cd" * 16)
        await shop.work_off()
        assert "Bought" in (page := await visit.get("/me"))
        assert [event.type for event in deeds(shop)].count("purchase") == 2, "both arrived"
        assert "<dt>Events</dt><dd>2</dd>" in page, "and one counted, beside what went into the cart"


@in_loop
async def test_somebody_can_see_what_is_known_and_why() -> None:
    async with visiting() as (visit, shop):
        await visit.post("/consent", answer="yes", marketing="1")
        await visit.post("/cart", item_id="s31", do="add")
        await shop.work_off()
        page = await visit.get("/me")
        assert "You allow personalization, marketing." in page
        assert "cart items at least 1: you have 1" in page, "groups, with what was seen of the person"
        assert "1 × Day Pack, 18 l" in page
        person = visit.visitor.person
        assert person is not None and person not in re.sub(r"data-user=\S+", "", page), "the number itself is not shown"


@in_loop
async def test_reasons_are_shown_to_whoever_asks() -> None:
    async with visiting() as (visit, shop):
        await visit.post("/consent", answer="yes")
        await visit.post("/cart", item_id="s01", do="add")
        await shop.work_off()
        assert 'class="why"' not in await visit.get("/")
        assert "goes with Harbour Roast" in await visit.get("/?why=1")


@in_loop
async def test_the_banner_and_the_order_of_panels_are_decided() -> None:
    async with visiting() as (visit, shop):
        assert shop.live.get("shop", SLOTS) is not None
        page = await visit.get("/")
        assert page.index("Worth a look") < page.index("Wanted right now")
        await visit.post("/consent", answer="yes")
        await visit.post("/cart", item_id="s01", do="add")
        await shop.work_off()
        segments = (await shop.call("GET", f"/v1/users/{visit.visitor.person}/segments")).json["segments"]
        assert "cart_engaged" in segments
        page = await visit.get("/")
        assert page.index("Wanted right now") < page.index("Picked for you"), "of somebody who has bought nothing yet"
        assert "Still in your cart" in page
        assert re.search(r'data-slot="home_banner" data-decision="[0-9a-f-]{36}" data-variant="your_cart"', page)


# ── without, and no longer ──


@in_loop
async def test_no_is_kept_and_nobody_is_asked_again() -> None:
    async with visiting() as (visit, shop):
        page = await visit.post("/consent", answer="no", training="1")
        assert "May we remember" not in page
        assert visit.visitor == Visitor("n", "n")
        await visit.post("/cart", item_id="s01", do="add")
        await shop.work_off()
        assert deeds(shop) == []


@in_loop
async def test_a_withdrawal_is_told_and_the_id_forgotten() -> None:
    async with visiting() as (visit, shop):
        await visit.post("/consent", answer="yes")
        person = visit.visitor.identity
        await visit.post("/consent", answer="no")
        assert visit.visitor.identity == ""
        assert shop.durable.load_consents([shop.person(person)])[shop.person(person)].purposes == 0
        assert "Worth a look" in await visit.get("/")


@in_loop
async def test_a_browser_that_forbids_training_and_marketing_is_heeded() -> None:
    async with visiting() as (visit, shop):
        assert "Global Privacy Control" in await visit.get("/", **{"Sec-GPC": "1"})
        await visit.post("/consent", {"Sec-GPC": "1"}, answer="yes", training="1", marketing="1")
        person = visit.visitor.person
        assert person is not None
        assert shop.durable.load_consents([shop.person(person)])[shop.person(person)].purposes == 1


# ── while rayce is away ──


@in_loop
async def test_the_shop_sells_while_rayce_is_away() -> None:
    async with opened(NOWHERE) as visit:
        page = await visit.get("/")
        assert BANNER["title"] in page and len(shown(page)) == 12
        assert len(shown(await visit.get("/list/Garden"))) == 10
        assert shown(await visit.get("/product/s01"))[:4] == ["s02", "s03", "s04", "s05"], "of the same shelf"
        await visit.post("/consent", answer="yes")
        assert not visit.visitor.settled
        assert "Remove" in await visit.post("/cart", item_id="s01", do="add")
        assert "Thank you" in await visit.post("/checkout", order="ef" * 16)
        assert "It cannot look just now" in await visit.get("/me")


@in_loop
async def test_what_rayce_could_not_hear_it_hears_later() -> None:
    """A yes, an order, and a no: each is said while rayce is away."""
    with ThreadPoolExecutor(4) as executor:
        shop = published(executor)
        gate = Gate(shop.app)
        async with serving(Served(gate)) as url, opened(url) as visit:  # type: ignore[arg-type]
            gate.closed = True
            await visit.post("/consent", answer="yes")
            person = visit.visitor.identity
            assert person and not visit.visitor.settled
            gate.closed = False
            await visit.get("/")
            assert visit.visitor.settled and shop.durable.load_consents([shop.person(person)])

            gate.closed = True
            await visit.post("/cart", item_id="s01", do="add")
            await visit.post("/checkout", order="12" * 16)
            gate.closed = False
            async with asyncio.timeout(20):
                while len(deeds(shop)) < 2:
                    await asyncio.sleep(0.05)
            assert {event.type for event in deeds(shop)} == {"add_to_cart", "purchase"}

            gate.closed = True
            await visit.post("/consent", answer="no")
            assert visit.visitor.identity == person and visit.visitor.person is None, "kept only to pass the no on"
            assert "still passing that on" in await visit.get("/me")
            gate.closed = False
            await visit.get("/")
            assert visit.visitor.identity == ""
            assert shop.durable.load_consents([shop.person(person)])[shop.person(person)].purposes == 0


class Gate:
    """An application that answers nothing but 503 while it is closed."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.closed = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (Response("away", 503) if self.closed else self._app)(scope, receive, send)


# ── safety ──


@in_loop
async def test_forms_of_other_sites_are_refused_and_nobody_is_sent_elsewhere() -> None:
    async with opened(NOWHERE) as visit:
        async with visit.session.post(
            "/consent", data={"answer": "yes"}, headers={"Sec-Fetch-Site": "cross-site"}
        ) as reply:
            assert reply.status == 403
        for back in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            async with visit.session.post("/consent", data={"back": back}, allow_redirects=False) as reply:
                assert reply.headers["Location"] == "/"
        async with visit.session.get("/") as reply:
            policy = reply.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "script-src 'self' ;" in policy
            assert reply.headers["Cache-Control"] == "private, no-store"
        async with visit.session.post("/cart", data={"item_id": "s99", "do": "add"}) as reply:
            assert reply.status == 422


@given(st.text(max_size=200))
def test_any_cookie_can_be_read(text: str) -> None:
    found = visitor_of({"cookie": f"{CONSENT}={text}; {CART}={text}"})
    assert found.person is None or re.fullmatch("[0-9a-f]{32}", found.person)
    assert all(0 < pieces < 100 for pieces in found.cart.values())


@given(
    st.sampled_from(["n", "p", "pt", "pm", "ptm"]),
    st.sampled_from(["", "n", "p", "ptm"]),
    st.binary(min_size=16, max_size=16),
    st.dictionaries(st.sampled_from(list(CATALOGUE.items)), st.integers(1, 99), max_size=20),
)
def test_a_visitor_survives_the_browser(said: str, told: str, identity: bytes, cart: dict[str, int]) -> None:
    visitor = Visitor(said, told, identity.hex(), cart)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies().items())
    assert visitor_of({"cookie": cookie}) == visitor


@given(st.recursive(st.none() | st.text() | st.integers(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)))
def test_whatever_a_slot_holds_can_be_shown(payload: Any) -> None:
    assert banner_of(payload).keys() == BANNER.keys()
    assert sorted(order_of(payload)) == sorted(MODULES["order"])


def test_a_banner_leads_nowhere_else() -> None:
    for link in ("javascript:alert(1)", "https://evil.example", "//evil.example"):
        assert banner_of({"link": link})["link"] == "/list"
    assert banner_of({"link": "/cart"})["link"] == "/cart", "control"


# ── the shop's own things ──


def test_a_rule_reads_like_sentences() -> None:
    tree = explain_rule(
        AllOf(
            (Not(InSegment("repeat_buyer", 3, False)), Comparison("top_category", True, (("in", ("Tea", "Coffee")),)))
        ),
        Profile(),
        0,
    )
    assert sentences(tree)[:3] == [(0, "all of these"), (1, "not"), (2, "in the group repeat buyer")]
    assert sentences(tree)[3][1].startswith("top category one of Tea, Coffee")


def test_the_products_hold_together() -> None:
    assert len(CATALOGUE.items) == 60
    icons = (HERE / "static" / "icons.svg").read_text(encoding="utf-8")
    style = (HERE / "static" / "shop.css").read_text(encoding="utf-8")
    for item in CATALOGUE.items.values():
        department, shelf = item.categories
        assert f'id="{shelf.lower()}"' in icons and f".{department.lower()} " in style
        assert item.price and item.brand and item.attributes["blurb"]
    assert len(set(CATALOGUE.best_sellers())) == 60


@in_loop
async def test_lists_are_never_half_empty_and_foreign_products_are_passed_over() -> None:
    async with RayceClient(NOWHERE, "key") as rayce:
        panels = Panels(rayce, CATALOGUE)
        found = [RecommendedItem("somebody-elses"), RecommendedItem("s09")]
        panel = panels._panel("", found, ["s01", "s09", "s02"], 3, "live")
        assert [card.item.item_id for card in panel.cards] == ["s09", "s01", "s02"]
        assert panel.served == "live" and panels._panel("", [], ["s01"], 3, "live").served == "shop"


@in_loop
async def test_the_crowd_is_believable_and_is_taken(tmp_path: Path) -> None:
    now_ms = int(time.time() * 1000)
    first = list(crowd.shoppers(CATALOGUE, 20, now_ms, Random(1)))
    assert first == list(crowd.shoppers(CATALOGUE, 20, now_ms, Random(1)))
    assert first != list(crowd.shoppers(CATALOGUE, 20, now_ms, Random(2)))
    events = [event for shopper in first for event in shopper.events]
    assert {event["type"] for event in events} == {"view", "add_to_cart", "purchase"}
    assert all(event["timestamp"] <= now_ms for event in events)
    assert len({event["event_id"] for event in events}) == len(events)
    with ThreadPoolExecutor(4) as executor:
        shop = published(executor)
        async with serving(Served(shop.app)) as url, RayceClient(url, "shop-key") as rayce:  # type: ignore[arg-type]
            assert await crowd.send(rayce, iter(first)) == len(events)
        assert len(deeds(shop)) == len(events)


def test_without_a_rayce_it_says_what_to_do(tmp_path: Path) -> None:
    assert beside.running_in(tmp_path) is None
    (tmp_path / "cluster.json").write_text(json.dumps({"url": "http://x", "settings": "s.yaml", "pid": 1}))
    assert beside.running_in(tmp_path) == beside.Running("http://x", "s.yaml")
    command = [sys.executable, "-m", "examples.shop", "--root", str(tmp_path / "none")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "`rayce up` first" in ended.stderr


@in_loop
async def test_as_a_program_it_opens_without_rayce_and_ends_when_told() -> None:
    with_port = asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    async with await with_port as probe:
        port = probe.sockets[0].getsockname()[1]
    command = [sys.executable, "-m", "examples.shop", "--url", NOWHERE, "--key", "k", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            while True:
                try:
                    assert len(shown(await Visit(session).get("/"))) == 12
                    break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode in (0, 130), said.decode()
    assert b"without rayce.js" in said and b"has not taken the products yet" in said
    assert b"Traceback" not in said, said.decode()


# ── in a browser ──


@pytest.mark.timeout(120)
@in_loop
async def test_in_a_browser_rayce_js_tells_who_looks_and_only_of_whoever_may_be_known(tmp_path: Path) -> None:
    browser = chromium()
    with ThreadPoolExecutor(4) as executor:
        origin: dict[str, Any] = {}
        async with RayceClient(NOWHERE, "shop-key", page_timeout_s=5.0) as rayce:
            pages = Pages(rayce, CATALOGUE, "browser-key", lambda: int(time.time() * 1000))
            async with serving(Served(entered(pages, origin))) as shop_url:  # type: ignore[arg-type]
                shop = published(executor, cors_origins=(shop_url,))
                async with serving(Served(shop.app)) as rayce.base_url:  # type: ignore[arg-type]
                    rayce._transport.base_url = rayce.base_url
                    origin["app"] = pages.app()  # its policy names rayce's address
                    await shop.consent("3" * 32)
                    seen = await dom(browser, f"{shop_url}/enter?as=", tmp_path / "nobody")
                    assert deeds(shop) == [], "control: of somebody who has not answered nothing is told"
                    assert 'data-slot="product" data-beside="s01"' in seen
                    seen = await dom(browser, f"{shop_url}/enter?as=pt.pt.{'3' * 32}", tmp_path / "somebody")
    assert "Picked for you live, personal" in text(seen), "the list that the browser asked for"
    views = [event for event in deeds(shop) if event.type == "view"]
    assert [line.item_id for event in views for line in event.items] == ["s01"]
    assert views[0].person == shop.person("3" * 32) and views[0].context["page_type"] == "product"


def entered(pages: Pages, origin: dict[str, Any]) -> Starlette:
    """The shop, and a door that gives a browser the cookie of somebody who has answered."""

    async def enter(request: Request) -> Response:
        reply = RedirectResponse("/product/s01")
        if who := request.query_params["as"]:
            reply.set_cookie(CONSENT, who)
        return reply

    async def shop(scope: Any, receive: Any, send: Any) -> None:
        await origin["app"](scope, receive, send)

    return Starlette(routes=[Route("/enter", enter), Mount("/", shop)])


async def dom(browser: str, url: str, folder: Path) -> str:
    """The page once its scripts are through, and the browser is closed: what waits leaves as a beacon."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    flags += [f"--user-data-dir={folder}", "--virtual-time-budget=15000", "--dump-dom"]
    quiet = asyncio.subprocess.DEVNULL
    running = await asyncio.create_subprocess_exec(browser, *flags, url, stdout=asyncio.subprocess.PIPE, stderr=quiet)
    try:
        async with asyncio.timeout(60):
            out, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    return words(out.decode("utf-8", "replace"))
