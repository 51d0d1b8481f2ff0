"""The demo's page: a small web application on loopback, beside the showing that it shows and steers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from examples.demo import overview, words
from examples.demo.observer import Observer
from examples.demo.overview import SPEEDS
from examples.demo.safety import OnlyOurPages
from examples.demo.shop import Shop
from examples.demo.shopper import ACTIONS, Look, Outcome, Shopper
from examples.demo.show import Show
from rayce.client import Item, RayceClientError

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PORTS_TRIED = 50
HOUSEHOLDS_SHOWN, ITEMS_SHOWN = 12, 6


class Page:
    """The page of one showing. Its routes only read the showing's parts and call their verbs."""

    def __init__(self, show: Show, port: int) -> None:
        self._show, self._port = show, port
        self.observer: Observer | None = None
        self._shopper: Shopper | None = None
        self._templates = Jinja2Templates(HERE / "templates")
        self._templates.env.globals.update(words=words, moment=overview.moment)
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """The page on the first free port from its own on; yields its address."""
        listener = _listen(self._port)
        server = uvicorn.Server(uvicorn.Config(self.app(), log_level="warning", access_log=False, lifespan="off"))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # ours are handled by main
        serving, observing = asyncio.create_task(server.serve([listener])), asyncio.create_task(self._observe())
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            observing.cancel()
            server.should_exit = server.force_exit = True
            await asyncio.wait([serving, observing])
            listener.close()

    def app(self) -> Starlette:
        """The routes."""
        shopper = "/shopper/{user_id}"
        return Starlette(
            routes=[
                Route("/", self._overview_page),
                Route("/shopper", self._shopper_page),
                Route("/fragments/status", self._status),
                Route("/fragments/alerts", self._alerts),
                Route("/fragments/overview", self._overview),
                Route("/fragments/households", self._households),
                Route("/fragments" + shopper, self._look),
                Route("/fragments" + shopper + "/items", self._items),
                Route("/data/series", self._series),
                Route("/control/{verb:str}", self._control, methods=["POST"]),
                Route(shopper + "/act", self._act, methods=["POST"]),
                Route(shopper + "/consent", self._consent, methods=["POST"]),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
                Middleware(OnlyOurPages),
            ],
            exception_handlers={RayceClientError: self._away},
        )

    async def _observe(self) -> None:
        while self._show.rayce is None or self._show.shop is None:
            await asyncio.sleep(0.1)
        show, options = self._show, self._show.options
        self.observer = Observer(self._show.rayce, self._show.shop, show.measurements, options.local, options.root)
        await self.observer.watch()

    # ── pages and their parts ──

    async def _overview_page(self, request: Request) -> Response:
        return self._render(request, "overview.html", page="overview", **overview.overview(self._show, self.observer))

    async def _overview(self, request: Request) -> Response:
        return self._render(request, "_overview.html", **overview.overview(self._show, self.observer))

    async def _status(self, request: Request) -> Response:
        return self._render(request, "_status.html")

    async def _alerts(self, request: Request) -> Response:
        return self._render(request, "_alerts.html")

    async def _series(self, request: Request) -> Response:
        try:
            since_s = float(request.query_params.get("since", "-1"))
        except ValueError:
            since_s = -1.0
        return JSONResponse(overview.series(self._show, since_s))

    async def _shopper_page(self, request: Request) -> Response:
        user_id = request.query_params.get("user", "")
        shop = self._show.shop
        known = shop is not None and user_id in shop.households
        return self._render(
            request, "shopper.html", page="shopper", user_id=user_id if known else "", **self._found("")
        )

    async def _households(self, request: Request) -> Response:
        return self._render(request, "_households.html", **self._found(request.query_params.get("q", "")))

    # ── the shopper view ──

    async def _look(self, request: Request) -> Response:
        shopper, user_id = self._who(request)
        return self._shown(request, await shopper.look(user_id))

    async def _items(self, request: Request) -> Response:
        _, user_id = self._who(request)
        return self._render(
            request, "_items.html", user_id=user_id, items=self._search(request.query_params.get("q", ""))
        )

    async def _act(self, request: Request) -> Response:
        shopper, user_id = self._who(request)
        fields = await _fields(request)
        action, items = fields.get("action", [""])[0], fields.get("item_id", [])
        if action not in ACTIONS or not items or any(item not in self._shop.items for item in items):
            return Response("no such action or product", 422)
        outcome = await shopper.act(user_id, action, items)
        return self._shown(request, outcome.look, outcome)

    async def _consent(self, request: Request) -> Response:
        shopper, user_id = self._who(request)
        allowed = (await _fields(request)).get("allowed") == ["yes"]
        outcome = await shopper.set_consent(user_id, allowed=allowed)
        return self._shown(request, outcome.look, outcome)

    # ── steering ──

    async def _control(self, request: Request) -> Response:
        shop, verb = self._show.shop, request.path_params["verb"]
        if verb == "speed":
            place = (await _fields(request)).get("place", [""])[0]
            if not place.isdigit() or int(place) >= len(SPEEDS):
                return Response("no such speed", 422)
            if shop is not None:
                shop.clock.set_speed(SPEEDS[int(place)])
            return self._render(request, "_speed.html")
        if verb not in ("play", "pause"):
            return Response("no such verb", 404)
        if shop is not None:
            (shop.clock.resume if verb == "play" else shop.clock.pause)()
        return self._render(request, "_status.html")

    # ── what they share ──

    def _render(self, request: Request, template: str, status_code: int = 200, **context: Any) -> Response:
        common = {"status": overview.status(self._show, self.observer), "speed": overview.speed(self._show)}
        return self._templates.TemplateResponse(request, template, {**common, **context}, status_code=status_code)

    def _shown(self, request: Request, look: Look, outcome: Outcome | None = None) -> Response:
        shop = self._shop
        bought = {had.item_id: had for had in look.profile.bought} if look.profile else {}
        return self._render(
            request,
            "_shopper.html",
            look=look,
            outcome=outcome,
            change=outcome.change if outcome else None,
            household=shop.households[look.user_id],
            item=lambda item_id: shop.items.get(item_id) or Item(item_id, f"Product {item_id}"),
            reason=lambda listed: words.reason(listed, self._title, bought, look.at_ms),
        )

    async def _away(self, request: Request, error: Exception) -> Response:
        """Rayce did not answer: a look is tried again by itself, an act says so and leaves the view as it is."""
        reply = self._render(
            request, "_away.html", error=str(error), retry=request.url.path if request.method == "GET" else ""
        )
        if request.method != "GET":
            reply.headers["HX-Retarget"], reply.headers["HX-Reswap"] = "#notice", "innerHTML"
        return reply

    @property
    def _shop(self) -> Shop:
        if self._show.shop is None or self._show.player is None:
            raise HTTPException(409, "the shop is still being set up")
        return self._show.shop

    def _who(self, request: Request) -> tuple[Shopper, str]:
        show, user_id = self._show, request.path_params["user_id"]
        if user_id not in self._shop.households:
            raise HTTPException(404, "no such household")
        if self._shopper is None:
            assert show.rayce is not None and show.player is not None
            self._shopper = Shopper(show.rayce, self._shop, show.player.forget, show.save)
        return self._shopper, user_id

    def _title(self, item_id: str) -> str:
        known = self._shop.items.get(item_id)
        return known.title if known else f"product {item_id}"

    def _found(self, wanted: str) -> dict[str, Any]:
        """Households whose number or survey answers hold every word that is wanted; those who answered come first."""
        households = list(self._show.shop.households.values()) if self._show.shop else []
        parts = wanted.lower().split()
        found = [h for h in households if all(part in f"{h.user_id} {h.summary}".lower() for part in parts)]
        found.sort(key=lambda h: (str(h.number) != wanted.strip(), not h.survey, not h.consents, h.number))
        return {"found": found[:HOUSEHOLDS_SHOWN], "more": max(0, len(found) - HOUSEHOLDS_SHOWN), "wanted": wanted}

    def _search(self, wanted: str) -> list[Item]:
        parts = wanted.lower().split()
        if not parts:
            return []
        fitting = (item for item in self._shop.items.values() if all(part in item.title.lower() for part in parts))
        return list(islice(fitting, ITEMS_SHOWN))


async def _fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form that one of our buttons sent."""
    return parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=500)


def _listen(port: int) -> socket.socket:
    """A listening socket on this port or the next free one."""
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
            listener.listen(64)
            return listener
        except OSError:
            listener.close()
    raise OSError(f"no free port from {port} on; take another with --port")
