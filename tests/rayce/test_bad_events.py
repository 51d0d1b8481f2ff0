"""Bad input as the fold meets it: what the log may not hold does not decode, and what it may hold leaves all values sound.

The table of outcomes is in docs/features.md. The edge: tests/deployments/edge/test_bad_events.py; the stream:
tests/cluster/stream/test_bad_events.py.
"""

import math

import msgspec
import pytest

from rayce.decay import DAY_MS
from rayce.errors import UndecodableEvent
from rayce.event import LATEST_MS, Line, decode_event, encode_event
from rayce.features import CATEGORIES, all_features
from rayce.fold import fold
from rayce.profile import Profile, encode_profile
from tests.samples import T0, event, folded

LONG = "x" * 10_000

UNDECODABLE: dict[str, dict[str, object]] = {
    "a negative price": {"items": [["p1", 1, -0.01]]},
    "a price that is not a number": {"items": [["p1", 1, math.nan]]},
    "an infinite price": {"items": [["p1", 1, math.inf]]},
    "a price of more than a thousand million": {"items": [["p1", 1, 1.1e9]]},
    "a quantity of none": {"items": [["p1", 0, 1.0]]},
    "10,000 items": {"items": [["p1", 1, 1.0]] * 10_000},
    "an item's id of 10 kB": {"items": [[LONG, 1, 1.0]]},
    "a category of 10 kB": {"items": [["p1", 1, 1.0, LONG]]},
    "a brand of 10 kB": {"items": [["p1", 1, 1.0, "", LONG]]},
    "an event's id of 10 kB": {"event_id": LONG},
    "a tenant of 10 kB": {"tenant": LONG},
    "a person of 10 kB": {"person": "k1:" + "0" * 10_000},
    "a session of 10 kB": {"session": LONG},
    "a time before 1970": {"timestamp_ms": -1},
    "a time after 2100": {"timestamp_ms": LATEST_MS + 1},
    "a time that is not a number": {"timestamp_ms": math.nan},
}


def record(**wrong: object) -> bytes:
    """What somebody else than our edge may write into the log."""
    return msgspec.msgpack.encode(tuple((msgspec.structs.asdict(event("view", "p1")) | wrong).values()))


def test_control_the_record_without_its_fault_decodes() -> None:
    assert decode_event(record()) == event("view", "p1")


@pytest.mark.parametrize("name", UNDECODABLE)
def test_what_the_log_may_not_hold_does_not_decode(name: str) -> None:
    with pytest.raises(UndecodableEvent):
        decode_event(record(**UNDECODABLE[name]))


def sound(profile: Profile) -> bool:
    values = [all_features(profile, now_ms) for now_ms in (0, T0, LATEST_MS)]
    return all(math.isfinite(value) for features in values for value in features.values())


@pytest.mark.parametrize("at_ms", [0, 1, LATEST_MS])
def test_an_event_of_1970_or_2100_is_folded_by_its_own_time(at_ms: int) -> None:
    strange = event("purchase", "p1", at=at_ms)
    assert decode_event(encode_event(strange)) == strange
    for profile in (
        folded(strange),
        folded(event(), strange),
        folded(strange, event()),
        folded(event(), strange, event()),
    ):
        assert sound(profile)
        assert profile.baskets == 1


def test_an_event_of_1970_leaves_what_is_recent_alone() -> None:
    usual = folded(event("view", "p1"), event("purchase", "p2", at=T0 + DAY_MS))
    after = fold(usual, event("view", "p9", at=1))
    assert (after.last_ms, after.session, after.last_purchase_ms) == (
        usual.last_ms,
        usual.session,
        usual.last_purchase_ms,
    )
    recent = {name: value for name, value in all_features(usual, T0 + DAY_MS).items() if name.endswith(("_5m", "_30d"))}
    assert {name: all_features(after, T0 + DAY_MS)[name] for name in recent} == recent
    assert after.first_ms == 1 and after.events == usual.events + 1


def test_an_event_of_2100_makes_what_decays_old_but_loses_no_count() -> None:
    usual = folded(event("view", "p1"), event("purchase", "p2", at=T0 + 1))
    after = folded(event("view", "p9", at=LATEST_MS), event("view", "p3", at=T0 + 2), start=usual)
    assert (after.events, after.baskets, after.counts["view"], after.spend) == (4, 1, 3, 2.5)
    values = all_features(after, T0 + 3)
    assert (values["views_30d"], values["interest"]) == (2, 1.0), "the late ones have decayed to nothing"
    assert set(after.bought) == {"p2"}


def test_after_an_event_of_2100_repeats_are_still_known_but_not_those_of_before() -> None:
    """The ids of before count as a century old."""
    known, far = event("view", "p1"), event("view", "p9", at=LATEST_MS)
    profile = folded(known, far)
    assert fold(profile, far) is profile
    assert fold(profile, known).events == 3


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("properties", {"position": math.nan}),
        ("properties", {"position": -math.inf}),
        ("properties", {"position": 10**9}),
        ("properties", {"position": "third", "coupon": math.nan}),
        ("context", {"device": LONG, "country": 7, "language": True, "day_part": LONG}),
        ("context", {"day_part": math.nan}),
    ],
)
def test_strange_values_leave_all_features_sound_and_bounded(where: str, value: dict[str, object]) -> None:
    profile = folded(
        *(event(kind, "p1", at=T0 + n, **{where: value}) for n, kind in enumerate(("impression", "click", "purchase")))
    )
    assert sound(profile)
    assert len(encode_profile(profile)) < 2_000
    assert all(len(read(profile, T0)) <= 64 for read in CATEGORIES.values())


def test_the_most_expensive_event_there_can_be_is_folded() -> None:
    lines = tuple(Line(f"{n}".ljust(128, "x"), 1_000_000, 1e9) for n in range(500))
    profile = folded(*(event("purchase", lines=lines, at=T0 + n) for n in range(20)))
    assert sound(profile)
    assert profile.spend == pytest.approx(20 * 500 * 1e15)
