"""Weights that make worse lists than those that are live are found, on what was bought since."""

from collections.abc import Mapping, Sequence

import numpy as np

from rayce.features.feature_set import ALL
from rayce.history import read_history
from rayce.lists.against_live import against_live
from rayce.lists.blend import Blend
from rayce.lists.source import Source, source_of
from rayce.precomputed import encode_list
from rayce.sequence.learnt import Learnt
from rayce.sequence.recurrent import begin
from rayce.sequence.views import BEGIN
from rayce.verdict import FIRST
from tests.jobs.shop import BOTH, ITEMS, habit, history, records
from tests.samples import T0, person

DAY_MS = 86_400_000
AS_OF = T0 + 120 * DAY_MS


def source() -> Source:
    told = read_history(records(history()), "shop", BOTH)
    return source_of(told, told, {item.item_id: n for n, item in enumerate(ITEMS)}, ALL)


def habits(people: Sequence[str]) -> Mapping[str, bytes]:
    """Lists that nobody could make better than by chance."""
    best = {person(who): [(habit(who), 1.0), *((f"p{n:02}", 0.5) for n in range(9))] for who in range(1, 41)}
    return {who: encode_list(best[who]) for who in people}


def wrong(people: Sequence[str]) -> Mapping[str, bytes]:
    return {who: encode_list([("nails", 1.0)]) for who in people}


def test_lists_that_are_no_worse_are_let_through() -> None:
    found = against_live(ITEMS, source(), Blend(), AS_OF, wrong, 10)
    assert not found.worse and found.differences[0].cases == 40 and found.differences[0].mean > 0.1


def test_what_the_order_of_purchases_taught_takes_part() -> None:
    network = begin(len(ITEMS), np.random.default_rng(1))
    past = Learnt(network, np.array(BEGIN), 1)
    found = against_live(ITEMS, source(), Blend(), AS_OF, wrong, 10, past)
    assert not found.worse and found.differences[0].cases == 40


def test_lists_that_are_worse_are_found() -> None:
    """The live ones know what will be bought."""
    later = source().taught
    bought: dict[str, list[str]] = {}
    for who, item, at_ms in zip(later.person.tolist(), later.item.tolist(), later.at_ms.tolist(), strict=True):
        if at_ms >= AS_OF:
            own = bought.setdefault(later.persons[who], [])
            own += [ITEMS[item].item_id] * (ITEMS[item].item_id not in own)
    found = against_live(
        ITEMS,
        source(),
        Blend(),
        AS_OF,
        lambda people: {who: encode_list([(i, 1.0) for i in bought[who]]) for who in people},
        10,
    )
    assert found.worse and "ndcg_at_10" in found.why


def test_without_people_a_list_or_a_past_there_is_nothing_to_compare() -> None:
    assert against_live(ITEMS, source(), Blend(), AS_OF, lambda _people: {}, 10) == FIRST
    assert against_live(ITEMS, source(), Blend(), T0 + 400 * DAY_MS, habits, 10) == FIRST
    assert against_live(ITEMS, source(), Blend(), T0 - DAY_MS, habits, 10) == FIRST
