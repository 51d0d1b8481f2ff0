"""The profile's codec: round trips, every old version, and what is refused."""

import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.errors import InvalidArtifact
from rayce.event import BEHAVIOUR, Event, Line
from rayce.features.affinity import TOP
from rayce.features.click_through import KEPT
from rayce.features.feature_set import OPTIONAL
from rayce.fold import fold
from rayce.profile import (
    MAX_BOUGHT,
    MAX_CART_ITEMS,
    MAX_SESSION_ITEMS,
    MAX_TOUCHED,
    VERSION,
    Profile,
    decode_profile,
    encode_profile,
)
from rayce.recent_ids import MAX_IDS
from tests.rayce.golden_history import GOLDEN, golden_events, golden_profile
from tests.samples import T0, event, folded, histories, person

BEHAVIOURS = [each for each in golden_events() if each.person == person(1)]


def golden(version: int) -> Profile:
    return decode_profile((GOLDEN / f"profile.v{version}").read_bytes())


@given(histories(people=1))
def test_a_profile_survives_the_store(history: list[Event]) -> None:
    profile = folded(*history)
    stored = decode_profile(encode_profile(profile))
    assert msgspec.json.encode(stored) == msgspec.json.encode(profile), "equal but for tuples, which come back as lists"
    assert encode_profile(stored) == encode_profile(profile)


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_version_still_decodes(version: int) -> None:
    found = golden(version)
    known = msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(found)))
    expected = msgspec.json.decode((GOLDEN / f"profile.v{version}.json").read_bytes())
    changed = {"version", "recent_ids"} if version < VERSION else set()
    assert {name: known[name] for name in expected if name not in changed} == {
        name: value for name, value in expected.items() if name not in changed
    }
    assert found.version == VERSION
    assert decode_profile(encode_profile(found)) == found


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_profile_of_an_old_version_goes_on_folding(version: int) -> None:
    old = golden(version)
    new = folded(
        *(replace(each, timestamp_ms=old.last_ms + n, event_id=f"new-{n}") for n, each in enumerate(BEHAVIOURS)),
        start=old,
    )
    assert new.events == old.events + len(BEHAVIOURS)
    assert new.states.keys() == {family.name for family in OPTIONAL}


def test_an_event_that_was_counted_under_version_1_is_still_recognised() -> None:
    old = golden(1)
    for n in range(old.events):
        assert fold(old, event("view", at=old.last_ms, event_id=f"e{n}")) is old
    assert fold(old, event("view", at=old.last_ms, event_id=f"e{old.events}")) is not old


def test_control_ids_of_version_1_taken_as_they_are_would_count_again() -> None:
    as_they_are = decode_profile((GOLDEN / "profile.v1").read_bytes())
    as_they_are.recent_ids = msgspec.msgpack.decode((GOLDEN / "profile.v1").read_bytes())[19]
    assert len(as_they_are.recent_ids) == 8 * as_they_are.events
    assert folded(event("view", at=as_they_are.last_ms, event_id="e0"), start=as_they_are).events == 7


def test_ids_of_version_1_are_let_go_a_day_later() -> None:
    old = golden(1)
    later = folded(event("view", at=old.last_ms + 26 * HOUR_MS), start=old)
    assert len(later.recent_ids) == 8


def test_the_golden_history_folds_to_the_golden_profile() -> None:
    """What the features mean does not change unnoticed: a change that is wanted needs a new version, or a decision."""
    assert_alike(msgspec.to_builtins(golden_profile()), msgspec.to_builtins(golden(VERSION)))


def assert_alike(found: Any, expected: Any) -> None:
    """Equal, also in the order of maps; floating-point numbers to what mathematical libraries differ in."""
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-12)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for name in expected:
            assert_alike(found[name], expected[name])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for each, other in zip(found, expected, strict=True):
            assert_alike(each, other)
    else:
        assert found == expected


def test_a_newer_version_is_refused_by_number() -> None:
    newer = encode_profile(Profile(version=VERSION + 1))
    with pytest.raises(InvalidArtifact, match=f"version {VERSION + 1} is newer"):
        decode_profile(newer)


def test_fields_that_a_later_version_adds_do_not_disturb() -> None:
    longer = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode_profile(Profile(events=3))), "new"])
    assert decode_profile(longer).events == 3


@given(st.binary(max_size=100))
def test_random_bytes_are_a_profile_or_refused(data: bytes) -> None:
    try:
        decode_profile(data)
    except InvalidArtifact as error:
        assert error.key in ("profile", "version")


def test_an_ordinary_profile_stays_under_16_kib() -> None:
    history = [
        event(kind, *(f"{n * 7 + i:08}" for i in range(5)), at=1_767_225_600_000 + n * 3_600_000, event_id=f"{kind}{n}")
        for n in range(120)
        for kind in ("view", "add_to_cart", "purchase")
    ]
    assert len(encode_profile(folded(*history))) < 16 * 1024


def full(name: Callable[[int], str], word: Callable[[int], str]) -> Profile:
    """Every family at its limit: all types in every cell of every window; `word` names categories and brands."""
    numbers = itertools.count()
    profile, now_ms = Profile(), T0

    def act(at_ms: int) -> None:
        nonlocal profile
        for kind in BEHAVIOUR:
            lines = tuple(Line(name(n), 999, 999.99, word(n), word(n)) for n in itertools.islice(numbers, 7))
            context: dict[str, Any] = dict.fromkeys(("device", "country", "language"), word(0))
            each = event(kind, at=at_ms, lines=lines, event_id=f"{kind}-{at_ms}-{next(numbers)}", context=context)
            profile = folded(each, start=profile)

    for step_ms, count in ((DAY_MS, 30), (HOUR_MS, 24), (5 * MINUTE_MS, 12), (MINUTE_MS, 5)):
        for n in range(1, count):  # late ones, newest first: nothing that is dropped for being old stands before them
            act(now_ms - n * step_ms)
        for _ in range(count):
            now_ms += step_ms
            act(now_ms)
    for n in range(MAX_IDS):
        profile = folded(event("search", at=now_ms, event_id=f"{n}"), start=profile)
    return profile


def assert_full(profile: Profile) -> None:
    assert (len(profile.bought), len(profile.touched)) >= (MAX_BOUGHT * 7 // 8, MAX_TOUCHED * 7 // 8)
    assert (len(profile.cart), len(profile.session.items)) == (MAX_CART_ITEMS, MAX_SESSION_ITEMS)
    assert len(profile.recent_ids) == 8 * MAX_IDS
    limit, cells = profile.states["windows"]
    assert 36 * 12 <= len(cells) <= limit <= 71 * 12 * 5 // 4
    assert all(len(names) >= TOP * 7 // 8 for names in profile.states["affinity"])
    assert [len(rates) for rates in profile.states["click_through"][1:]] == [KEPT, KEPT]


def test_a_full_profile_of_long_names_stays_under_32_kib() -> None:
    """Products as long as a GTIN-14, the longest number that they have in trade; categories and brands of 32 characters."""
    profile = full(lambda n: f"{n:014}", lambda n: f"{n:032}")
    assert_full(profile)
    assert len(encode_profile(profile)) < 32 * 1024


def test_a_full_profile_of_the_longest_names_fits_into_an_item_of_dynamodb() -> None:
    """128 characters of four bytes each: nobody's product numbers, but somebody's attack."""
    profile = full(lambda n: f"{n:05}".ljust(128, "\U0001f6d2"), lambda n: f"{n:05}".ljust(256, "\U0001f6d2"))
    assert_full(profile)
    assert len(encode_profile(profile)) < 300_000  # of 400 KB
