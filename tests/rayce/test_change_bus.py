"""The bus of changes in one process: caches are told, and nothing is trusted while something may be missed."""

from rayce.change_bus import SILENT_S, ChangeBus


class Kept:
    """A cache that remembers what it was told."""

    def __init__(self) -> None:
        self.dropped: list[bytes] = []
        self.cleared = 0

    def drop(self, digest: bytes) -> None:
        self.dropped.append(digest)

    def clear(self) -> None:
        self.cleared += 1


def bus() -> tuple[ChangeBus, list[float], Kept]:
    now, kept = [100.0], Kept()
    made = ChangeBus(lambda: now[0])
    made.attach(kept)
    return made, now, kept


def test_a_bus_to_which_nobody_listens_is_deaf() -> None:
    made, now, _kept = bus()
    assert made.is_deaf(now[0])


def test_it_hears_until_it_is_told_that_it_does_not_or_was_silent_for_too_long() -> None:
    made, now, _kept = bus()
    made.hears(True)
    assert not made.is_deaf(now[0])
    now[0] += SILENT_S + 0.01
    assert made.is_deaf(now[0])
    made.heard(now[0])
    assert not made.is_deaf(now[0])
    assert made.hears_now()
    made.hears(False)
    assert not made.hears_now()
    assert made.is_deaf(now[0])
    assert made.deaf_total == 1


def test_every_cache_is_told_of_each_person() -> None:
    made, _now, kept = bus()
    other = Kept()
    made.attach(other)
    made.told(b"a" * 16 + b"b" * 16)
    assert kept.dropped == other.dropped == [b"a" * 16, b"b" * 16]
    assert made.told_total == 2


def test_caches_are_emptied_when_it_goes_deaf_and_when_it_hears_again() -> None:
    made, _now, kept = bus()
    made.hears(True)
    made.hears(False)
    made.hears(True)
    assert kept.cleared == 3


def test_what_is_no_list_of_digests_empties_the_caches() -> None:
    made, _now, kept = bus()
    made.told(b"what?")
    assert (kept.dropped, kept.cleared) == ([], 1)
