"""The parts of neighbours and their merging, each against the same thing written down plainly; and what is chosen, and why."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.affinities import Blend, build, build_shelf
from rayce.affinities.alike import alike
from rayce.affinities.choosing import BLENDS, FEWEST, choose
from rayce.affinities.following import (
    ACROSS,
    AGE_HALF_LIFE_MS,
    GAP_HALF_LIFE_MS,
    LEAST,
    REACH,
    SHRINKAGE,
    Walk,
    following,
    walk_of,
)
from rayce.affinities.kinds import near_kinds
from rayce.affinities.tables import Table, blended, merged
from rayce.affinities.together import MAX_TOGETHER, neighbours
from rayce.content_index import ContentIndex
from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.shelf import NOTHING, Shelf
from tests.samples import T0

N = 6
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, N - 1), st.integers(0, 20)), max_size=40)


def walk(rows: Sequence[tuple[int, int, int, int]]) -> Walk:
    """Of (person, session of the person, item, days)."""
    person, session, item, days = (np.array([row[n] for row in rows], np.int32) for n in range(4))
    return walk_of(person, person * 4 + session, item, T0 + days.astype(np.int64) * DAY_MS)


def history(*sessions: Sequence[int], person: Sequence[int] = (), step_ms: int = 1_000, items: int = 0) -> Interactions:
    """One session a list of items, one after the other, a day apart; each of a person of its own unless said."""
    rows = [
        (n, item, T0 + n * DAY_MS + place * step_ms)
        for n, each in enumerate(sessions)
        for place, item in enumerate(each)
    ]
    session = np.array([row[0] for row in rows], np.int32)
    return Interactions(
        person=np.array(person, np.int32)[session] if len(person) else session,
        session=session,
        item=np.array([row[1] for row in rows], np.int32),
        at_ms=np.array([row[2] for row in rows], np.int64),
        bought=np.zeros(len(rows), np.bool_),
        kind=np.zeros(len(rows), np.int32),
        member_bits=[frozenset()],
        weight=np.ones(len(rows), np.float32),
        country=np.zeros(len(rows), np.int32),
        countries=[""],
    )


def pairs(table: Table) -> dict[tuple[int, int], float]:
    return {
        (row, int(item)): float(score)
        for row in range(len(table.near))
        for item, score in zip(table.near[row], table.scores[row], strict=True)
        if item != NOTHING
    }


def plainly_following(walked: Walk, until_ms: int, least: float = LEAST - 1e-4) -> dict[tuple[int, int], float]:
    """Pair by pair; with what lies a hair below the least, too."""
    sums: dict[tuple[int, int], float] = defaultdict(float)
    mass: dict[int, float] = defaultdict(float)
    rows = list(zip(*(np.asarray(column).tolist() for column in walked[:5]), strict=True))
    fresh = [2.0 ** (min(0, row[3] - until_ms) / AGE_HALF_LIFE_MS) for row in rows]
    for n, (person, session, item, at_ms, event) in enumerate(rows):
        mass[item] += fresh[n]
        later = [m for m in range(n + 1, len(rows)) if rows[m][4] != event][:REACH]
        for m in later:
            if rows[m][0] == person and rows[m][2] != item:
                gap = 0.0 if rows[m][1] == session else (rows[m][3] - at_ms) / GAP_HALF_LIFE_MS
                across = 1.0 if rows[m][1] == session else ACROSS * 2.0**-gap
                sums[item, rows[m][2]] += fresh[m] / (rows[m][4] - event) * across
    most = sum(1 / d for d in range(1, REACH + 1))
    return {
        (one, other): weight / max(math.sqrt(mass[one] * mass[other]) * most, weight) * weight / (weight + SHRINKAGE)
        for (one, other), weight in sums.items()
        if weight >= least
    }


@given(ROWS)
def test_what_follows_is_what_the_formula_says(rows: list[tuple[int, int, int, int]]) -> None:
    walked, until_ms = walk(rows), T0 + 20 * DAY_MS
    found, wanted = pairs(following(walked, N, until_ms)), plainly_following(walked, until_ms)
    assert found.keys() <= wanted.keys()
    sure = plainly_following(walked, until_ms, LEAST + 1e-4)
    assert sure.keys() <= found.keys()
    assert found == pytest.approx({pair: wanted[pair] for pair in found}, abs=1e-4)
    assert all(0 < score <= 1 for score in found.values())


@given(ROWS, st.permutations(range(3)))
def test_it_is_the_same_to_the_bit_however_people_are_numbered(
    rows: list[tuple[int, int, int, int]], numbers: list[int]
) -> None:
    until_ms = T0 + 20 * DAY_MS
    one = following(walk(rows), N, until_ms)
    other = following(walk([(numbers[person], *rest) for person, *rest in rows]), N, until_ms)  # type: ignore[misc]
    assert np.array_equal(one.near, other.near) and np.array_equal(one.scores, other.scores)


def test_order_counts_and_a_basket_has_none() -> None:
    rows = history(*[[0, 1]] * 5)
    found = pairs(following(walk_of(rows.person, rows.session, rows.item, rows.at_ms), N, T0))
    assert found.keys() == {(0, 1)}
    basket = history(*[[0, 1]] * 5, step_ms=0)
    assert not pairs(following(walk_of(basket.person, basket.session, basket.item, basket.at_ms), N, T0))


def test_the_next_session_says_less_than_this_one_and_long_ago_less_than_now() -> None:
    within = history(*[[0, 1]] * 6)
    across = history(*[[0], [1]] * 6, person=[n // 2 for n in range(12)])
    scores = [
        pairs(following(walk_of(rows.person, rows.session, rows.item, rows.at_ms), N, until_ms)).get((0, 1), 0.0)
        for rows, until_ms in ((within, T0), (across, T0), (within, T0 + 60 * DAY_MS))
    ]
    assert scores[0] > scores[1] > 0 and scores[0] > scores[2] > 0


@pytest.mark.parametrize("scheme", ["cosine", "bm25"])
def test_neighbours_are_the_same_however_sessions_are_numbered_and_in_whatever_blocks(scheme: str) -> None:
    rng = np.random.default_rng(3)
    sessions, items = rng.integers(0, 300, 2_000).astype(np.int32), rng.integers(0, 40, 2_000).astype(np.int32)
    numbers = rng.permutation(300).astype(np.int32)
    order = rng.permutation(2_000)
    one = neighbours(sessions, items, 40, 8, 64, scheme=scheme)  # type: ignore[arg-type]
    other = neighbours(numbers[sessions][order], items[order], 40, 8, 7, scheme=scheme)  # type: ignore[arg-type]
    assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])
    assert (one[1] >= 0).all() and (one[1] < 1).all()


def test_bm25_trusts_short_sessions_more() -> None:
    short, long = [[0, 1]] * 4, [[0, 2, *range(10, 60)]] * 4
    rows = history(*short, *long)
    near, scores = neighbours(rows.session, rows.item, 60, 3, scheme="bm25")
    assert near[0, 0] == 1 and scores[0, 0] > scores[0, 1]


def test_an_endless_session_counts_by_its_end() -> None:
    rows = history(*[[0, *range(1, MAX_TOGETHER + 1)]] * 3)
    near, _scores = neighbours(rows.session, rows.item, MAX_TOGETHER + 1)
    assert (near[0] == NOTHING).all() and (near[1] != NOTHING).all()


def test_what_is_alike_is_what_the_index_says_of_each_in_blocks_of_any_size() -> None:
    rng = np.random.default_rng(5)
    items = [
        Item(f"p{n}", " ".join(f"w{k}" for k in rng.integers(0, 30, 4)), (f"c{n % 3}",), f"b{n % 5}") for n in range(60)
    ]
    index = ContentIndex.of(items)
    found, blocks = alike(index, 8), alike(index, 8, block=7)
    assert np.array_equal(found.near, blocks.near) and np.array_equal(found.scores, blocks.scores)
    for n, item in enumerate(items):
        near, scores = index.near(item, 8, without=n)
        assert found.scores[n, : len(scores)] == pytest.approx(scores, abs=1e-5)
        assert len(near) == (found.near[n] != NOTHING).sum()


TABLES = st.lists(
    st.lists(st.dictionaries(st.integers(0, 7), st.integers(1, 64), max_size=4), min_size=3, max_size=3),
    min_size=1,
    max_size=3,
)


@given(
    TABLES,
    st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0]), min_size=3, max_size=3),
    st.integers(0, 2),
    st.integers(1, 6),
)
def test_merging_adds_up_keeps_the_best_and_leaves_places_for_the_cold(
    said: list[list[dict[int, int]]], weights: list[float], slots: int, count: int
) -> None:
    tables = []
    for rows in said:
        table = Table.empty(3, 4)
        for n, row in enumerate(rows):
            table.put(n, np.array(list(row), np.int32), np.array(list(row.values())) / 256)
        tables.append(table)
    cold = np.arange(8) >= 6
    found = merged(list(zip(tables, weights, strict=False)), 8, count, cold, slots)
    for n in range(3):
        sums: dict[int, float] = defaultdict(float)
        for rows, weight in zip(said, weights, strict=False):
            for item, score in rows[n].items():
                if weight:
                    sums[item] += weight * score / 256
        best = sorted(sums, key=lambda item: (-sums[item], item))
        theirs = [item for item in best if item >= 6][:slots]
        others = [item for item in best if item not in theirs]
        kept = set(theirs[:count]) | set(others[: max(0, count - len(theirs))])
        wanted = [item for item in best if item in kept][:count]
        told = found.near[n][found.near[n] != NOTHING].tolist()
        assert told == wanted
        assert found.scores[n, : len(told)] == pytest.approx([min(1.0, sums[item]) for item in told])


def test_a_blend_is_on_the_scale_of_its_first_table() -> None:
    one, other = Table.empty(2, 1), Table.empty(2, 1)
    for n in range(2):
        one.put(n, np.array([1 - n], np.int32), np.array([0.5]))
        other.put(n, np.array([1 - n], np.int32), np.array([0.01]))
    assert blended([(one, 1.0), (other, 1.0)], 2, 1).scores.tolist() == [[0.5], [0.5]]
    assert blended([(one, 1.0), (Table.empty(2, 1), 0.0)], 2, 1).scores.tolist() == [[0.5], [0.5]]


def test_where_order_tells_it_is_chosen_and_where_nothing_tells_the_plainest_blend_is() -> None:
    rng = np.random.default_rng(2)
    chains = [[(start + step) % 40 for step in range(6)] for start in rng.integers(0, 40, 600).tolist()]
    noise = [rng.integers(0, 40, 6).tolist() for _ in range(600)]
    nothing = Table.empty(40, 5)
    ordered, plain = choose(history(*chains), nothing, 40), choose(history(*noise), nothing, 40)
    assert ordered.blend.follows > 0 and ordered.mrr > ordered.cosine_mrr + 0.05
    assert plain.blend == BLENDS[0]


def test_too_few_questions_choose_nothing() -> None:
    found = choose(history(*[[0, 1, 2]] * 10), Table.empty(3, 5), 3)
    assert (found.blend, found.mrr) == (BLENDS[0], 0.0) and found.questions < FEWEST
    assert choose(history(), Table.empty(3, 5), 3).blend == BLENDS[0]


ITEMS = [
    Item("a", "red shoe", ("wear", "shoes"), "x", 50.0),
    Item("b", "red boot", ("wear", "shoes"), "x", 60.0),
    Item("c", "tent", ("camp", "tents"), "y", 200.0),
    Item("d", "lamp", ("camp", "lights"), "y", 20.0),
    Item("cold", "red shoe", ("wear", "shoes"), "x", 51.0),
]


def built() -> Shelf:
    return build_shelf(ITEMS, history(*[[0, 1]] * 5, *[[2, 3]] * 5), T0)


def test_an_item_that_nobody_touched_has_neighbours_and_is_one() -> None:
    shelf = built()
    cold = shelf.number["cold"]
    assert shelf.ids[shelf.neighbours[cold, 0]] == "a"
    assert cold in shelf.neighbours[shelf.number["a"]].tolist()
    assert cold not in shelf.neighbours[shelf.number["c"]].tolist()


def test_the_negative_control_without_content_nobody_knows_the_cold_item() -> None:
    shelf = build_shelf(ITEMS, history(*[[0, 1]] * 5, *[[2, 3]] * 5), T0, blend=Blend("cosine", 0.0, 0.0))
    cold = shelf.number["cold"]
    assert (shelf.neighbours[cold] == NOTHING).all() and cold not in shelf.neighbours


def test_a_generation_holds_the_parts_and_gives_them_to_who_asks() -> None:
    shelf = built()
    files = shelf.to_files()
    assert Shelf.from_files(files).parts is None
    again = Shelf.with_parts(files)
    assert again.parts is not None and shelf.parts is not None
    assert all(map(np.array_equal, again.parts, shelf.parts))
    assert shelf.ids[again.parts.following[0, 0]] == "b" and shelf.ids[again.parts.alike[0, 0]] == "cold"
    assert ContentIndex.from_bytes(again.content, 5).near(ITEMS[0], 1)[0].tolist() == [0]
    assert Shelf.with_parts({name: files[name] for name in files if name != "parts.npz"}).parts is None


def test_kinds_lead_to_kinds_and_what_has_no_name_is_none() -> None:
    kind = np.array([0, 0, 1, 2, 3], np.int32)
    table = near_kinds(history(*[[0, 2]] * 5, *[[3, 4]] * 5), kind, 4, 3, T0)
    assert pairs(table).keys() == {(0, 1), (1, 0)}
    shelf = built()
    assert shelf.parts is not None
    tents, lights = shelf.groups.index("tents"), shelf.groups.index("lights")
    assert shelf.parts.groups[tents, 0] == lights


def test_the_same_history_gives_the_same_bytes() -> None:
    rows = history(*[[0, 1, 2]] * 40, *[[3, 2]] * 40)
    assert build(ITEMS, rows, T0).shelf.to_files() == build(ITEMS, rows, T0).shelf.to_files()


def test_an_empty_catalogue_and_an_empty_history_are_no_trouble() -> None:
    assert build_shelf([], history(), T0).ids == []
    assert build_shelf(ITEMS, history(), T0).neighbours.shape == (5, 30)
