"""Many features of one profile at once, for models: what several of them are computed from is gone through once."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from rayce.features.feature_set import ALL
from rayce.features.windows import Windows, all_windows
from rayce.profile import Profile

Reader = Callable[[Profile, int], list[float]]
"""The row of (profile, moment in ms)."""


def feature_row(profile: Profile, now_ms: int, names: Sequence[str]) -> list[float]:
    """The named features in order, as of `now_ms`; `KeyError` for an unknown name (catalogues are checked at load)."""
    return _reader(tuple(names))(profile, now_ms)


@lru_cache(maxsize=64)
def _reader(names: tuple[str, ...]) -> Reader:
    place = {name: i for i, name in enumerate(Windows().numbers)}
    single = [(i, ALL.numbers[name]) for i, name in enumerate(names) if name not in place]
    windowed = [(i, place[name]) for i, name in enumerate(names) if name in place]
    empty = [0.0] * len(names)

    def read(profile: Profile, now_ms: int) -> list[float]:
        row = empty.copy()
        for i, feature in single:
            row[i] = feature(profile, now_ms)
        if windowed:
            values = all_windows(profile, now_ms)
            for i, at in windowed:
                row[i] = values[at]
        return row

    return read
