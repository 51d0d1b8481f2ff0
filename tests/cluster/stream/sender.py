"""What producers send, and what has to be counted of it."""

from collections import defaultdict

from rayce.event import Event
from tests.cluster.stream.world import World
from tests.samples import T0, event

HOUR_MS = 3_600_000


class Sender:
    """Every id of a person has to be counted once, until a withdrawal forgets all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock_ms = T0
        self._ids: defaultdict[int, set[str]] = defaultdict(set)
        self._denied: set[int] = set()
        self._latest_ms: defaultdict[int, int] = defaultdict(int)
        self._repeatable: defaultdict[int, list[tuple[int, Event]]] = defaultdict(list)
        self._made = 0

    def send(self, who: int, *kinds: str, late_h: int = 0, after_ms: int = 60_000) -> None:
        """New events, `after_ms` one after another, `late_h` older than the newest of all."""
        made = []
        for kind in kinds:
            self._clock_ms += after_ms
            self._made += 1
            at_ms = self._clock_ms - late_h * HOUR_MS
            made.append(event(kind, f"p{self._made % 7}", at=at_ms, who=who, event_id=f"e{self._made}"))
            self._latest_ms[who] = max(self._latest_ms[who], at_ms)
            self._repeatable[who].append((self._latest_ms[who], made[-1]))
        self._into_log(who, made)

    def repeat(self, who: int, back: int) -> None:
        """One of the person's events of the last day once more, as producers do that got no answer."""
        fresh = [sent for at_ms, sent in self._repeatable[who] if self._latest_ms[who] - at_ms < 20 * HOUR_MS]
        if fresh:
            self._into_log(who, [fresh[-1 - back % len(fresh)]])

    def decide(self, who: int, allowed: bool) -> None:
        """A consent decision."""
        self._clock_ms += 60_000
        self._made += 1
        decision = event("consent_changed", at=self._clock_ms, who=who, consent=int(allowed), event_id=f"c{self._made}")
        self._world.send([decision])
        if allowed:
            self._denied.discard(who)
        else:
            self._denied.add(who)
            self._ids[who].clear()
            self._repeatable[who].clear()

    def counts(self) -> dict[str, int]:
        """How many events each person has to have."""
        return {event(who=who).person: len(ids) for who, ids in self._ids.items() if ids}

    def _into_log(self, who: int, events: list[Event]) -> None:
        if who not in self._denied:
            self._ids[who].update(sent.event_id for sent in events)
        self._world.send(events)
