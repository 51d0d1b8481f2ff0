import numpy as np
import pytest

from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.lists import learning
from rayce.lists.blend import BY_HAND, LEARNED, Blend
from rayce.lists.histories import histories_of
from rayce.lists.learning import WINDOW_MS, Cut, cut_moments, learn
from rayce.lists.maker import ListMaker
from rayce.lists.parts import PARTS
from rayce.lists.tables import make_tables
from rayce.shelf import Shelf
from tests.rayce.lists.shops import rows
from tests.samples import T0

PEOPLE, N_ITEMS, WEEKS = 70, 40, 24
FROM_MS = T0 - WEEKS * 7 * DAY_MS
ITEMS = [Item(f"p{n}", categories=("all", f"group {n % 4}")) for n in range(N_ITEMS)]
ONCE_FROM = 30
"""Products from here on are bought once and never again: fridges."""


@pytest.fixture(scope="module")
def year() -> Interactions:
    """A habit each, weekly; and every third week one of the fridges that they do not have."""
    chance = np.random.default_rng(5)
    person, item, at_ms = [], [], []
    for who in range(PEOPLE):
        fridges = chance.permutation(np.arange(ONCE_FROM, N_ITEMS)).tolist()
        for week in range(WEEKS):
            moment = FROM_MS + week * 7 * DAY_MS + int(chance.integers(0, 7 * DAY_MS))
            basket = {who % 10, int(chance.integers(10, ONCE_FROM))} | (
                {fridges.pop()} if week % 3 == who % 3 else set()
            )
            for one in sorted(basket):
                person.append(who)
                item.append(one)
                at_ms.append(moment)
    order = np.argsort(at_ms, kind="stable")
    return rows([person[n] for n in order], [item[n] for n in order], [at_ms[n] for n in order], weight=5.0)


@pytest.fixture(scope="module")
def blend(year: Interactions) -> Blend:
    return learn(ITEMS, year, FROM_MS, T0, cuts=3)


def test_it_learns_what_fixed_weights_do_not_know(year: Interactions, blend: Blend) -> None:
    """That fridges are not bought again, and habits are not caught; the fixed weights, the control, believe both."""
    assert blend.origin.kind == LEARNED
    shelf = Shelf.from_items(
        ITEMS,
        np.bincount(year.item, minlength=N_ITEMS).astype(np.float32),
        np.full((N_ITEMS, 1), -1, dtype=np.int32),
        np.zeros((N_ITEMS, 1), dtype=np.float32),
    )
    tables, histories = make_tables(shelf, year, T0), histories_of(year)
    learned, fixed = (ListMaker(tables, each).block(histories, T0, 8).items for each in (blend, Blend()))
    had = np.zeros((PEOPLE, N_ITEMS), dtype=np.bool_)
    had[year.person, year.item] = True
    people = np.arange(PEOPLE)[:, None]

    def wrong(listed: np.ndarray) -> float:
        again = (listed >= ONCE_FROM) & had[people, listed]
        return float((again | ((listed < 10) & ~had[people, listed])).mean())

    assert (learned[:, 0] == np.arange(PEOPLE) % 10).mean() > 0.9
    assert wrong(learned) < 0.1
    assert wrong(fixed) > 0.2


def test_where_the_weights_come_from_is_told(blend: Blend) -> None:
    origin = blend.origin
    assert origin.cuts_ms == tuple(T0 - n * WINDOW_MS for n in (1, 2, 3))
    assert (origin.until_ms, origin.window_ms) == (T0, WINDOW_MS)
    assert origin.rows > 1_000
    assert origin.metrics["trees"] >= 1
    assert set(origin.gain) == set(PARTS)
    assert sum(origin.gain.values()) == pytest.approx(1, abs=0.01)


def test_the_same_history_gives_the_same_weights(year: Interactions, blend: Blend) -> None:
    assert learn(ITEMS, year, FROM_MS, T0, cuts=3) == blend


def rows_of(log: Interactions) -> list[Cut]:
    return list(learning._cuts(ITEMS, log, cut_moments(log, FROM_MS, T0, 2), 1_000, 5, None, lambda _: None))


def test_what_came_after_a_cut_changes_labels_and_nothing_else(year: Interactions) -> None:
    """All later purchases become others. If a part had seen one of them, it would be another."""
    cut = rows_of(year)[0]
    later = year.at_ms >= cut.at_ms
    other = year._replace(item=np.where(later, (year.item + 7) % N_ITEMS, year.item).astype(np.int32))
    changed = rows_of(other)[0]
    own = PARTS.index("count")
    assert not np.array_equal(cut.rows.labels, changed.rows.labels)
    sure = [np.unique(each.rows.features[each.rows.features[:, own] > 0], axis=0) for each in (cut, changed)]
    assert np.array_equal(*sure)
    earlier = year._replace(item=np.where(later, year.item, (year.item + 7) % N_ITEMS).astype(np.int32))
    control = rows_of(earlier)[0].rows.features
    assert not np.array_equal(sure[0], np.unique(control[control[:, own] > 0], axis=0))


@pytest.mark.parametrize("weeks", [0, 5])
def test_a_short_history_leaves_the_fixed_weights(year: Interactions, weeks: int) -> None:
    said: list[str] = []
    log = year.where(year.at_ms < FROM_MS + weeks * 7 * DAY_MS)
    found = learn(ITEMS, log, FROM_MS, FROM_MS + weeks * 7 * DAY_MS, said.append)
    assert found == Blend()
    assert found.origin.kind == BY_HAND
    assert "too short" in said[-1]


def test_of_many_people_a_sample_teaches(year: Interactions) -> None:
    few = list(learning._cuts(ITEMS, year, cut_moments(year, FROM_MS, T0, 1), 20, 5, None, lambda _: None))
    assert few[0].people == 20
