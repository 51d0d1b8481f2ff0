"""A whole shop in one process: the edge, the feature reader, the ranker and the stream over memory stores, with switches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, cast

import jsonschema
import msgspec

from deployments.edge.cache_version import PURGE
from deployments.edge.caches import make_caches
from deployments.edge.callers import Callers
from deployments.edge.contexts import Contexts, contexts_from
from deployments.edge.decision_log import DecisionLog
from deployments.edge.door import open_door
from deployments.edge.edge import Edge, RankAsk, RankReply, ReadAsk, ReadReply
from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.routes import routes
from deployments.edge.server import Server
from deployments.feature_reader import FeatureReader
from deployments.ranker import Ranker
from rayce.api_keys import parse_keys
from rayce.documents import EVERYBODY, MODELS, RULES, SLOTS, document_parser
from rayce.documents import KEYS as KEY_DOCUMENT
from rayce.event import Event, decode_event
from rayce.generations import LiveGenerations, generation_name
from rayce.ingest import Stamper
from rayce.item_words import LiveWords, load_shelf
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.live_catalogue import LiveCatalogue, catalogue_parser
from rayce.live_items import LiveItems
from rayce.metrics import Metrics
from rayce.model_routing import parse_routing
from rayce.people import People
from rayce.precomputed import encode_list
from rayce.pseudonym import Pseudonymizer
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import Catalogue
from rayce.segments.listing import Listing
from rayce.settings import ApiKey, EdgeSettings, PrivacySettings, Settings
from rayce.shelf import Popular
from rayce.slots.book import parse_slots
from tests.cluster.stream.world import PARTITIONS, World
from tests.deployments.asgi import Reply, call
from tests.samples import T0
from tests.shops import POPULAR, ByPopularity, make_shelf, with_kinds

KEYS = {
    "shop": ApiKey(sha256(b"shop-key").hexdigest(), "shop"),
    "other": ApiKey(sha256(b"other-key").hexdigest(), "other"),
    "sender": ApiKey(sha256(b"sender-key").hexdigest(), "shop", ("events",)),
    "page": ApiKey(sha256(b"page-key").hexdigest(), "shop", ("read",)),
    "admin": ApiKey(sha256(b"admin-key").hexdigest(), "shop", ("admin",)),
    "other-admin": ApiKey(sha256(b"other-admin-key").hexdigest(), "other", ("admin",)),
    "operator": ApiKey(sha256(b"operator-key").hexdigest(), "shop", ("operator",)),
    "browser": ApiKey(sha256(b"browser-key").hexdigest(), "shop", ("events", "page", "consent")),
}


def shop_settings(**edge: Any) -> Settings:
    """Two tenants, four keys, and deadlines that a test can wait for."""
    knobs = {"read_deadline_ms": 2_000, "rank_deadline_ms": 2_000, **edge}
    return Settings(
        edge=EdgeSettings(api_keys=KEYS, **knobs), privacy=PrivacySettings(pseudonym_keys={"k1": "11" * 32})
    )


_OF_CONTEXTS = ("country_file", "trusted_country_header", "proxies", "zone", "cors_origins")


def _contexts(edge: EdgeSettings, kept: tuple[str, ...]) -> Contexts:
    """They take a tenth of a second to make, and are the same for nearly every shop."""
    return _made_contexts(kept, *(getattr(edge, name) for name in _OF_CONTEXTS))


@cache
def _made_contexts(kept: tuple[str, ...], *of_edge: Any) -> Contexts:
    edge = EdgeSettings(**dict(zip(_OF_CONTEXTS, of_edge, strict=True)))
    return contexts_from(edge, PrivacySettings(context_fields=kept))


class Shop:
    """`reader` and `ranker` are replaced to break them; stores have their own `away`."""

    def __init__(
        self,
        executor: ThreadPoolExecutor,
        settings: Settings | None = None,
        catalogue: Catalogue | None = None,
        world: World | None = None,
    ) -> None:
        self.settings = settings or shop_settings()
        self.world = world or World(catalogue)
        self.hot, self.durable, self.log = self.world.hot, self.world.durable, self.world.log
        self.now_ms = T0
        self.live = LiveGenerations(
            self.durable,
            {
                "popular": Popular.from_files,
                "lists": None,
                PURGE: None,
                "shelf": load_shelf,
                "ranker": lambda files: ByPopularity(),
                "segment-model": None,
                RULES: document_parser(parse_rules),
                SLOTS: document_parser(parse_slots),
                MODELS: document_parser(parse_routing),
                KEY_DOCUMENT: document_parser(parse_keys),
                CATALOGUE: catalogue_parser(),
            },
            60,
        )
        seconds = count()  # between any two looks at the clock: nothing has to wait for what was just swapped
        self.items = LiveItems(self.live, self.durable, 1e9, lambda: self.now_ms, clock=lambda: float(next(seconds)))
        catalogues = LiveCatalogue(self.live, self.world.catalogue)

        def listing_of(tenant: str) -> Listing | None:
            return catalogues.current.listing(tenant)

        caches = make_caches(self.settings.cache, Metrics(), time.monotonic, Random(1).random)
        people = People(self.hot, self.durable, executor, listing_of=listing_of, rows=caches.rows)
        self.pseudonymizer = Pseudonymizer("k1", self.settings.privacy.pseudonym_keys)
        reader = FeatureReader(
            People(self.hot, self.durable, executor, listing_of=listing_of),
            self.hot,
            self.durable,
            executor,
            1.0,
            Metrics(),
        )
        self.reader: Callable[[ReadAsk], Awaitable[ReadReply | None]] = one_by_one(
            reader.read_many, lambda reply: reply
        )
        ranker = Ranker(self.live, 200, lambda: catalogues.current)

        async def rank_many(asks: Sequence[Any]) -> list[RankReply]:
            return ranker.rank_many(asks)

        self.ranker: Callable[[RankAsk], Awaitable[RankReply]] = one_by_one(rank_many, lambda reply: reply)
        metrics = Metrics()
        callers = Callers(
            KEYS, lambda: keys.value if (keys := self.live.get(EVERYBODY, KEY_DOCUMENT)) else None, lambda: self.now_ms
        )
        self.edge = Edge(
            settings=self.settings,
            callers=callers,
            door=open_door(self.settings.edge, callers, metrics, time.monotonic, Random(1)),
            pseudonymizer=self.pseudonymizer,
            stamper=Stamper(self.pseudonymizer, self.settings.privacy),
            catalogues=catalogues,
            people=people,
            hot=self.hot,
            durable=self.durable,
            log=self.log,
            live=self.live,
            read=lambda ask: self.reader(ask),
            rank=lambda ask: self.ranker(ask),
            metrics=metrics,
            now_ms=lambda: self.now_ms,
            executor=executor,
            words_of=LiveWords(self.live).of,
            decisions=DecisionLog(self.log, metrics, self.settings.decisions.buffered),
            contexts=_contexts(self.settings.edge, self.settings.privacy.context_fields),
            caches=caches,
            items=self.items,
        )
        self.app = Server(self.edge).app()
        self.schemas: Mapping[str, Any] = {}

    def publish(self, lists: Mapping[str, Sequence[tuple[str, float]]] | None = None, model: bool = True) -> None:
        """Make the shop's generations live; `lists` by user."""
        kinds = {"shelf": with_kinds(make_shelf()).to_files(), "popular": POPULAR.to_files(), "lists": {}}
        for kind, files in (kinds | ({"ranker": {}} if model else {})).items():
            name = generation_name("shop", kind)
            self.durable.make_live(name, self.durable.publish(name, files))
        number = self.durable.live()[generation_name("shop", "lists")]
        self.durable.save_lists(
            number, [(self.person(user), encode_list(list(entries))) for user, entries in (lists or {}).items()]
        )
        self.live.refresh()

    def person(self, user: str, tenant: str = "shop") -> str:
        """The user's pseudonym."""
        return self.pseudonymizer.person(tenant, user)

    async def call(
        self, method: str, target: str, body: Any = b"", key: str | None = "shop-key", **headers: str
    ) -> Reply:
        """One request; a body that is not bytes is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        reply = await call(self.app, method, target, raw, sent)
        await self._check(method, target.partition("?")[0], reply)
        return reply

    async def consent(self, *users: str, personalization: bool = True, **more: bool) -> None:
        """Say yes for the users."""
        for user in users:
            body = {"personalization": personalization, **more}
            assert (await self.call("PUT", f"/v1/users/{user}/consent", body)).status == 200

    async def act(self, kind: str, *items: str, user: str = "ada", **more: Any) -> Reply:
        """One event, worked off by the stream before this returns."""
        lines = [{"item_id": item, "price": 2.0} for item in items]
        reply = await self.call("POST", "/v1/events", {"type": kind, "user_id": user, "items": lines, **more})
        assert reply.status == 202, reply
        await self.work_off()
        return reply

    async def work_off(self) -> None:
        """The stream works off what the log holds."""
        await asyncio.to_thread(self.world.work_off_in_order)

    async def recommend(self, user: str = "ada", **wish: Any) -> Reply:
        """Recommendations for the user."""
        reply = await self.call("POST", "/v1/recommendations", {"user_id": user, **wish})
        assert reply.status == 200, reply
        assert reply.headers["rayce-served"] == reply.json["served"]
        return reply

    def logged(self) -> list[Event]:
        """Every event of the log."""
        return [decode_event(record.value) for p in range(PARTITIONS) for record in self.log.read(p, 0, 10_000)]

    async def _check(self, method: str, path: str, reply: Reply) -> None:
        """Every reply is one that `/openapi.json` promises."""
        if not self.schemas:
            self.schemas = describe(routes(cast(Ladder, None)))
        for template, operations in self.schemas["paths"].items():
            if method.lower() in operations and _matches(template, path):
                promised = operations[method.lower()]["responses"]
                assert str(reply.status) in promised, (method, path, reply)
                content = promised[str(reply.status)].get("content", {})
                if reply.status == 304:
                    assert reply.body == b"" and not content
                    return
                kind = reply.headers["content-type"].partition(";")[0]
                assert not content or kind in content, (method, path, reply)
                if "json" in kind:
                    schema = {**content[kind]["schema"], "components": self.schemas["components"]}
                    jsonschema.Draft202012Validator(schema).validate(reply.json)
                return


def one_by_one(many: Callable[[Sequence[Any]], Awaitable[Sequence[Any]]], shape: Callable[[Any], Any]) -> Any:
    """A replica's method as the edge sees it."""

    async def ask(question: Any) -> Any:
        return shape((await many([question]))[0])

    return ask


def _matches(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(w.startswith("{") or w == g for w, g in zip(wanted, given, strict=True))


def items_of(reply: Reply) -> list[str]:
    """The item ids of a reply."""
    return [item["item_id"] for item in reply.json["items"]]


async def never(*_arguments: object) -> Any:
    """A part that hangs."""
    await asyncio.Event().wait()


async def broken(*_arguments: object) -> Any:
    """A part that has died."""
    raise ConnectionError("the replica died")


async def late(*_arguments: object) -> Any:
    """A part whose answer does not come in time."""
    raise TimeoutError
