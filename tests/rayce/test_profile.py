"""The profile's codec: round trips, every old version, and what is refused."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.event import Event
from rayce.profile import VERSION, Profile, decode_profile, encode_profile
from tests.samples import event, folded, histories

GOLDEN = Path(__file__).parent / "golden"


@given(histories(people=1))
def test_a_profile_survives_the_store(history: list[Event]) -> None:
    profile = folded(*history)
    assert decode_profile(encode_profile(profile)) == profile
    assert encode_profile(decode_profile(encode_profile(profile))) == encode_profile(profile)


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_version_still_decodes(version: int) -> None:
    found = decode_profile((GOLDEN / f"profile.v{version}").read_bytes())
    known = msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(found)))
    expected = msgspec.json.decode((GOLDEN / f"profile.v{version}.json").read_bytes())
    assert {name: known[name] for name in expected} == expected


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_profile_of_an_old_version_goes_on_folding(version: int) -> None:
    old = decode_profile((GOLDEN / f"profile.v{version}").read_bytes())
    assert folded(event("view", "p1", at=old.last_ms + 1), start=old).events == old.events + 1


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


def test_an_ordinary_profile_that_is_full_stays_under_16_kib() -> None:
    history = [
        event(kind, *(f"{n * 7 + i:08}" for i in range(5)), at=1_767_225_600_000 + n * 3_600_000, event_id=f"{kind}{n}")
        for n in range(120)
        for kind in ("view", "add_to_cart", "purchase")
    ]
    assert len(encode_profile(folded(*history))) < 16 * 1024
