"""What every handler of the edge works with: stores, log, remote replicas, live generations, metrics, clock."""

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from deployments.asks import RankAsk as RankAsk
from deployments.asks import RankReply as RankReply
from deployments.asks import ReadAsk as ReadAsk
from deployments.asks import ReadReply as ReadReply
from deployments.edge.caches import Caches
from deployments.edge.callers import Callers
from deployments.edge.contexts import NO_CONTEXTS, Contexts
from deployments.edge.decision_log import DecisionLog
from deployments.edge.door import Door
from deployments.edge.near_reader import NearReader
from rayce.features.feature_set import ALL, FeatureSet
from rayce.generations import LiveGenerations
from rayce.ingest import Stamper
from rayce.item_words import ItemWords
from rayce.live_catalogue import LiveCatalogue
from rayce.live_items import LiveItems
from rayce.metrics import Metrics
from rayce.people import People
from rayce.pseudonym import Pseudonymizer
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings
from rayce.stores.interfaces import Durable, HotReader


class Log(Protocol):
    """The log as the edge writes it: see `rayce.stores.kafka_log.LogWriter`."""

    async def write(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """Returns once all records are acknowledged; `Unavailable` otherwise."""
        ...

    def connected(self) -> bool:
        """Whether brokers can be reached, as far as is known."""
        ...


class Edge(NamedTuple):
    """Everything a handler may use."""

    settings: Settings
    callers: Callers
    door: Door
    pseudonymizer: Pseudonymizer
    stamper: Stamper
    catalogues: LiveCatalogue
    people: People
    hot: HotReader
    durable: Durable
    log: Log
    live: LiveGenerations
    read: Callable[[ReadAsk], Awaitable[ReadReply | None]]
    """By the feature reader. None: it found no store that could tell of the person in time."""
    rank: Callable[[RankAsk], Awaitable[RankReply]]
    metrics: Metrics
    now_ms: Callable[[], int]
    executor: Executor
    words_of: Callable[[str], ItemWords]
    """By tenant, category and brand of its items as they are live."""
    decisions: DecisionLog
    """What was shown is told here."""
    features: FeatureSet = ALL
    """Those that are on."""
    contexts: Contexts = NO_CONTEXTS
    """Tells where requests come from."""
    caches: Caches | None = None
    """What this replica keeps in memory; None: nothing."""
    near: NearReader | None = None
    """Reads whom hot memory knows; None: the feature reader reads everybody."""
    items: LiveItems | None = None
    """Lays changes of the catalogue over the live shelves; None: they wait for the next generation."""

    @property
    def catalogue(self) -> Catalogue:
        """The segment catalogue that is live."""
        return self.catalogues.current
