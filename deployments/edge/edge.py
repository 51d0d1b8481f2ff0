"""What every handler of the edge works with: stores, log, remote replicas, live generations, metrics, clock."""

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from deployments.edge.callers import Callers
from rayce.candidates import Wish
from rayce.features.feature_set import ALL, FeatureSet
from rayce.generations import LiveGenerations
from rayce.ingest import Stamper
from rayce.item_words import ItemWords
from rayce.live_catalogue import LiveCatalogue
from rayce.metrics import Metrics
from rayce.people import People
from rayce.pseudonym import Pseudonymizer
from rayce.ranking import Ranked
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


class ReadAsk(NamedTuple):
    """A question to the feature reader."""

    person: str
    generation: int
    """Of the precomputed lists; 0: none is live."""


class ReadReply(NamedTuple):
    """Purposes allowed, encoded profile and precomputed list; None where there is none or it is not allowed."""

    purposes: int
    state: bytes | None
    precomputed: bytes | None


class RankAsk(NamedTuple):
    """A question to the ranker; hashable, so that equal questions of one tick are asked once."""

    tenant: str
    state: bytes | None
    precomputed: bytes | None
    wish: Wish
    now_ms: int


RankReply = list[Ranked] | None
"""None: this replica has no model or shelf of the tenant."""


class Edge(NamedTuple):
    """Everything a handler may use."""

    settings: Settings
    callers: Callers
    pseudonymizer: Pseudonymizer
    stamper: Stamper
    catalogues: LiveCatalogue
    people: People
    hot: HotReader
    durable: Durable
    log: Log
    live: LiveGenerations
    read: Callable[[ReadAsk], Awaitable[ReadReply | None]]
    """None: the feature reader found no store that could tell of the person in time."""
    rank: Callable[[RankAsk], Awaitable[RankReply]]
    metrics: Metrics
    now_ms: Callable[[], int]
    executor: Executor
    words_of: Callable[[str], ItemWords]
    """By tenant, category and brand of its items as they are live."""
    features: FeatureSet = ALL
    """Those that are on."""

    @property
    def catalogue(self) -> Catalogue:
        """The segment catalogue that is live."""
        return self.catalogues.current
