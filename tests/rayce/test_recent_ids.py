"""Recent ids: the same id within a day counts once, with bounded memory; stated as properties that mutants break."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce import recent_ids
from rayce.decay import DAY_MS, HOUR_MS
from rayce.recent_ids import KEPT_H, MAX_IDS, count_in, counted, digest_of_id
from tests.samples import T0

Step = tuple[str, int]
"""An id, and the milliseconds by which the latest event time has moved on when it comes."""

names = st.integers(0, 60).map(lambda n: f"e{n}")
moves = st.sampled_from([0, 0, 1, 60_000, HOUR_MS, 5 * HOUR_MS, DAY_MS, DAY_MS + HOUR_MS, 40 * DAY_MS])
walks = st.lists(st.tuples(names, moves), max_size=80)


def check(steps: Sequence[Step]) -> None:
    """The contract, step by step, against a plain list of (id, moment of counting)."""
    ids, model, latest_ms = b"", [], T0
    for name, move_ms in steps:
        latest_ms += move_ms
        digest = digest_of_id(name)
        known = counted(ids, digest)
        newest = dict(model[-MAX_IDS:])
        if name in newest and latest_ms - newest[name] <= DAY_MS:
            assert known, "an id younger than a day and among the newest was dropped"
        if name not in (each for each, _counted_ms in model):
            assert not known, "an id was known that never came"
        if known:
            continue
        ids = count_in(ids, digest, latest_ms)
        model.append((name, latest_ms))
        assert counted(ids, digest)
        assert len(ids) % 8 == 0 and len(ids) <= 8 * MAX_IDS
        hours = [int.from_bytes(ids[at : at + 2], "big") for at in range(0, len(ids), 8)]
        now_h = latest_ms // HOUR_MS % 65_536
        assert all((now_h - hour) % 65_536 <= KEPT_H for hour in hours), "something older than a day was kept"


@given(walks)
def test_no_id_is_dropped_within_a_day_and_none_kept_for_longer(steps: list[Step]) -> None:
    check(steps)


@given(st.lists(st.tuples(names, st.just(0)), max_size=60), st.integers(0, 3))
def test_a_repeat_is_never_counted_within_the_bound(steps: list[Step], hours: int) -> None:
    ids, count = b"", 0
    for name, _move in steps + steps:
        digest = digest_of_id(name)
        if not counted(ids, digest):
            ids, count = count_in(ids, digest, T0 + hours * HOUR_MS), count + 1
    assert count == len({name for name, _move in steps})


def test_of_more_than_1024_ids_within_a_day_the_newest_are_kept() -> None:
    ids = b""
    for n in range(MAX_IDS + 10):
        ids = count_in(ids, digest_of_id(f"e{n}"), T0 + n)
    known = [n for n in range(MAX_IDS + 10) if counted(ids, digest_of_id(f"e{n}"))]
    assert known == list(range(10, MAX_IDS + 10))


@pytest.mark.parametrize("hour", [65_530, 65_535, 65_536, 65_540])
def test_the_count_of_hours_may_turn_over(hour: int) -> None:
    """Sixteen bits of hours end every seven and a half years; last in May 2026."""
    ids = count_in(b"", digest_of_id("old"), hour * HOUR_MS)
    ids = count_in(ids, digest_of_id("day"), (hour + 24) * HOUR_MS)
    assert counted(ids, digest_of_id("old"))
    assert not counted(count_in(ids, digest_of_id("next"), (hour + 25) * HOUR_MS), digest_of_id("old"))


@given(st.binary(min_size=6, max_size=6), st.lists(st.binary(min_size=8, max_size=8), max_size=20))
def test_ids_are_compared_at_their_own_places_only(digest: bytes, entries: list[bytes]) -> None:
    """Six bytes that happen to stand across two entries, or over an hour, are no id."""
    assert counted(b"".join(entries), digest) == any(entry[2:] == digest for entry in entries)


def test_a_digest_that_stands_across_two_entries_is_no_id_and_hides_none() -> None:
    digest = b"abcdef"
    across = b"12" + b"xxxabc" + b"def34567"
    assert not counted(across, digest)
    assert counted(across + b"12" + digest, digest)


MUTANTS: dict[str, dict[str, Any]] = {
    "nothing is remembered": {"counted": lambda ids, digest: False},
    "only the newest are looked through": {"counted": lambda ids, digest: recent_ids.counted(ids[-40:], digest)},
    "places are not heeded": {"counted": lambda ids, digest: any(part in ids for part in (digest[:1],))},
    "an hour too few": {"count_in": lambda ids, digest, ms: _with(KEPT_H=22)(ids, digest, ms)},
    "nothing is let go": {"count_in": lambda ids, digest, ms: _with(KEPT_H=10**9)(ids, digest, ms)},
    "too few are kept": {"count_in": lambda ids, digest, ms: _with(MAX_IDS=4)(ids, digest, ms)},
}


def _with(**constants: int) -> Callable[[bytes, bytes, int], bytes]:
    def count(ids: bytes, digest: bytes, latest_ms: int) -> bytes:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in constants.items():
                patch.setattr(recent_ids, name, value)
            return recent_ids.count_in(ids, digest, latest_ms)

    return count


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = [(f"e{n}", 0) for n in range(30)]
    walk = [*rounds, *rounds, ("a", DAY_MS), *rounds, ("b", HOUR_MS), *rounds, ("c", DAY_MS + HOUR_MS), *rounds]
    check(walk)
    for name, function in MUTANTS[mutant].items():
        monkeypatch.setitem(check.__globals__, name, function)
    with pytest.raises(AssertionError):
        check(walk)
