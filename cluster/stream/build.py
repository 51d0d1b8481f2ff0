"""Composition of a partition worker from settings; the one place of the stream where clients are made."""

import gc
from collections.abc import Callable, Sequence
from functools import partial

from cluster.stream.reading import Record
from cluster.stream.worker import Worker
from rayce.features.catalogue import load_features
from rayce.generations import LiveGenerations, Parse
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.live_catalogue import LiveCatalogue, catalogue_parser
from rayce.model import load_segment_model
from rayce.segments.catalogue import load_catalogue
from rayce.segments.evaluation import Scorer, Scorers
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import DEAD
from rayce.stores.kafka_changes import ChangesWriter, PlainChangesWriter
from rayce.stores.kafka_log import LogReader, LogWriter
from rayce.stores.kafka_models import FlipReader
from rayce.stores.redis_view import RedisWriter

SEGMENT_MODEL = "segment-model"


class TenantModels:
    """A tenant's live segment models by name."""

    def __init__(self, live: LiveGenerations, tenant: str) -> None:
        self._live = live
        self._tenant = tenant

    def get(self, name: str) -> Scorer | None:
        """The live model, or None until one is published."""
        loaded = self._live.get(self._tenant, f"{SEGMENT_MODEL}.{name}")
        return loaded.value if loaded else None


GC_THRESHOLDS = (20_000, 20, 50)
"""Folding leaves next to no cycles; the collector, run as often as Python would, walks everybody in memory again and again."""


def build_worker(
    settings: Settings, partitions: Sequence[int] = (), name: str = "worker", waits: bool = False
) -> Worker:
    """A worker that begins with these partitions, or waits for some: whoever owned them before is fenced then."""
    gc.set_threshold(*GC_THRESHOLDS)
    durable = DynamoStore(settings.dynamodb)
    features = load_features(settings.features.catalogue)
    parsers: dict[str, Parse | None] = {
        SEGMENT_MODEL: partial(load_segment_model, features=features),
        CATALOGUE: catalogue_parser(features),
    }
    live = LiveGenerations(durable, parsers, settings.serving.generation_poll_s)
    live.start()
    FlipReader(settings.kafka, live.heard).start()
    writer = LogWriter(settings.kafka)

    def dead_letter(record: Record, reason: str) -> None:
        position = f"{record.partition}:{record.offset}"
        headers = [("reason", reason.encode()), ("position", position.encode())]
        writer.write_now(DEAD, record.value or b"", headers, record.key)

    return Worker(
        partitions=partitions,
        reader=LogReader(settings.kafka, (), settings.stream.poll_max_records),
        durable=durable,
        hot=RedisWriter(settings.redis),
        dead_letter=dead_letter,
        catalogue_of=LiveCatalogue(live, load_catalogue(settings.segments.catalogue, features)).certain,
        models_of=_models(live),
        settings=settings.stream,
        announcer=PlainChangesWriter(writer) if settings.kafka.api_version else ChangesWriter(settings.kafka),
        name=name,
        waits=waits,
        features=features,
    )


def _models(live: LiveGenerations) -> Callable[[str], Scorers]:
    by_tenant: dict[str, TenantModels] = {}

    def models_of(tenant: str) -> Scorers:
        models = by_tenant.get(tenant)
        if models is None:
            models = by_tenant[tenant] = TenantModels(live, tenant)
        return models

    return models_of
