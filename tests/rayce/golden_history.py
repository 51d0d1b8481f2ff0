"""A history that puts something into every field of an event and every family of features: what the golden files hold.

`python -m tests.rayce.golden_history` writes the files of the current version, once, when the version goes up; files of older
versions are never made again.
"""

from pathlib import Path
from typing import Any

import msgspec

from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.event import CONTROL, VERSION, Event, Line, encode_event
from rayce.event_files import write_event_file
from rayce.profile import VERSION as PROFILE_VERSION
from rayce.profile import Profile, encode_profile
from tests.samples import T0, folded, person

GOLDEN = Path(__file__).parent / "golden"

MILK = Line("milk", 2, 1.25, "dairy", "Meadow")
BREAD = Line("bread", 1, 3.5, "bakery", "Häuschen")
CHEESE = Line("cheese", 1, 7.75, "dairy", "")
BARE = Line("p9")
PHONE = {"device": "phone", "country": "DE", "language": "de-AT", "day_part": "evening"}
FLAGS = {"flags": 2070, "short_lived": ((1, 1_767_300_000), (6, 1_767_300_060))}
SCORED = {"scores": {"buys_within_7_days": 0.8125}, "inputs": {"buys_within_7_days": 4_000_000_007}}

ACTS: tuple[tuple[str, int, tuple[Line, ...], dict[str, Any]], ...] = (
    ("login", 0, (), {"context": PHONE}),
    ("impression", MINUTE_MS, (MILK, BREAD, CHEESE), {"properties": {"position": 4, "slot": "home"}}),
    ("click", 2 * MINUTE_MS, (CHEESE,), {"properties": {"position": 6}}),
    ("view", 3 * MINUTE_MS, (CHEESE,), {"context": {"device": "desktop"}}),
    ("search", 4 * MINUTE_MS, (), {"properties": {"name": "cheese"}}),
    ("add_to_cart", 5 * MINUTE_MS, (CHEESE, MILK), {}),
    ("remove_from_cart", 6 * MINUTE_MS, (Line("milk", 1),), {}),
    ("purchase", 7 * MINUTE_MS, (CHEESE, BREAD), {"properties": {"coupon": "SPRING"}}),
    ("rating", 2 * HOUR_MS, (CHEESE,), {"properties": {"rating": 4.5}}),
    ("custom", DAY_MS, (BARE,), {"properties": {"name": "wish", "variant": True}}),
    ("view", -DAY_MS, (BREAD,), {}),  # a late one
    ("purchase", 3 * DAY_MS, (MILK, CHEESE), {}),
    ("add_to_cart", 3 * DAY_MS + HOUR_MS, (BREAD,), {"session": "0123456789abcdef"}),
)


def golden_events() -> list[Event]:
    """Of one person every behaviour, of another the control events."""
    events = [
        _event(n, kind, T0 + after_ms, 1, items=lines, **{"consent": 3, **more})
        for n, (kind, after_ms, lines, more) in enumerate(ACTS)
    ]
    return events + [
        _event(len(ACTS) + n, kind, T0 + 4 * DAY_MS + n, 2, consent=n) for n, kind in enumerate(sorted(CONTROL))
    ]


def golden_profile() -> Profile:
    """The fold of the first person's events; what segments and models would add is set by hand."""
    profile = folded(*(each for each in golden_events() if each.person == person(1)))
    return msgspec.structs.replace(profile, **FLAGS, **SCORED)


def _event(n: int, kind: str, at_ms: int, who: int, **more: Any) -> Event:
    return Event(VERSION, f"golden-{n}", kind, "shop", person(who), at_ms, **more)


def main() -> None:
    """Write the files."""
    events, profile = golden_events(), golden_profile()
    write_event_file(GOLDEN / f"events.v{VERSION}", map(encode_event, events))
    (GOLDEN / f"profile.v{PROFILE_VERSION}").write_bytes(encode_profile(profile))
    trees = {f"events.v{VERSION}": events, f"profile.v{PROFILE_VERSION}": msgspec.structs.asdict(profile)}
    for name, tree in trees.items():
        (GOLDEN / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n")


if __name__ == "__main__":
    main()
