"""The Serve application: three autoscaling deployments and their composition. `deployments.app:build` is the import path.

These are the only Ray shells of this folder: each builds its clients in its own `__init__` from the settings it is given.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from deployments.asks import (
    decode_rank_asks,
    decode_rank_replies,
    decode_read_asks,
    decode_read_replies,
    encode_rank_replies,
    encode_read_replies,
)
from deployments.calling import coalesced
from deployments.edge.cache_version import PURGE
from deployments.edge.caches import make_caches
from deployments.edge.callers import Callers
from deployments.edge.contexts import contexts_from
from deployments.edge.decision_log import DecisionLog
from deployments.edge.door import open_door
from deployments.edge.edge import Edge
from deployments.edge.near_reader import NearReader
from deployments.edge.purging import FlipPurges
from deployments.edge.rate_limits import Limit
from deployments.edge.server import Server
from deployments.feature_reader import FeatureReader
from deployments.pressure import Pressure
from deployments.quiet_start import quietly
from deployments.ranker import Ranker
from deployments.ranker_models import RankerModels, earlier_in
from deployments.telling import Telling
from rayce.api_keys import parse_keys
from rayce.baselines import BASELINES
from rayce.documents import EVERYBODY, KEYS, MODELS, RULES, SLOTS, document_parser
from rayce.features.catalogue import load_features
from rayce.generations import LiveGenerations, Parse
from rayce.hedging import Hedge, HedgedReader
from rayce.ingest import Stamper
from rayce.item_words import SHELF, LiveWords, load_shelf
from rayce.light_model import read_light_model
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.live_catalogue import LiveCatalogue, catalogue_parser
from rayce.live_items import LiveItems
from rayce.live_sessions import LiveSessions, SessionFollower
from rayce.logs import start_logging
from rayce.metrics import Metrics
from rayce.model import load_ranker
from rayce.model_routing import KIND as RANKER
from rayce.model_routing import parse_routing
from rayce.people import People
from rayce.pseudonym import Pseudonymizer
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import load_catalogue
from rayce.settings import Settings, load_settings
from rayce.shelf import Popular, Shelf
from rayce.slots.book import parse_slots
from rayce.stores.dynamo import DynamoStore
from rayce.stores.kafka_items import ItemChangesReader
from rayce.stores.kafka_log import LogReader, LogWriter
from rayce.stores.kafka_models import FlipReader
from rayce.stores.redis_view import RedisReader

EDGE_KINDS: dict[str, Parse | None] = {
    "popular": Popular.from_files,
    "lists": None,
    PURGE: None,
    SHELF: load_shelf,
    "ranker": read_light_model,  # its first trees, for replies that are made without the ranker
    SLOTS: document_parser(parse_slots),
    RULES: document_parser(parse_rules),
    KEYS: document_parser(parse_keys),
    "segment-model": None,  # loaded only when somebody asks for an explanation
}
DURABLE_THREADS = 4
READS_PER_CALL, RANKS_PER_CALL, READS_IN_FLIGHT, RANKS_IN_FLIGHT = 64, 8, 4, 1
SHADOW_PAUSE_S = 0.002
SWITCH_S = 0.001
"""How long the event loop's thread may keep Kafka's from acknowledging, and the other way round; Python's default is 5 ms."""
GC_THRESHOLDS = (20_000, 20, 50)
"""Python's garbage collector runs a thirtieth as often: requests leave next to no cycles (Serve has frozen the rest)."""
PATIENCE = 0.8
"""Share of the edge's deadline that the feature reader may spend on durable memory."""


@serve.deployment
class FeatureReaderDeployment:
    """Hosts `FeatureReader`."""

    def __init__(self, settings: Settings) -> None:
        start_logging()
        metrics, durable = Metrics(), DynamoStore(settings.dynamodb)
        hot = _hedged(settings, metrics)
        executor = ThreadPoolExecutor(DURABLE_THREADS, "durable")
        within_s = PATIENCE * settings.edge.read_deadline_ms / 1000
        features = load_features(settings.features.catalogue)
        live = _live(settings, {CATALOGUE: catalogue_parser(features)})
        catalogues = LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features))
        people = People(
            hot,
            durable,
            executor,
            listing_of=lambda tenant: catalogues.current.listing(tenant),
            slow_s=settings.redis.slow_ms / 1000,
        )
        self._reader = FeatureReader(people, hot, durable, executor, within_s, metrics)
        self._pressure = Pressure(time.monotonic)
        self._pressure.start()
        self._telling = Telling("reader", hot, metrics)
        self._telling.start()
        gc.set_threshold(*GC_THRESHOLDS)

    async def read_many(self, asks: bytes) -> bytes:
        """See `FeatureReader.read_many` and `deployments.asks`."""
        began_s = time.monotonic()
        replies = await self._reader.read_many(decode_read_asks(asks))
        self._pressure.took(time.monotonic() - began_s)
        return encode_read_replies(replies)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """For `deployments.scaling_policy`."""
        return self._pressure.told()


