"""Composition of a partition worker from settings; the one place of the stream where clients are made."""

from collections.abc import Callable, Sequence

from cluster.stream.worker import Record, Worker
from rayce.generations import LiveGenerations
from rayce.model import load_segment_model
from rayce.segments.catalogue import load_catalogue
from rayce.segments.evaluation import Scorer, Scorers
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import DEAD
from rayce.stores.kafka_log import LogReader, LogWriter
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


def build_worker(settings: Settings, partitions: Sequence[int]) -> Worker:
    """A worker of these partitions: whoever owned them before is fenced from here on."""
    durable = DynamoStore(settings.dynamodb)
    live = LiveGenerations(durable, {SEGMENT_MODEL: load_segment_model}, settings.serving.generation_poll_s)
    live.start()
    writer = LogWriter(settings.kafka)

    def dead_letter(record: Record, reason: str) -> None:
        position = f"{record.partition}:{record.offset}"
        writer.write_now(DEAD, record.value, [("reason", reason.encode()), ("position", position.encode())])

    return Worker(
        partitions=partitions,
        reader=LogReader(settings.kafka, partitions, settings.stream.poll_max_records),
        durable=durable,
        hot=RedisWriter(settings.redis),
        dead_letter=dead_letter,
        catalogue=load_catalogue(settings.segments.catalogue),
        models_of=_models(live),
        settings=settings.stream,
    )


def _models(live: LiveGenerations) -> Callable[[str], Scorers]:
    by_tenant: dict[str, TenantModels] = {}

    def models_of(tenant: str) -> Scorers:
        models = by_tenant.get(tenant)
        if models is None:
            models = by_tenant[tenant] = TenantModels(live, tenant)
        return models

    return models_of
