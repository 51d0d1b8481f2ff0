"""Puts users into a segment of the kind `batch`, or takes them out: one control event a user, through the log.

    python -m jobs.set_segment --tenant shop --segment vip --users vip.txt     # one user id a line
    python -m jobs.set_segment --tenant shop --segment vip --users gone.txt --out

The workers alone write flags, so the change takes the way of every event: exactly once, in order with what the users do,
told on `rayce.segment-changes`. Who has no events or does not consent is passed over there. Saying it twice changes nothing.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from jobs.frame import Say, live_catalogue_of, look_after, parser_of
from rayce.errors import InvalidInput
from rayce.event import SEGMENT_OVERRIDE, VERSION, Event, encode_event
from rayce.pseudonym import Pseudonymizer
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogWriter
from rayce.uuid7 import uuid7

BATCH = 500

Write = Callable[[Sequence[tuple[bytes, bytes]]], None]
"""Returns once these (key, value) records are acknowledged."""


def set_segment(
    users: Iterable[str],
    tenant: str,
    segment: str,
    member: bool,
    person_of: Callable[[str], str],
    now_ms: int,
    write: Write,
) -> int:
    """Writes the events; returns how many. The users before one that could not be written are set."""
    count = 0
    records = _records(users, tenant, {segment: member}, person_of, now_ms)
    while batch := list(islice(records, BATCH)):
        write(batch)
        count += len(batch)
    return count


def check_batch(catalogue: Catalogue, name: str) -> None:
    """`InvalidInput` where the catalogue has no such segment, or one that is not set by jobs."""
    segment = catalogue.by_name.get(name)
    if segment is None:
        raise InvalidInput(f"the live catalogue has no segment `{name}`", "--segment", name)
    if segment.kind != "batch":
        raise InvalidInput(
            f"`{name}` is of the kind {segment.kind}; only `batch` ones are set by jobs", "--segment", name
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 a store failed or something is wrong."""
    parser = parser_of("set_segment", __doc__)
    parser.add_argument("--tenant", required=True, help="whose users")
    parser.add_argument("--segment", required=True, help="name of a segment of the kind `batch`")
    parser.add_argument("--users", required=True, metavar="FILE", help="one user id a line; - for standard input")
    parser.add_argument("--out", action="store_true", help="take them out")
    options = parser.parse_args(argv)

    def work(settings: Settings, _say: Say) -> dict[str, dict[str, float]]:
        check_batch(live_catalogue_of(settings, DynamoStore(settings.dynamodb)), options.segment)
        pseudonyms = Pseudonymizer(settings.privacy.current_key, settings.privacy.pseudonym_keys)
        log = LogWriter(settings.kafka)
        with sys.stdin if options.users == "-" else open(options.users, encoding="utf-8") as file:
            count = set_segment(
                (user for line in file if (user := line.strip())),
                options.tenant,
                options.segment,
                not options.out,
                lambda user: pseudonyms.person(options.tenant, user),
                time.time_ns() // 1_000_000,
                lambda records: log.write_all_now(EVENTS, records),
            )
        log.close()
        return {"metrics": {"users": count}}

    return look_after("set_segment", options.settings, work, "run it again, saying it twice changes nothing")


def _records(
    users: Iterable[str],
    tenant: str,
    properties: dict[str, str | int | float | bool],
    person_of: Callable[[str], str],
    now_ms: int,
) -> Iterator[tuple[bytes, bytes]]:
    for user in users:
        person = person_of(user)
        event = Event(VERSION, str(uuid7(now_ms)), SEGMENT_OVERRIDE, tenant, person, now_ms, properties=properties)
        yield person.encode(), encode_event(event)


if __name__ == "__main__":
    sys.exit(main())