@serve.deployment
class RankerDeployment:
    """Hosts `Ranker`. It is ready once what is live was loaded and tried, or is known not to be there."""

    def __init__(self, settings: Settings) -> None:
        start_logging()
        metrics = Metrics()
        features = load_features(settings.features.catalogue)
        parsers: dict[str, Parse | None] = {
            SHELF: Shelf.with_sessions,
            RANKER: load_ranker,
            MODELS: document_parser(parse_routing),
            RULES: document_parser(parse_rules),
            CATALOGUE: catalogue_parser(features),
        }
        live, _items = _live_with_items(settings, parsers, metrics)
        catalogues = LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features))
        earlier = earlier_in(DynamoStore(settings.dynamodb), load_ranker)
        models = RankerModels(live, metrics, BASELINES, earlier)
        quietly(models.warm_up)
        _follow_sessions(settings, live, metrics)
        self._ranker = Ranker(
            live,
            settings.serving.candidates,
            lambda: catalogues.current,
            metrics,
            models,
            explore=settings.serving.explore,
        )
        self._pressure = Pressure(time.monotonic)
        self._pressure.start()
        self._telling = Telling("ranker", RedisReader(settings.redis), metrics, models.refused)
        self._telling.start()
        self._shadowing: asyncio.Task[None] | None = None
        gc.set_threshold(*GC_THRESHOLDS)

    async def rank_many(self, asks: bytes) -> bytes:
        """See `Ranker.rank_many` and `deployments.asks`."""
        began_s = time.monotonic()
        replies = self._ranker.rank_many(decode_rank_asks(asks))
        self._pressure.took(time.monotonic() - began_s)
        if self._shadowing is None and self._ranker.has_shadows:
            self._shadowing = asyncio.get_running_loop().create_task(self._shadow())
        return encode_rank_replies(replies)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """For `deployments.scaling_policy`."""
        return self._pressure.told()

    async def _shadow(self) -> None:
        """One question at a time, with pauses in which calls are answered."""
        while self._ranker.shadow_one():
            await asyncio.sleep(SHADOW_PAUSE_S)
        self._shadowing = None


@serve.deployment
@serve.ingress()
class EdgeRouter:
    """Hosts the edge's ASGI application."""

    def __init__(self, settings: Settings, reader: DeploymentHandle[Any], ranker: DeploymentHandle[Any]) -> None:
        start_logging()
        sys.setswitchinterval(SWITCH_S)
        hot, durable = RedisReader(settings.redis), DynamoStore(settings.dynamodb)
        executor = ThreadPoolExecutor(DURABLE_THREADS, "durable")
        pseudonymizer = Pseudonymizer(settings.privacy.current_key, settings.privacy.pseudonym_keys)
        metrics = Metrics()
        read_s, rank_s = settings.edge.read_deadline_ms / 1000, settings.edge.rank_deadline_ms / 1000
        features = load_features(settings.features.catalogue)
        live, items = _live_with_items(settings, {**EDGE_KINDS, CATALOGUE: catalogue_parser(features)}, metrics)
        catalogues = LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features))
        log = LogWriter(settings.kafka)
        caches = make_caches(settings.cache, metrics, time.monotonic, Random().random)
        people = People(
            hot,
            durable,
            executor,
            lambda store: metrics.add("rayce_failures_total", 1, store),
            listing_of=lambda tenant: catalogues.current.listing(tenant),
            rows=caches.rows,
            slow_s=settings.redis.slow_ms / 1000,
        )
        far = coalesced(
            "feature_reader",
            reader.read_many.remote,
            decode_read_replies,
            read_s,
            in_flight=READS_IN_FLIGHT,
            max_batch=READS_PER_CALL,
            metrics=metrics,
        )
        callers = Callers(
            settings.edge.api_keys,
            lambda: keys.value if (keys := live.get(EVERYBODY, KEYS)) else None,
            lambda: time.time_ns() // 1_000_000,
            Limit(settings.edge.rate_per_s, settings.edge.burst),
        )
        self.door = open_door(settings.edge, callers, metrics, time.monotonic, Random())
        self.door.admission.start(asyncio.get_running_loop())
        self._edge = Edge(
            settings=settings,
            callers=callers,
            door=self.door,
            pseudonymizer=pseudonymizer,
            stamper=Stamper(pseudonymizer, settings.privacy),
            catalogues=catalogues,
            people=people,
            hot=hot,
            durable=durable,
            log=log,
            live=live,
            read=far,
            near=NearReader(_hedged(settings, metrics), people.hot_breaker) if settings.edge.read_near else None,
            rank=coalesced(
                "ranker",
                ranker.rank_many.remote,
                decode_rank_replies,
                rank_s,
                in_flight=RANKS_IN_FLIGHT,
                max_batch=RANKS_PER_CALL,
                metrics=metrics,
            ),
            metrics=metrics,
            now_ms=lambda: time.time_ns() // 1_000_000,
            executor=executor,
            words_of=LiveWords(live).of,
            decisions=DecisionLog(log, metrics, settings.decisions.buffered),
            features=features,
            contexts=contexts_from(settings.edge, settings.privacy),
            caches=caches,
            items=items,
        )
        self.loop = asyncio.get_running_loop()
        self._listening = self.loop.create_task(hot.listen(caches.bus))
        self._purges = FlipPurges(settings.cdn.purge_urls, caches.replies, metrics)
        live.watch(lambda name: self.loop.call_soon_threadsafe(self._purges.changed, name))
        self._edge.decisions.start(settings.decisions.flush_ms / 1000)
        self._pressure = Pressure(time.monotonic, lambda: self.door.admission.in_flight)
        self._pressure.start()
        self._telling = Telling("edge", hot, metrics, looked=self._look)
        self._telling.start()
        self.edge_app = Server(self._edge).app()
        """Found here by `deployments.before_ray`."""
        gc.set_threshold(*GC_THRESHOLDS)

    def _look(self, told: Mapping[str, bytes]) -> None:
        """Once a second, with what all replicas have told."""
        self.door.limits.look(told)
        if self._edge.caches is not None:
            self._edge.caches.look(self._edge.metrics)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """For `deployments.scaling_policy`."""
        return self._pressure.told()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self.edge_app

    async def __del__(self) -> None:
        """Serve calls and awaits this when the replica has drained: the last decisions get into the log."""
        if hasattr(self, "_edge"):
            await self._edge.decisions.close()


