"""Puts dead letters back into `rayce.events`, with the key and the bytes they came with, after what killed them was mended.

    python -m jobs.replay_dead_letters --dry-run    # how many there are, by reason
    python -m jobs.replay_dead_letters

Where it stands is committed for a consumer group of its own after every batch that the log has acknowledged, so one that was
killed goes on where it was; what it had written since may be written twice. That is harmless, as a repeated event counts
once (`rayce.recent_ids`: within a day of the event's own time). A letter that dies again comes back as a new one; what has
been put in since the start is left for the next run.

The last line of standard output is one JSON object as with every job. Exit codes: 0 done, 1 a store failed or settings
are wrong.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

from jobs.frame import Say, look_after, parser_of
from rayce.settings import Settings
from rayce.stores.interfaces import DEAD, EVENTS, Record
from rayce.stores.kafka_log import LogReader, LogWriter

GROUP = "rayce.replay-dead-letters"
BATCH = 200


class Letters(Protocol):
    """The dead letters as a reader gives them."""

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        """Those from where it stands to these offsets."""
        ...

    def end(self) -> dict[int, int]:
        """Offsets after the last ones."""
        ...

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        """Remember where it stands."""
        ...


class Log(Protocol):
    """The log as letters go back into it."""

    def write_all_now(self, topic: str, records: Iterable[tuple[bytes | None, bytes]]) -> None:
        """Returns once all (key, value) records are acknowledged; `Unavailable` otherwise."""
        ...


def replay(letters: Letters, log: Log, say: Callable[[str], None]) -> Counter[str]:
    """Puts all back that were there at the start; returns how many, by reason."""
    found: Counter[str] = Counter()
    records = letters.read_until(letters.end())
    while batch := list(islice(records, BATCH)):
        log.write_all_now(EVENTS, [(record.key, record.value) for record in batch])
        letters.commit({record.partition: record.offset + 1 for record in batch}, True)
        found.update(map(reason_of, batch))
        say(f"{found.total():,} put back")
    return found


def count(letters: Letters) -> Counter[str]:
    """How many would be put back, by reason."""
    return Counter(map(reason_of, letters.read_until(letters.end())))


def reason_of(record: Record) -> str:
    """Why it died; what differs from letter to letter (after the second colon) is left out."""
    reason = dict(record.headers).get("reason", b"unknown").decode("utf-8", "replace")
    return ":".join(reason.split(":")[:2])


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the job from the command line and runs it; returns the exit code."""
    parser = parser_of("replay_dead_letters", __doc__)
    parser.add_argument("--dry-run", action="store_true", help="only say how many there are, by reason")
    options = parser.parse_args(argv)

    def work(settings: Settings, say: Say) -> dict[str, Any]:
        letters = LogReader(settings.kafka, (0,), BATCH, DEAD, GROUP)
        try:
            letters.begin(0, letters.committed_of(0))
            if options.dry_run:
                found = count(letters)
            else:
                log = LogWriter(settings.kafka)
                found = replay(letters, log, say)
                log.close()
        finally:
            letters.close()
        for reason, letters_of_it in found.most_common():
            say(f"{letters_of_it:,} × {reason}")
        put_back = 0 if options.dry_run else found.total()
        return {"metrics": {"letters": found.total(), "put_back": put_back}, "reasons": found}

    comfort = "what was put back stays, the next run goes on from there"
    return look_after("replay_dead_letters", options.settings, work, comfort)


if __name__ == "__main__":
    sys.exit(main())
