"""Events as a shop's visitors send them, made without a shop: kinds, baskets, prices and contexts in realistic shares."""

import random
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np

from rayce.event import VERSION, Event, Line
from rayce.uuid7 import uuid7

PERSONALIZATION = 1
ITEMS = 5_000
TENANT = "demo"
KINDS = {
    "view": 55,
    "click": 15,
    "search": 8,
    "add_to_cart": 8,
    "impression": 5,
    "purchase": 3,
    "login": 2,
    "remove_from_cart": 2,
    "rating": 1,
    "custom": 1,
}
"""In per cent, as in a shop where one visit in six buys something."""
DEVICES, COUNTRIES, LANGUAGES = ("mobile", "mobile", "desktop", "tablet"), ("DE", "AT", "FR", "US"), ("de", "fr", "en")
DAY_PARTS = ("night", "morning", "afternoon", "evening")


def person(number: int, prefix: str = "") -> str:
    """The pseudonym of a user."""
    return f"k1:{blake2b(f'{prefix}{number}'.encode(), digest_size=16).hexdigest()}"


def uniform(users: int, count: int, seed: int) -> list[int]:
    """Who acts: everybody as likely as everybody else."""
    found: list[int] = np.random.default_rng(seed).integers(0, users, count).tolist()
    return found


def zipf(users: int, count: int, seed: int, exponent: float = 1.1) -> list[int]:
    """Who acts: the user of rank r with a probability that falls as r to the minus `exponent`."""
    weights = np.cumsum(1.0 / np.arange(1, users + 1) ** exponent)
    drawn = np.random.default_rng(seed).random(count) * weights[-1]
    found: list[int] = np.searchsorted(weights, drawn).tolist()
    return found


def shop_events(who: Sequence[int], prefix: str, from_ms: int, step_ms: float, seed: int) -> Iterator[Event]:
    """One event of each user named, in order, `step_ms` after one another in event time; every id is another one."""
    chance = random.Random(seed)
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=len(who))
    for n, (user, kind) in enumerate(zip(who, kinds, strict=True)):
        at_ms = from_ms + int(n * step_ms)
        yield Event(
            version=VERSION,
            event_id=str(uuid7(at_ms, chance.randbytes(10))),
            type=kind,
            tenant=TENANT,
            person=person(user, prefix),
            timestamp_ms=at_ms,
            session=f"s{user}-{at_ms // 1_800_000}",
            items=tuple(_line(chance, kind) for _ in range(_lines(chance, kind))),
            context=_context(user, at_ms),
            properties={"position": chance.randrange(1, 21)} if kind in ("impression", "click") else {},
            consent=PERSONALIZATION,
        )


def _lines(chance: random.Random, kind: str) -> int:
    if kind in ("search", "login", "custom"):
        return 0
    if kind == "purchase":
        return min(12, 1 + int(chance.expovariate(0.5)))
    return 8 if kind == "impression" else 1


def _line(chance: random.Random, kind: str) -> Line:
    item = min(int(chance.paretovariate(0.8)) - 1, ITEMS - 1)
    return Line(f"p{item}", 1 + (kind == "purchase" and chance.random() < 0.2), 1.99 + item % 97)


def _context(user: int, at_ms: int) -> dict[str, str | int | float | bool]:
    return {
        "device": DEVICES[user % len(DEVICES)],
        "country": COUNTRIES[user // 4 % len(COUNTRIES)],
        "language": LANGUAGES[user // 16 % len(LANGUAGES)],
        "day_part": DAY_PARTS[at_ms // 21_600_000 % 4],
    }
