"""The catalogue as it is by now, laid over the live shelves of a process: what changes is in replies without a job.

Whoever changes items makes them durable, then tells which (`rayce.items`); every replica reads those again and swaps its shelf.
What must not be shown any more goes at once; other changes are gathered for up to `GATHER_S`. Nothing is missed: a shelf that
was just loaded, a connection that was made anew, and now and then (`poll_s`) the clock have the whole catalogue read.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from rayce.catalogue_overlay import Changes, differs, edition_of, overlaid, takes_away
from rayce.content_index import ContentIndex
from rayce.errors import InvalidArtifact, RayceError
from rayce.generations import LiveGenerations, generation_name
from rayce.item import Item, decode_item
from rayce.item_changes import ItemChange
from rayce.item_words import SHELF
from rayce.refusals import UNREADABLE
from rayce.shelf import Shelf
from rayce.stores.interfaces import DurableItems

GATHER_S, AGAIN_S, NAP_S = 0.5, 1.0, 0.02
"""Swapping a shelf costs milliseconds, and has its replies and rules made anew: at most so often for what can wait; at all."""


class _Catalogue:
    """A tenant's: the shelf as its generation has it, and what differs from it by now. Touched while swapping only."""

    def __init__(self, base: Shelf) -> None:
        self.base = base
        self.known: dict[str, Item | None] = {}
        self.edition = 0
        self.touched: set[str] | None = None
        """Ids that were read again since the whole catalogue is being read; None: it is not."""
        self._since: dict[str, int] = {}
        self._index: ContentIndex | None = None

    def since(self, item_id: str, now_ms: int) -> int:
        """When it was first seen here."""
        return self._since.setdefault(item_id, now_ms)

    def laid_over(self, shelf: Shelf, changes: Changes, now_ms: int) -> Shelf:
        """A shelf of this catalogue with these changes."""
        found = overlaid(shelf, changes, self.index, lambda item_id: self.since(item_id, now_ms))
        return found._replace(edition=self.edition)

    def index(self) -> ContentIndex | None:
        if self._index is None and self.base.content:
            try:
                self._index = ContentIndex.from_bytes(self.base.content, self.base.settled)
            except InvalidArtifact:  # what is new goes without neighbours until the next generation
                self.base = self.base._replace(content=b"")
        return self._index

    def note(self, item_id: str, item: Item | None) -> bool:
        """The item is so by now; whether that is news."""
        had = item_id in self.known
        if had and self.known[item_id] == item:
            return False
        new = differs(self.base, item_id, item)
        if had:
            self.edition ^= edition_of({item_id: self.known.pop(item_id)})
        if new:
            self.known[item_id] = item
            self.edition ^= edition_of({item_id: item})
        return had or new


