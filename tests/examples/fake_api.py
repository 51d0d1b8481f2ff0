"""A stand-in for rayce's HTTP API, in memory: the shapes of docs/http.md, and faults that a shop must notice.

`python -m tests.examples.fake_api --root DIR --with-parent` behaves like `python -m cluster.up`; `FAKE_API_FAULT=drop_every=30`
makes it break a promise. With `FAKE_API_URL` it serves nothing and names that address instead.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path
from time import time
from typing import Any

import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEY = "demo-key"
DAY_MS = 86_400_000
FIELDS = {"event_id", "type", "user_id", "session_id", "timestamp", "items", "context", "properties"}


class Person:
    """What the fake knows of one consenting user."""

    def __init__(self) -> None:
        self.events = 0
        self.types: Counter[str] = Counter()
        self.bought: dict[str, list[int]] = {}
        self.cart: dict[str, int] = {}
        self.session: list[str] = []
        self.last_ms = 0
        self.spend = 0.0

    def fold(self, event: dict[str, Any]) -> None:
        self.events += 1
        self.types[event["type"]] += 1
        self.last_ms = max(self.last_ms, event["timestamp"])
        for line in event.get("items", []):
            item = line["item_id"]
            if item in self.session:
                self.session.remove(item)
            self.session = [*self.session, item][-20:]
            if event["type"] == "add_to_cart":
                self.cart[item] = self.cart.get(item, 0) + line.get("quantity", 1)
            if event["type"] in ("remove_from_cart", "purchase"):
                self.cart.pop(item, None)
            if event["type"] == "purchase":
                self.bought.setdefault(item, []).append(event["timestamp"])
                self.spend += line.get("quantity", 1) * (line.get("price") or 0)

    def segments(self, at_ms: int) -> list[str]:
        rules = {
            "active_now": self.last_ms > at_ms - 600_000,
            "cart_waiting": bool(self.cart),
            "browsing": self.types["view"] > 0 and self.last_ms > at_ms - 1_800_000,
            "regular_shopper": self.types["purchase"] >= 12,
            "new_shopper": 0 < self.types["purchase"] < 3,
            "big_spender": self.spend > 1_000,
            "coupon_lover": self.types["custom"] > 6,
            "likely_to_buy_this_week": (self.events * 7919) % 5 < 2,
        }
        return [name for name, member in rules.items() if member]


class FakeApi:
    """The app and its faults: `drop_every`, `double_every` (events), `fail_posts`, `fail_recommendations` (how many)."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.consents: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.seen: set[str] = set()
        self.popular: Counter[str] = Counter()
        self.orders: list[tuple[str, int]] = []
        self.drop_every = self.double_every = 0
        self.fail_posts = self.fail_recommendations = self.lose_answers = 0
        self.refuse_all = False
        self.fail_recommendation_number = 0
        self.latency_s = 0.0
        self.accepted = 0
        self.calls: Counter[str] = Counter()
        self.served = "live"
        self._lists: OrderedDict[str, list[str]] = OrderedDict()

    def app(self) -> Starlette:
        user = "/v1/users/{user_id:path}"
        return Starlette(
            routes=[
                Route("/v1/events", self.post_events, methods=["POST"]),
                Route("/v1/segments/lookup", self.lookup, methods=["POST"]),
                Route(f"{user}/segments", self.segments),
                Route(f"{user}/profile", self.profile),
                Route(f"{user}/recommendations", self.recommendations),
                Route(f"{user}/consent", self.consent, methods=["GET", "PUT"]),
                Route("/v1/items", self.put_items, methods=["PUT"]),
                Route("/v1/items/{item_id}", self.item),
                Route("/metrics", self.metrics),
                Route("/readyz", self.ready),
            ]
        )

    async def post_events(self, request: Request) -> Response:
        self.calls["events"] += 1
        await asyncio.sleep(self.latency_s)
        if self.fail_posts:
            self.fail_posts -= 1
            return problem(503, "the log is away", headers={"Retry-After": "0"})
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return problem(401, "no key")
        if self.refuse_all:
            return problem(422, "refused")
        events = msgspec.json.decode(await request.body())
        reply: dict[str, Any] = {"accepted": 0, "not_stored": 0, "errors": []}
        for index, event in enumerate(events):
            if unknown := set(event) - FIELDS:
                field = min(unknown)
                reply["errors"].append(
                    {"index": index, "path": f"$.{field}", "value": event[field], "message": "unknown field"}
                )
            elif not self.allowed(event["user_id"]):
                reply["not_stored"] += 1
            else:
                reply["accepted"] += 1
                self.accept(event)
        if self.lose_answers:
            self.lose_answers -= 1
            return problem(503, "accepted, but nobody will know")
        return answer(reply, 202)

    def accept(self, event: dict[str, Any]) -> None:
        if event["event_id"] in self.seen:
            return
        self.seen.add(event["event_id"])
        self.accepted += 1
        self.orders.append((event["user_id"], event["timestamp"]))
        person = self.people.setdefault(event["user_id"], Person())
        if self.drop_every and self.accepted % self.drop_every == 0:
            return
        person.fold(event)
        if self.double_every and self.accepted % self.double_every == 0:
            person.fold(event)
        if event["type"] == "purchase":
            self.popular.update(line["item_id"] for line in event["items"])

    def allowed(self, user_id: str) -> bool:
        return bool(self.consents.get(user_id, {}).get("personalization"))

    async def recommendations(self, request: Request) -> Response:
        self.calls["recommendations"] += 1
        number = self.calls["recommendations"]
        await asyncio.sleep(self.latency_s)
        if self.fail_recommendations or number == self.fail_recommendation_number:
            self.fail_recommendations = max(0, self.fail_recommendations - 1)
            return problem(500, "the ranker broke")
        user_id, query = request.path_params["user_id"], request.query_params
        limit, at_ms = int(query.get("limit", 10)), int(query.get("at", time() * 1000))
        person = self.people.get(user_id) if self.allowed(user_id) else None
        items = self.rank(person, at_ms, query.get("explain") == "true")[:limit]
        served = self.served if person else "global"
        body = {"user_id": user_id, "slot": "default", "items": items, "served": served, "personal": person is not None}
        return answer({**body, "generations": {"recommendations": 1}}, headers={"rayce-served": served})

    def rank(self, person: Person | None, at_ms: int, explain: bool) -> list[dict[str, Any]]:
        popular = [item for item, _ in self.popular.most_common(40)] or list(self.items)[:40]
        found: dict[str, tuple[float, str, Any]] = {}
        if person:
            for touched in reversed(person.session[-3:]):
                mates = [i for i in popular if i != touched and self.same_category(i, touched)][:4]
                found |= {i: (0.9 - n / 50, "affinity", touched) for n, i in enumerate(mates) if i not in found}
            for item, times in sorted(person.bought.items(), key=lambda kv: -len(kv[1]))[:30]:
                if len(times) > 1 and item not in found:
                    days = max(1, round((times[-1] - times[0]) / DAY_MS / (len(times) - 1)))
                    found[item] = (0.3 + min(len(times), 20) / 40, "rebuy", {"every_days": days})
        for rank, item in enumerate(popular):
            found.setdefault(item, (0.25 - rank / 200, "popular", None))
        gone = {i for i, times in person.bought.items() if at_ms - times[-1] < DAY_MS} if person else set()
        ranked = sorted((item for item in found if item not in gone), key=lambda item: -found[item][0])
        return [
            {"item_id": i, "score": round(found[i][0], 4)}
            | ({"source": found[i][1], "because": found[i][2]} if explain else {})
            for i in ranked
        ]

    def same_category(self, one: str, other: str) -> bool:
        levels = [self.items.get(item, {}).get("categories", [])[:1] for item in (one, other)]
        return bool(levels[0] and levels[0] == levels[1])

    async def segments(self, request: Request) -> Response:
        user_id = request.path_params["user_id"]
        person = self.people.get(user_id) if self.allowed(user_id) else None
        if person is None:
            return problem(404, "nothing is known")
        names = person.segments(int(request.query_params.get("at", person.last_ms)))
        return answer({"user_id": user_id, "segments": names, "bits": [], "catalogue_version": 1, "age_s": 0.1})

    async def lookup(self, request: Request) -> Response:
        users = msgspec.json.decode(await request.body())["user_ids"]
        found = {
            user: {"segments": self.people[user].segments(self.people[user].last_ms), "bits": [], "age_s": 0.1}
            if user in self.people and self.allowed(user)
            else None
            for user in users
        }
        return answer({"users": found, "catalogue_version": 1})

    async def profile(self, request: Request) -> Response:
        user_id = request.path_params["user_id"]
        self.calls["profile"] += 1
        person = self.people.get(user_id)
        if person is None or not self.allowed(user_id):
            return problem(404, "nothing is known")
        purchases = person.types["purchase"]
        features = {
            "events": person.events,
            "purchases": purchases,
            "views": person.types["view"],
            "spend": round(person.spend, 2),
        }
        features |= {
            "mean_basket_value": person.spend / max(1, purchases),
            "days_since_purchase": 3650.0 if not purchases else 0.4,
        }
        bought = [{"item_id": i, "count": len(t), "last_ms": t[-1]} for i, t in person.bought.items()]
        body = {"user_id": user_id, "events": person.events, "features": features, "session_items": person.session}
        body |= {"cart": person.cart, "bought": bought, "scores": {"buys_this_week": 0.41}, "age_s": 0.2}
        return answer(body)

    async def consent(self, request: Request) -> Response:
        user_id = request.path_params["user_id"]
        if request.method == "PUT":
            self.calls["consents"] += 1
            body = msgspec.json.decode(await request.body())
            self.consents[user_id] = {"user_id": user_id, "changed_ms": int(time() * 1000), **body}
            if not body.get("personalization"):
                self.people.pop(user_id, None)
        record = self.consents.get(user_id)
        return answer(record) if record else problem(404, "no consent was given")

    async def put_items(self, request: Request) -> Response:
        items = msgspec.json.decode(await request.body())
        self.items |= {item["item_id"]: item for item in items}
        return answer({"stored": len(items), "errors": []})

    async def item(self, request: Request) -> Response:
        found = self.items.get(request.path_params["item_id"])
        return answer(found) if found else problem(404, "no such item")

    async def metrics(self, _: Request) -> Response:
        records = self.accepted + self.calls["consents"]
        lines = [f'rayce_stream_events_total{{partition="{p}"}} {(records + p) // 4}' for p in range(4)]
        lines += [f'rayce_stream_lag_events{{partition="{p}"}} 0' for p in range(4)]
        return Response(
            "\n".join([*lines, "rayce_stream_durable_lag_events 0", "rayce_stream_dead_letters_total 0", ""])
        )

    async def ready(self, _: Request) -> Response:
        stores = {"redis": "up", "dynamodb": "up", "kafka": "up"}
        generations = {"demo": {"affinities": 1, "ranker": 1, "lists": 1}}
        return answer(
            {"status": "ready", "away": [], "stores": stores, "generations": generations, "catalogue_version": "1"}
        )


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": "no", "status": status, "detail": detail, "key": None, "value": None}
    return Response(msgspec.json.encode(body), status, headers, "application/problem+json")


@contextlib.asynccontextmanager
async def serving(api: FakeApi) -> AsyncIterator[str]:
    """The fake on a free loopback port, in this event loop; yields its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(api.app(), log_level="error", access_log=False, lifespan="off"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


async def main(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "api-key").write_text(KEY)
    print("starting the fake stores", file=sys.stderr, flush=True)
    if elsewhere := os.environ.get("FAKE_API_URL"):
        print(msgspec.json.encode({"url": elsewhere, "api_key_file": str(root / "api-key")}).decode(), flush=True)
        await asyncio.Event().wait()
    api = FakeApi()
    fault, _, number = os.environ.get("FAKE_API_FAULT", "").partition("=")
    if fault:
        setattr(api, fault, int(number))
    async with serving(api) as url:
        ready = {"url": url, "api_key_file": str(root / "api-key"), "settings": str(root / "settings.yaml"), "pid": 0}
        print(msgspec.json.encode(ready).decode(), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main(Path(sys.argv[sys.argv.index("--root") + 1])))
