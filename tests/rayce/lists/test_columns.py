from collections import defaultdict
from statistics import median_low

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.decay import DAY_MS
from rayce.lists.columns import ITEM_COLUMNS, LATELY_MS, MIN_RHYTHMS, USUAL_DAYS, Pairs, item_columns
from tests.rayce.lists.shops import N_ITEMS, happened, rows
from tests.samples import T0


def by_hand(seed: int) -> dict[str, list[float]]:
    """The columns, a product at a time."""
    moments: dict[tuple[int, int], list[int]] = defaultdict(list)
    log = happened(seed).purchases()
    for person, item, at_ms in zip(log.person.tolist(), log.item.tolist(), log.at_ms.tolist(), strict=True):
        moments[person, item].append(at_ms)
    people = max(log.person.tolist(), default=-1) + 1
    found: dict[str, list[float]] = {name: [] for name in ITEM_COLUMNS}
    for n in range(N_ITEMS):
        buyers = [at for (_person, item), at in moments.items() if item == n]
        lately = {days: sum(2.0 ** ((max(at) - T0) / DAY_MS / days) for at in buyers) for days in (28, 14, 7, 3)}
        new = {days: sum(2.0 ** ((min(at) - T0) / DAY_MS / days) for at in buyers) for days in (28, 10, 4)}
        before = [at for at in buyers if min(at) < T0 - LATELY_MS]
        rhythms = [(max(at) - min(at)) / DAY_MS / (len(at) - 1) for at in buyers if len(at) > 2]
        values = {
            "people": len(buyers),
            **{f"people_{days}": value for days, value in lately.items()},
            **{f"new_{days}": value for days, value in new.items()},
            "trend": lately[7] / (lately[28] + 5),
            "season": lately[28] / (len(buyers) + 5),
            "repeat": (sum(len(at) > 1 for at in buyers) + 1) / (len(buyers) + 5),
            "loyal": sum(map(len, buyers)) / (len(buyers) + 3),
            "again": (sum(max(at) >= T0 - LATELY_MS for at in before) + 1) / (len(before) + 10),
            "fresh": (len(buyers) - len(before) + 0.1) / (max(people, 1) - len(before) + 1),
            "rhythm": median_low(rhythms) if len(rhythms) >= MIN_RHYTHMS else USUAL_DAYS,
        }
        for name, value in values.items():
            found[name].append(value)
    return found


@given(st.integers(0, 1_000))
@settings(max_examples=20, deadline=None)
def test_the_columns_are_those_made_by_hand(seed: int) -> None:
    pairs = Pairs(happened(seed).purchases(), N_ITEMS)
    people = int(pairs.person.max(initial=-1)) + 1
    columns = item_columns(pairs, N_ITEMS, people, T0)
    for name, wanted in by_hand(seed).items():
        assert columns[:, ITEM_COLUMNS.index(name)] == pytest.approx(wanted), name


def test_many_purchases_of_one_person_do_not_make_it_popular() -> None:
    pairs = Pairs(rows([0] * 9 + [1, 2], [0] * 9 + [1, 1], [T0] * 11), 2)
    assert item_columns(pairs, 2, 3, T0)[:, 0].tolist() == [1, 2]


def test_an_empty_history_has_columns() -> None:
    columns = item_columns(Pairs(rows([], [], []), 3), 3, 0, T0)
    assert np.isfinite(columns).all()
    assert columns.shape == (3, len(ITEM_COLUMNS))
