"""Histories of one person to check families with: ordinary, bare, out of order, and adversarial. The same at every call."""

from collections.abc import Iterator
from random import Random

from rayce.consent import PERSONALIZATION
from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.event import BEHAVIOUR, LATEST_MS, VERSION, Event, Line, Scalar
from rayce.features.surroundings import DAY_PARTS

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
PERSON = "k1:" + 32 * "0"
LONGEST = 128
"""Characters of an item's id."""

_STEPS_MS = (0, 1, 900, 30_000, MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS, 8 * DAY_MS)


def ordinary(count: int = 300) -> Iterator[Event]:
    """In order of time, with everything that an event may say."""
    chance, now_ms = Random(1), START_MS
    for n in range(count):
        now_ms += chance.choice(_STEPS_MS)
        kind = BEHAVIOUR[n % len(BEHAVIOUR)]
        lines = tuple(_line(chance) for _ in range(chance.randrange(1, 4)))
        yield _event(n, kind, now_ms, lines, _context(chance), _properties(chance), chance.choice(("", "", "s1", "s2")))


def full(kind: str, at_ms: int, number: int = 0) -> Event:
    """One event of this type that says everything."""
    line = Line("p-full", 1, 9.99, "category 1", "acme")
    return _event(number, kind, at_ms, (line,), _context(Random(2)), {"position": 3, "coupon": "SPRING"}, "s9")


def bare(count: int = 100) -> Iterator[Event]:
    """Products without price, category or brand; no products; no context, properties or session."""
    for n in range(count):
        lines = (Line(f"p{n % 7}"),) if n // len(BEHAVIOUR) % 2 else ()
        yield _event(n, BEHAVIOUR[n % len(BEHAVIOUR)], START_MS + n * HOUR_MS, lines)


def out_of_order(count: int = 300) -> Iterator[Event]:
    """At any time between 1970 and 2100, most around one week, and prices and quantities at their limits."""
    chance = Random(3)
    for n, event in enumerate(ordinary(count)):
        far_ms = chance.choice((0, 1, LATEST_MS, START_MS - 900 * DAY_MS, START_MS + 900 * DAY_MS))
        near_ms = START_MS + chance.randrange(-7 * DAY_MS, 7 * DAY_MS)
        lines = tuple(
            Line(line.item_id, chance.choice((1, 1_000_000)), chance.choice((0.0, 5e-324, 1e9, None)), line.category)
            for line in event.items
        )
        at_ms = far_ms if chance.random() < 0.1 else near_ms
        yield _event(n, event.type, at_ms, lines, event.context, event.properties, event.session)


def adversarial(count: int) -> Iterator[Event]:
    """Names that never repeat and are as long as they may be, over many days: whatever can grow, grows."""
    for n in range(count):
        kind = BEHAVIOUR[n % len(BEHAVIOUR)]
        names = [f"{n}-{i}".ljust(LONGEST, "\U0001f6d2") for i in range(5)]
        lines = tuple(Line(name, 1_000_000, 1e9, 2 * name, 2 * name) for name in names)
        context: dict[str, Scalar] = dict.fromkeys(("device", "country", "language", "day_part"), 8 * names[0])
        yield _event(n, kind, START_MS + n * 10 * MINUTE_MS, lines, context, {"position": n}, f"session-{n // 20}")


def _line(chance: Random) -> Line:
    number = chance.randrange(30)
    price = chance.choice((None, 0.0, round(chance.random() * 50, 2)))
    return Line(
        f"p{number}", chance.randrange(1, 4), price, f"category {number % 5}", chance.choice(("", "acme", "zeta"))
    )


def _context(chance: Random) -> dict[str, Scalar]:
    return {
        "device": chance.choice(("phone", "desktop")),
        "country": chance.choice(("DE", "AT")),
        "language": "de",
        "day_part": chance.choice(DAY_PARTS),
    }


def _properties(chance: Random) -> dict[str, Scalar]:
    return {"position": chance.randrange(1, 20), "coupon": chance.choice(("", "SPRING", True))}


def _event(
    n: int,
    kind: str,
    at_ms: int,
    lines: tuple[Line, ...],
    context: dict[str, Scalar] | None = None,
    properties: dict[str, Scalar] | None = None,
    session: str = "",
) -> Event:
    return Event(
        version=VERSION,
        event_id=f"{kind}-{n}",
        type=kind,
        tenant="shop",
        person=PERSON,
        timestamp_ms=at_ms,
        session=session,
        items=lines,
        context=context or {},
        properties=properties or {},
        consent=PERSONALIZATION,
    )