def build(args: dict[str, str]) -> Application:
    """The application; `args["settings"]` is the path of the settings file (empty: from the environment)."""
    settings = load_settings(args.get("settings") or None)
    reader = FeatureReaderDeployment.bind(settings)
    ranker = RankerDeployment.bind(settings)
    return EdgeRouter.bind(settings, reader, ranker)


def _live(settings: Settings, parsers: dict[str, Parse | None]) -> LiveGenerations:
    live = LiveGenerations(DynamoStore(settings.dynamodb), parsers, settings.serving.generation_poll_s)
    quietly(live.refresh)
    live.start()
    FlipReader(settings.kafka, live.heard).start()
    return live


def _live_with_items(
    settings: Settings, parsers: dict[str, Parse | None], metrics: Metrics
) -> tuple[LiveGenerations, LiveItems]:
    """The same with shelves as the catalogue has them by now."""
    live = LiveGenerations(DynamoStore(settings.dynamodb), parsers, settings.serving.generation_poll_s)
    items = LiveItems(
        live,
        DynamoStore(settings.dynamodb),
        settings.serving.items_poll_s,
        lambda: time.time_ns() // 1_000_000,
        lambda outcome, count: metrics.add("rayce_item_changes_total", count, outcome),
    )
    quietly(live.refresh)
    live.start()
    items.start()
    FlipReader(settings.kafka, live.heard).start()
    ItemChangesReader(settings.kafka, items.heard, items.missed).start()
    return live, items


def _follow_sessions(settings: Settings, live: LiveGenerations, metrics: Metrics) -> None:
    """What people touch is heard in the sessions of the live shelves, unless that is turned off."""
    serving, kafka = settings.serving, settings.kafka
    if serving.live_sessions_rows:
        sys.setswitchinterval(SWITCH_S)  # or a question would wait for the thread that reads
        SessionFollower(
            LiveSessions(lambda: live.of_kind(SHELF), serving.live_sessions_rows, metrics),
            lambda: LogReader(kafka, range(kafka.partitions), group="rayce.sessions", wait_ms=500),
            lambda: time.time_ns() // 1_000_000 - serving.live_sessions_s * 1_000,
            failed=lambda: metrics.add("rayce_failures_total", 1, "kafka"),
        ).start()


def _hedged(settings: Settings, metrics: Metrics) -> HedgedReader:
    hedge = Hedge(time.monotonic, lambda: metrics.add("rayce_hedged_reads_total"))
    return HedgedReader(RedisReader(settings.redis), RedisReader(settings.redis), hedge)
