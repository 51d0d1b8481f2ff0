"""The frame of every job: its arguments, the stores it works on, its progress, and how it ends.

Progress goes to standard error. The last line of standard output is one JSON object:
`{"job", "generation": {name: number}, "metrics": {…}, "seconds"}`. Exit codes: 0 done; 1 a store failed or something is
wrong with settings or files; 2 not enough data (or wrong usage). In every case but the first the live generations stay.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from jobs.frame import end, parser_of, teller
from rayce.errors import InvalidSettings, NotEnoughData, RayceError
from rayce.event_files import read_event_file
from rayce.features.catalogue import load_features
from rayce.features.feature_set import FeatureSet
from rayce.generations import generation_name
from rayce.history import History, read_history
from rayce.item import Item, decode_item
from rayce.live_catalogue import current_catalogue
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotWriter
from rayce.stores.kafka_log import LogReader
from rayce.stores.kafka_models import FlipWriter
from rayce.stores.redis_view import RedisWriter

NOT_ENOUGH_DATA = 2
PATIENCE_MS = 30_000
"""A job has time: it waits for a busy durable store rather than fail."""
_POLL_RECORDS = 5_000
_SAY_EVERY_S = 2.0
_CONSENTS_AT_ONCE = 10_000

T = TypeVar("T")


class Outcome(NamedTuple):
    """What a job made live, by name, and what it measured."""

    generation: dict[str, int]
    metrics: dict[str, float]


class Job(NamedTuple):
    """What a job works with. `records` reads the log anew at each call."""

    tenant: str
    settings: Settings
    durable: Durable
    open_hot: Callable[[], HotWriter]
    records: Callable[[], Iterable[bytes]]
    catalogue: Catalogue
    features: FeatureSet
    say: Callable[[str], None]

    def name(self, kind: str) -> str:
        """The name of the tenant's generations of a kind."""
        return generation_name(self.tenant, kind)

    def history(self, purposes: int) -> History:
        """The tenant's events that may be used for these purposes, by the log and by the consent records as they stand."""
        history = read_history(self.counted(self.records(), "records of the log read"), self.tenant, purposes)
        persons = sorted(history.persons)
        denied: set[str] = set()
        for first in range(0, len(persons), _CONSENTS_AT_ONCE):
            consents = self.durable.load_consents(persons[first : first + _CONSENTS_AT_ONCE])
            denied.update(p for p, consent in consents.items() if consent.purposes & purposes != purposes)
        history = history.without(denied)
        self.say(
            f"{len(history.values):,} events of {len(history.persons):,} people may be used;"
            f" {history.unpermitted:,} may not; {history.undecodable:,} could not be read"
        )
        if not history.values:
            raise NotEnoughData(f"the log holds no event of {self.tenant} that may be used: replay some history first")
        return history

    def items(self) -> list[Item]:
        """The tenant's catalogue; `NotEnoughData` where it is empty."""
        items = [decode_item(body) for _item_id, body in self.durable.all_items(self.tenant)]
        if not items:
            raise NotEnoughData(f"the catalogue of {self.tenant} is empty: PUT /v1/items first")
        self.say(f"{len(items):,} items in the catalogue")
        return items

    def counted(self, values: Iterable[T], what: str) -> Iterator[T]:
        """The values, saying now and then how many have passed."""
        next_s = time.monotonic() + _SAY_EVERY_S
        count = 0
        for count, value in enumerate(values, 1):
            if count % 256 == 0 and time.monotonic() >= next_s:
                self.say(f"{count:,} {what}")
                next_s = time.monotonic() + _SAY_EVERY_S
            yield value
        self.say(f"{count:,} {what}")


def main(name: str, work: Callable[[Job], Outcome], argv: Sequence[str] | None = None) -> int:
    """Composes the job from the command line and runs it; returns the exit code."""
    parser = parser_of(name, work.__doc__)
    parser.add_argument("--tenant", help="whose data (default: the one tenant that the API keys name)")
    parser.add_argument("--events", metavar="FILE", nargs="+", help="read events from these files instead of Kafka")
    arguments = parser.parse_args(argv)
    try:
        settings = load_settings(arguments.settings)
        features = load_features(settings.features.catalogue)
        durable = DynamoStore(
            replace(settings.dynamodb, timeout_ms=max(settings.dynamodb.timeout_ms, PATIENCE_MS)),
            FlipWriter(settings.kafka, lambda: time.time_ns() // 1_000_000, teller(name)),
        )
        job = Job(
            tenant=arguments.tenant or _only_tenant(settings),
            settings=settings,
            durable=durable,
            open_hot=lambda: RedisWriter(settings.redis),
            records=_source(settings, arguments.events),
            catalogue=current_catalogue(durable, settings.segments.catalogue, features),
            features=features,
            say=teller(name),
        )
    except RayceError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        return 1
    return run(name, work, job)


def run(name: str, work: Callable[[Job], Outcome], job: Job) -> int:
    """Runs the work, prints the outcome, and returns the exit code."""
    started = time.monotonic()
    try:
        outcome = work(job)
    except NotEnoughData as error:
        job.say(f"not enough data: {error}; what is live stays")
        return NOT_ENOUGH_DATA
    except (RayceError, OSError) as error:
        job.say(f"failed: {error}; what is live stays")
        return 1
    end(name, started, metrics=outcome.metrics, generation=outcome.generation)
    return 0


def _only_tenant(settings: Settings) -> str:
    tenants = sorted({key.tenant for key in settings.edge.api_keys.values()})
    if len(tenants) != 1:
        raise InvalidSettings(f"--tenant is needed: the API keys name {tenants or 'none'}", "edge.api_keys", tenants)
    return tenants[0]


def _source(settings: Settings, files: Sequence[str] | None) -> Callable[[], Iterator[bytes]]:
    if files:
        return lambda: chain.from_iterable(read_event_file(file) for file in files)
    return lambda: _replay_log(settings)


def _replay_log(settings: Settings) -> Iterator[bytes]:
    reader = LogReader(settings.kafka, range(settings.kafka.partitions), _POLL_RECORDS)
    try:
        for record in reader.replay():
            yield record.value
    finally:
        reader.close()
