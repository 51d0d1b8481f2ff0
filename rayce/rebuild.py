"""Fills hot memory from durable memory while everything goes on: what a miss does for one person, done for everybody.

Durable memory is scanned in segments, several at a time, each page by page, so memory is bounded. What is found is put back
as after a miss: never over something that is there already, since a worker's row may be newer than the scan; consent by the
newest decision. Membership lists follow what is there then, so a new one gets its members. A run may be killed and started
again from any segment; to put back twice does no harm.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import islice
from typing import NamedTuple

from rayce.errors import Unavailable
from rayce.misses import DurablePeople, Stored, stored
from rayce.segments.flags import lean_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotWriter, Shown, StoredProfile

BATCH = 100
"""People whose consents are read, and who are put back, at once."""
TRIES, PAUSE_S = 120, 0.5
"""A store that is away is tried again so often, with so long a pause, before the run gives up."""

Page = Sequence[tuple[str, StoredProfile]]


class Rebuilt(NamedTuple):
    """Who was read, and of whom there was something to show (a consent that allows it, and events)."""

    people: int
    shown: int


class Rebuild:
    """One run. Raises `Unavailable` when a store stays away; what is put back stays."""

    def __init__(
        self,
        durable: DurablePeople,
        hot: HotWriter,
        segments: int,
        pause_s: float = PAUSE_S,
        listing_of: Callable[[str], Listing | None] = lambda tenant: None,
        now_s: int = 0,
    ) -> None:
        """`listing_of` says which membership lists a tenant has. Short-lived flags that expired before `now_s` are left out."""
        self._listing_of = listing_of
        self._now_s = now_s
        self._durable = durable
        self._hot = hot
        self._segments = segments
        self._pause_s = pause_s
        self._stop = threading.Event()

    def run(
        self, wanted: Collection[int], at_once: int, done: Callable[[int, Rebuilt], None] = lambda segment, found: None
    ) -> Rebuilt:
        """Rebuild the wanted segments, `at_once` at a time; `done` is told of each, from its thread."""

        def rebuild(segment: int) -> Rebuilt:
            found = self._patiently(lambda: self._segment(segment))
            done(segment, found)
            return found

        with ThreadPoolExecutor(at_once, "rebuild") as executor:
            running = [executor.submit(rebuild, segment) for segment in wanted]
            try:
                ended, _rest = wait(running, return_when=FIRST_EXCEPTION)
                found = [each.result() for each in ended]
            except BaseException:
                self._stop.set()
                executor.shutdown(wait=False, cancel_futures=True)
                raise
        return Rebuilt(sum(each.people for each in found), sum(each.shown for each in found))

    def _segment(self, segment: int) -> Rebuilt:
        people = shown = 0
        for page in _pages(self._durable.scan_profiles(segment, self._segments), BATCH):
            if self._stop.is_set():
                break
            people += len(page)
            shown += self._put_back(page)
        return Rebuilt(people, shown)

    def _put_back(self, page: Page) -> int:
        consents = self._durable.load_consents([person for person, _profile in page])
        found = [(person, stored(consents.get(person), profile.state)) for person, profile in page]
        rows = [self._row(person, each) for person, each in found if each.state is not None]
        self._hot.put_back(rows, {person: each.consent for person, each in found if each.consent is not None})
        return len(rows)

    def _row(self, person: str, found: Stored) -> Shown:
        flags = found.flags and lean_flags(found.flags, self._now_s)
        return Shown(person, found.state, flags, None, self._listing_of(found.tenant))

    def _patiently(self, work: Callable[[], Rebuilt]) -> Rebuilt:
        """A segment whose scan breaks off is begun anew: what was put back is there already."""
        for left in reversed(range(TRIES)):
            try:
                return work()
            except Unavailable:
                if not left or self._stop.wait(self._pause_s):
                    raise
        raise AssertionError("unreachable")


def _pages(people: Iterable[tuple[str, StoredProfile]], size: int) -> Iterator[Page]:
    left = iter(people)
    while page := list(islice(left, size)):
        yield page