class LiveItems:
    """One for each `LiveGenerations` that has shelves. Changes come from any thread; one of its own reads and swaps."""

    def __init__(
        self,
        live: LiveGenerations,
        durable: DurableItems,
        poll_s: float,
        now_ms: Callable[[], int],
        count: Callable[[str, int], None] = lambda outcome, items: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Before `live.start`. `count` is told how many items were `changed`, and how often the store was `unavailable`."""
        self._live, self._durable, self._poll_s = live, durable, poll_s
        self._now_ms, self._count, self._clock = now_ms, count, clock
        self._catalogues: dict[str, _Catalogue] = {}
        self._lock = threading.Lock()  # of what is to be read
        self._pending: dict[str, set[str]] = {}
        self._later: dict[str, set[str]] = {}
        self._unread: set[str] = set()
        self._reading = threading.RLock()  # so that what was read later is used later
        self._swapped_s = self._read_s = clock()
        self._failed = False
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-items", daemon=True)
        live.finish(SHELF, self._loaded)

    def start(self) -> None:
        """Read the catalogues once, as far as the store answers, then go on in the background."""
        self.work()
        self._thread.start()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()
        self._wake.set()

    def heard(self, changes: Iterable[ItemChange]) -> None:
        """These changed: they are read again in the background. May be called on any thread."""
        with self._lock:
            for change in changes:
                self._pending.setdefault(change.tenant, set()).update(change.items)
        self._wake.set()

    def missed(self) -> None:
        """From now on everything is heard, but something may have been missed: catalogues are read as a whole."""
        with self._lock:
            self._unread.update(self._catalogues)
        self._wake.set()

    def look(self, tenant: str, item_ids: Collection[str]) -> None:
        """Read these again now; blocking. For who has changed them: what must not be shown is in no reply of this replica once
        this returns; what can wait is swapped soon after where something else has just been.

        `Unavailable` where durable memory does not answer: then it is tried again in the background.
        """
        try:
            self._take(tenant, item_ids)
        except RayceError:
            self.heard([ItemChange(tenant, tuple(item_ids))])
            raise

    def work(self) -> None:
        """What the background does when it wakes: read what is to be read, and swap what is due. Errors are counted."""
        now_s = self._clock()
        if now_s - self._read_s >= self._poll_s:
            self._read_s = now_s
            self.missed()
        with self._lock:
            pending, self._pending = self._pending, {}
            unread, self._unread = self._unread, set()
        for tenant, ids in pending.items():
            self._try(lambda tenant=tenant, ids=ids: self._take(tenant, ids), tenant, ids)  # type: ignore[misc]
        for tenant in sorted(unread):
            self._try(lambda tenant=tenant: self._read_all(tenant), tenant, None)  # type: ignore[misc]
        if self._later and self._clock() - self._swapped_s >= GATHER_S:
            with self._lock:
                later, self._later = self._later, {}
            for tenant, ids in later.items():
                self._try(lambda tenant=tenant, ids=ids: self.look(tenant, ids), tenant, None)  # type: ignore[misc]

    def _try(self, step: Callable[[], None], tenant: str, ids: set[str] | None) -> None:
        """What fails is to be done again: of these items, or of the whole catalogue."""
        try:
            step()
        except RayceError:
            self._count("unavailable", 1)
            with self._lock:
                if ids is not None:
                    self._pending.setdefault(tenant, set()).update(ids)
                else:
                    self._unread.add(tenant)
            self._failed = True
            self._wake.set()

    def _take(self, tenant: str, ids: Collection[str]) -> None:
        """What changed: at once where something goes, or where nothing was swapped lately; else later."""
        with self._reading:
            loaded = self._live.get(tenant, SHELF)
            if loaded is None:  # nothing to lay it over; a shelf that comes has the whole catalogue read
                return
            changes = self._read(tenant, ids)
            if takes_away(loaded.value, changes) or self._clock() - self._swapped_s >= GATHER_S:
                self._swap(tenant, changes)
            else:
                with self._lock:
                    self._later.setdefault(tenant, set()).update(ids)
                self._wake.set()

    def _read(self, tenant: str, item_ids: Collection[str]) -> Changes:
        bodies = self._durable.load_items(tenant, sorted(item_ids))
        return {item_id: _decoded(bodies.get(item_id)) for item_id in item_ids}

    def _swap(self, tenant: str, changes: Changes) -> None:
        def change(shelf: Shelf) -> Shelf:
            catalogue = self._catalogues[tenant]
            if catalogue.touched is not None:
                catalogue.touched.update(changes)
            news = {item_id: item for item_id, item in changes.items() if catalogue.note(item_id, item)}
            self._count("changed", len(news))
            if not news:
                return shelf
            return catalogue.laid_over(shelf, news, self._now_ms())

        if self._live.revise(generation_name(tenant, SHELF), change):
            self._swapped_s = self._clock()

    def _read_all(self, tenant: str) -> None:
        """The whole catalogue against the shelf; what is heard meanwhile is newer and stays."""
        catalogue = self._catalogues[tenant]
        touched = catalogue.touched = set()
        found, seen = dict[str, Item | None](), set[str]()
        for item_id, body in self._durable.all_items(tenant):
            seen.add(item_id)
            item = _decoded(body)
            if differs(catalogue.base, item_id, item):
                found[item_id] = item
        # A tenant that keeps no catalogue here has its shelf from elsewhere, and nothing to be taken off it.
        gone = [n for item_id, n in catalogue.base.number.items() if item_id not in seen] if seen else []
        found |= {catalogue.base.ids[n]: None for n in gone if catalogue.base.available[n]}

        def change(shelf: Shelf) -> Shelf:
            if self._catalogues[tenant] is not catalogue:  # another generation, which is to be read for by itself
                return shelf
            catalogue.touched = None
            now: dict[str, Item | None] = {i: item for i, item in found.items() if i not in touched}
            now |= {i: catalogue.known[i] for i in touched if i in catalogue.known}
            if now == catalogue.known:
                return shelf
            self._count("changed", len(now))
            catalogue.known, catalogue.edition = now, edition_of(now)
            return catalogue.laid_over(catalogue.base, now, self._now_ms())

        if self._live.revise(generation_name(tenant, SHELF), change):
            self._swapped_s = self._clock()

    def _loaded(self, name: str, base: Shelf) -> Shelf:
        """Another generation of a shelf: with what is known to differ from it, before anybody sees it."""
        tenant = name.partition("/")[0]
        former, catalogue = self._catalogues.get(tenant), _Catalogue(base)
        known: Mapping[str, Item | None] = former.known if former else {}
        for item_id, item in known.items():
            catalogue.note(item_id, item)
        self._catalogues[tenant] = catalogue
        with self._lock:
            self._unread.add(tenant)
        self._wake.set()
        if not catalogue.known:
            return base
        return catalogue.laid_over(base, catalogue.known, self._now_ms())

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(GATHER_S / 2 if self._later else min(self._poll_s, 60.0))
            self._wake.clear()
            if not self._stop.is_set():
                self._failed = False
                self.work()
                self._stop.wait(AGAIN_S if self._failed else NAP_S)


def _decoded(body: bytes | None) -> Item | None:
    """What cannot be read is not there."""
    try:
        return decode_item(body) if body is not None else None
    except UNREADABLE:
        return None
