"""The shop as a web application: pages that rayce personalises, a cart, a checkout, and what the shop knows about a person."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from examples.shop import visitor as visitors
from examples.shop.catalogue import Catalogue
from examples.shop.known import known_of
from examples.shop.own_pages import OwnPages
from examples.shop.panels import Headers, Panels
from examples.shop.telling import Telling
from examples.shop.visitor import Visitor, visitor_of
from examples.shop.words import sentences
from rayce.client import RayceClient, forwarded

HERE = Path(__file__).parent
MOST_CARDS = 12
SEEN_WORDS = 80


class Pages:
    """The pages of one shop. `page_key` stands in them for `rayce.js`; without one the server tells who looks at what."""

    def __init__(self, rayce: RayceClient, catalogue: Catalogue, page_key: str, now_ms: Callable[[], int]) -> None:
        self._rayce, self._catalogue, self._page_key = rayce, catalogue, page_key
        self._panels = Panels(rayce, catalogue)
        self._telling = Telling(rayce, catalogue, now_ms)
        self._templates = Jinja2Templates(HERE / "templates")
        self._templates.env.globals["sentences"] = sentences
        self._templates.env.trim_blocks = self._templates.env.lstrip_blocks = True

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/", self._home),
                Route("/list", self._list),
                Route("/list/{department}", self._list),
                Route("/product/{item_id}", self._product),
                Route("/cards", self._cards),
                Route("/cart", self._cart),
                Route("/cart", self._change_cart, methods=["POST"]),
                Route("/checkout", self._check_out, methods=["POST"]),
                Route("/thanks", self._thanks),
                Route("/consent", self._consent, methods=["POST"]),
                Route("/me", self._me),
                Mount("/static", StaticFiles(directory=HERE / "static")),
            ],
            middleware=[Middleware(OwnPages, rayce_url=self._rayce.base_url if self._page_key else "")],
            exception_handlers={HTTPException: self._no_such_page},
        )

    # ── pages ──

    async def _home(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        explain = request.query_params.get("why") == "1"
        front = await self._panels.home(visitor, _shopper(request), explain)
        return self._page(request, visitor, "home.html", front=front, explain=explain)

    async def _list(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        department = request.path_params.get("department", "")
        if department and department not in self._catalogue.departments:
            raise HTTPException(404)
        wanted = request.query_params.get("q", "")[:SEEN_WORDS]
        if wanted:
            await self._telling.happened(visitor, "search", {})
        found = self._catalogue.listing(department, wanted)
        panel = await self._panels.listing(found, visitor, _shopper(request))
        return self._page(request, visitor, "list.html", panel=panel, department=department, wanted=wanted)

    async def _product(self, request: Request) -> Response:
        visitor, item_id = await self._visitor(request), request.path_params["item_id"]
        if item_id not in self._catalogue.items:
            raise HTTPException(404)
        if not self._page_key:
            await self._telling.happened(visitor, "view", {item_id: 1})
        panel = await self._panels.similar(item_id)
        return self._page(request, visitor, "product.html", item=self._catalogue.items[item_id], panel=panel)

    async def _cards(self, request: Request) -> Response:
        """Products as a page shows them, for lists that `rayce.js` has got in the browser."""
        ids = request.query_params.get("ids", "").split(",")[:MOST_CARDS]
        return self._templates.TemplateResponse(request, "_cards.html", {"cards": self._panels.cards(ids)})

    async def _cart(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        panel = await self._panels.personal("cart", visitor, _shopper(request), limit=4)
        lines = [(self._catalogue.items[item_id], pieces) for item_id, pieces in visitor.cart.items()]
        total = sum((item.price or 0.0) * pieces for item, pieces in lines)
        return self._page(
            request, visitor, "cart.html", panel=panel, lines=lines, total=total, order=visitors.new_identity()
        )

    async def _thanks(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        panel = await self._panels.personal("thanks", visitor, _shopper(request), limit=4)
        return self._page(request, visitor, "thanks.html", panel=panel)

    async def _me(self, request: Request) -> Response:
        visitor = await self._visitor(request)
        known = await known_of(self._rayce, visitor)
        return self._page(request, visitor, "me.html", known=known, items=self._catalogue.items)

    async def _no_such_page(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._page(request, visitor_of(request.headers), "missing.html", status)

    # ── what forms do ──

    async def _change_cart(self, request: Request) -> Response:
        visitor, form = await self._visitor(request), await _form(request)
        item_id = form.get("item_id", "")
        if item_id not in self._catalogue.items or form.get("do") not in ("add", "remove"):
            return Response("no such product", 422)
        pieces = 1 if form["do"] == "add" else -visitor.cart.get(item_id, 0)
        changed = visitor.with_item(item_id, pieces)
        if changed.cart != visitor.cart:
            kind = "add_to_cart" if pieces > 0 else "remove_from_cart"
            await self._telling.happened(changed, kind, {item_id: abs(pieces)})
        return self._on("/cart", request, changed)

    async def _check_out(self, request: Request) -> Response:
        """The order: its number, made with the form, is the event's id, so that whoever presses twice has bought once."""
        visitor, form = await self._visitor(request), await _form(request)
        order = form.get("order", "")
        if not visitor.cart or not visitors.is_identity(order):
            return self._on("/cart", request, visitor)
        await self._telling.happened(visitor, "purchase", visitor.cart, order)
        return self._on("/thanks", request, visitor._replace(cart={}))

    async def _consent(self, request: Request) -> Response:
        form = await _form(request)
        visitor = await self._telling.settled(visitor_of(request.headers).answering(form))
        back = form.get("back", "/")
        return self._on(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/", request, visitor)

    # ── what they share ──

    async def _visitor(self, request: Request) -> Visitor:
        visitor = visitor_of(request.headers)
        cart = {item_id: pieces for item_id, pieces in visitor.cart.items() if item_id in self._catalogue.items}
        return await self._telling.settled(visitor._replace(cart=cart))

    def _page(
        self, request: Request, visitor: Visitor, template: str, status_code: int = 200, **context: Any
    ) -> Response:
        common = {
            "visitor": visitor,
            "departments": self._catalogue.departments,
            "here": request.url.path,
            "rayce_url": self._rayce.base_url,
            "page_key": self._page_key,
        }
        page = self._templates.TemplateResponse(request, template, common | context, status_code=status_code)
        return _kept(page, request, visitor)

    @staticmethod
    def _on(path: str, request: Request, visitor: Visitor) -> Response:
        return _kept(RedirectResponse(path, 303), request, visitor)


def _shopper(request: Request) -> Headers:
    """What rayce may know of the visitor's request: device, language, the page before; no cookie."""
    return forwarded(request.headers, request.client.host if request.client else "")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; of those that come twice the last."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def _kept(response: Response, request: Request, visitor: Visitor) -> Response:
    """The response with the visitor's cookies: an id only of whoever has consented, or has withdrawn a moment ago."""
    for name, value in visitor.cookies().items():
        if value:
            response.set_cookie(name, value, max_age=visitors.YEAR_S, httponly=True, samesite="lax")
        elif name in request.cookies:
            response.delete_cookie(name, httponly=True, samesite="lax")
    return response
