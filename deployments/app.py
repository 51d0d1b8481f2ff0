"""The Serve application: three autoscaling deployments and their composition. `deployments.app:build` is the import path.

These are the only Ray shells of this folder: each builds its clients in its own `__init__` from the settings it is given.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from deployments.edge.callers import Callers
from deployments.edge.edge import Edge, RankAsk, RankReply, ReadAsk, ReadReply
from deployments.edge.server import Server
from deployments.feature_reader import Ask as ReadQuestion
from deployments.feature_reader import FeatureReader, Reply
from deployments.ranker import Ask as RankQuestion
from deployments.ranker import Ranker
from rayce.coalesce import Coalescer
from rayce.features.catalogue import load_features
from rayce.generations import LiveGenerations, Parse
from rayce.ingest import Stamper
from rayce.item_words import SHELF, LiveWords, read_item_words
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.live_catalogue import LiveCatalogue, catalogue_parser
from rayce.logs import start_logging
from rayce.metrics import Metrics
from rayce.model import load_ranker
from rayce.people import People
from rayce.pseudonym import Pseudonymizer
from rayce.segments.catalogue import load_catalogue
from rayce.settings import Settings, load_settings
from rayce.shelf import Popular, Shelf
from rayce.stores.dynamo import DynamoStore
from rayce.stores.kafka_log import LogWriter
from rayce.stores.redis_view import RedisReader

EDGE_KINDS: dict[str, Parse | None] = {
    "popular": Popular.from_files,
    "lists": None,
    SHELF: read_item_words,  # events are told what their products are; the rest of it only the ranker needs
    "ranker": None,
    "segment-model": None,  # loaded only when somebody asks for an explanation
}
DURABLE_THREADS = 4
READS_PER_CALL, RANKS_PER_CALL, CALLS_IN_FLIGHT = 64, 8, 8
TELL_EVERY_S = 1.0
SWITCH_S = 0.001
"""How long the event loop's thread may keep Kafka's from acknowledging, and the other way round; Python's default is 5 ms."""
TOLD, MAX_TOLD = "edge:", 64
GC_THRESHOLDS = (20_000, 20, 50)
"""Python's garbage collector runs a thirtieth as often: requests leave next to no cycles (Serve has frozen the rest)."""
PATIENCE = 0.8
"""Share of the edge's deadline that the feature reader may spend on durable memory."""


@serve.deployment
class FeatureReaderDeployment:
    """Hosts `FeatureReader`."""

    def __init__(self, settings: Settings) -> None:
        hot, durable = RedisReader(settings.redis), DynamoStore(settings.dynamodb)
        executor = ThreadPoolExecutor(DURABLE_THREADS, "durable")
        within_s = PATIENCE * settings.edge.read_deadline_ms / 1000
        features = load_features(settings.features.catalogue)
        live = _live(settings, {CATALOGUE: catalogue_parser(features)})
        catalogues = LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features))
        people = People(hot, durable, executor, listing_of=lambda tenant: catalogues.current.listing(tenant))
        self._reader = FeatureReader(people, hot, durable, executor, within_s)
        gc.set_threshold(*GC_THRESHOLDS)

    async def read_many(self, asks: Sequence[ReadQuestion]) -> list[Reply]:
        """See `FeatureReader.read_many`."""
        return await self._reader.read_many(asks)


@serve.deployment
class RankerDeployment:
    """Hosts `Ranker`."""

    def __init__(self, settings: Settings) -> None:
        live = _live(settings, {"shelf": Shelf.from_files, "ranker": load_ranker})
        self._ranker = Ranker(live, settings.serving.candidates)
        gc.set_threshold(*GC_THRESHOLDS)

    async def rank_many(self, asks: Sequence[RankQuestion]) -> list[Any]:
        """See `Ranker.rank_many`."""
        return self._ranker.rank_many(asks)


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
        self._name = f"{TOLD}{time.time_ns():020d}:{os.getpid()}"
        metrics = Metrics()
        read_s, rank_s = settings.edge.read_deadline_ms / 1000, settings.edge.rank_deadline_ms / 1000
        features = load_features(settings.features.catalogue)
        live = _live(settings, {**EDGE_KINDS, CATALOGUE: catalogue_parser(features)})
        catalogues = LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features))
        self._edge = Edge(
            settings=settings,
            callers=Callers(settings.edge.api_keys),
            pseudonymizer=pseudonymizer,
            stamper=Stamper(pseudonymizer, settings.privacy),
            catalogues=catalogues,
            people=People(
                hot,
                durable,
                executor,
                lambda store: metrics.add("rayce_failures_total", 1, store),
                listing_of=lambda tenant: catalogues.current.listing(tenant),
            ),
            hot=hot,
            durable=durable,
            log=LogWriter(settings.kafka),
            live=live,
            read=_coalesced(reader.read_many, READS_PER_CALL, lambda reply: reply and ReadReply(*reply), read_s),
            rank=_coalesced(ranker.rank_many, RANKS_PER_CALL, lambda reply: reply, rank_s),
            metrics=metrics,
            now_ms=lambda: time.time_ns() // 1_000_000,
            executor=executor,
            words_of=LiveWords(live).of,
            features=features,
        )
        self._telling = asyncio.get_running_loop().create_task(self._tell())
        gc.set_threshold(*GC_THRESHOLDS)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return Server(self._edge).app()

    async def _tell(self) -> None:
        """This replica's metrics, told to hot memory so that any replica can answer for all.

        What former replicas told is kept, so that totals go on, but only of the newest `MAX_TOLD`.
        """
        hot = self._edge.hot
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            try:
                await hot.tell_status(self._name, self._edge.metrics.to_bytes())
                told = sorted(name for name in await hot.read_status() if name.startswith(TOLD))
                await hot.forget_status(told[:-MAX_TOLD])
            except Exception:  # hot memory is away: told again in a second
                continue


def build(args: dict[str, str]) -> Application:
    """The application; `args["settings"]` is the path of the settings file (empty: from the environment)."""
    settings = load_settings(args.get("settings") or None)
    reader = FeatureReaderDeployment.bind(settings)
    ranker = RankerDeployment.bind(settings)
    return EdgeRouter.bind(settings, reader, ranker)


def _live(settings: Settings, parsers: dict[str, Parse | None]) -> LiveGenerations:
    live = LiveGenerations(DynamoStore(settings.dynamodb), parsers, settings.serving.generation_poll_s)
    live.start()
    return live


def _coalesced(
    method: Any, max_batch: int, shape: Callable[[Any], Any], within_s: float
) -> Callable[[Any], Awaitable[Any]]:
    """Calls a replica once for all who ask in the same tick.

    A call that nobody can be waiting for any more is given up: while no replica is there calls would pile up.
    """

    async def load(asks: Sequence[ReadAsk | RankAsk]) -> list[ReadReply | RankReply]:
        async with asyncio.timeout(within_s):
            replies = await method.remote([tuple(ask) for ask in asks])
        return [shape(reply) for reply in replies]

    coalescer: Coalescer[Any, Any] = Coalescer(load, in_flight=CALLS_IN_FLIGHT, max_batch=max_batch)
    return coalescer.get
