"""`rayce.js` in a real browser, on a page of another origin, against the real edge: what it sends arrives, and is answered."""

import asyncio
import html
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.deployments.shop import Shop, shop_settings
from tests.examples.fake_api import serving
from tests.examples.loops import in_loop

PAGE = """<!doctype html><title>shop</title><body>
<script src="{edge}/rayce.js" data-key="browser-key"></script>
<script>
(async () => {{
  const told = {{}};
  told.before = [rayce.track("view", ["p1"]), Object.keys(localStorage).length, document.cookie];
  told.contextual = await rayce.recommendations({{limit: 2, timeout: 20000}});
  told.consent = await rayce.consent({{personalization: true}});
  told.tracked = rayce.track("view", ["p1"]);
  await rayce.flush();
  told.personal = await rayce.recommendations({{limit: 2, timeout: 20000}});
  told.id = JSON.parse(localStorage.rayce).id;
  rayce.track("click", ["p2"]);
  dispatchEvent(new Event("pagehide"));
  for (let i = 0; i < 200 && !(await (await fetch("/seen")).json()); i++) await new Promise((r) => setTimeout(r, 50));
  await rayce.consent({{}});
  told.after = [Object.keys(localStorage).length, document.cookie];
  document.body.textContent = "TOLD" + JSON.stringify(told) + "END";
}})().catch((e) => {{ document.body.textContent = "FAILED" + e; }});
</script>"""


def chromium() -> str:
    """Where the browser is. Missing: skip on a laptop, fail in CI."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("CI has to have chromium")
        pytest.skip("no chromium")
    return found


class Served:
    """An application where `serving` expects the fake."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def app(self) -> Any:
        return self._app


@asynccontextmanager
async def page() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The shop's page on an origin of its own, and where its edge and its shop can be told."""
    where: dict[str, Any] = {}

    async def answer(request: Request) -> Response:
        return HTMLResponse(PAGE.format(edge=where["edge"]))

    async def seen(request: Request) -> Response:
        return JSONResponse("click" in [event.type for event in where["shop"].logged()])

    pages = Starlette(routes=[Route("/", answer), Route("/seen", seen)])
    async with serving(Served(pages)) as url:  # type: ignore[arg-type]
        yield url, where


@pytest.mark.timeout(120)
@in_loop
async def test_in_a_browser_it_does_what_it_says(tmp_path: Path) -> None:
    browser = chromium()
    with ThreadPoolExecutor(4) as executor:
        async with page() as (url, where):
            shop = Shop(executor, shop_settings(cors_origins=(url,)))
            where["shop"] = shop
            shop.now_ms = int(time.time() * 1000)
            shop.publish()
            async with serving(Served(shop.app)) as where["edge"]:  # type: ignore[arg-type]
                told = await visit(browser, url, tmp_path)
    assert told["before"] == [False, 0, ""], "before consent nothing is kept"
    assert (told["contextual"]["personal"], len(told["contextual"]["items"])) == (False, 2)
    assert (told["consent"], told["tracked"], told["personal"]["personal"]) == (True, True, True)
    assert told["after"] == [0, ""], "withdrawn: nothing is left"
    events = {event.type: event for event in shop.logged()}
    assert {"view", "click"} <= events.keys(), "the second one went as a beacon"
    person = shop.person(told["id"])
    assert events["view"].person == events["click"].person == person
    assert (events["view"].context["device"], events["view"].context["browser"]) == ("bot", "other"), (
        "headless is a robot"
    )
    assert shop.durable.load_consents([person])[person].purposes == 0


async def visit(browser: str, url: str, folder: Path) -> dict[str, Any]:
    """What the page has told once its script was through."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    flags += [f"--user-data-dir={folder}", "--virtual-time-budget=30000", "--dump-dom"]
    running = await asyncio.create_subprocess_exec(
        browser, *flags, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(90):
            out, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
    dom = html.unescape(out.decode("utf-8", "replace"))
    found = re.search(r"TOLD({.*})END", dom, re.DOTALL)
    assert found is not None, dom[-2_000:]
    return dict(json.loads(found[1]))
