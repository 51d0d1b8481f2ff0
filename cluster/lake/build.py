"""Composition of the lake's writer from settings."""

import gc
import time
from collections.abc import Callable

from cluster.lake.appending import Appending
from cluster.lake.writer import Writer
from rayce.lake.columns import TABLES
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from rayce.settings import Settings
from rayce.stores.kafka_bulk import BulkReader
from rayce.stores.redis_view import RedisWriter

GC_THRESHOLDS = (50_000, 20, 50)
"""A chunk of records is thousands of objects that live for a moment and leave no cycles."""


def build_writer(settings: Settings, open_table: Callable[[str, LakeSettings], LakeTable] = LakeTable) -> Writer:
    """Of the events and the decisions."""
    gc.set_threshold(*GC_THRESHOLDS)
    partitions = settings.kafka.partitions
    appendings = [
        Appending(name, settings.lake, BulkReader(settings.kafka, topic), partitions, time.monotonic, open_table)
        for name, topic in TABLES.items()
    ]
    return Writer(
        appendings, settings.lake, RedisWriter(settings.redis), time.monotonic, lambda: time.time_ns() // 1_000_000
    )
