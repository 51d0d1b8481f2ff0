"""The ranker: many are answered as one is, each by its own tenant's shelf and model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.ranker import Ask, Ranker
from rayce.candidates import Wish
from rayce.event import Event
from rayce.generations import LiveGenerations, generation_name
from rayce.precomputed import encode_list
from rayce.profile import Profile, encode_profile
from rayce.ranking import rank
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.samples import T0, event, folded, histories
from tests.shops import ITEMS, ByPopularity, make_shelf

STATE = encode_profile(folded(event("view", "p5")))


def ranker_of(*tenants: str, shelf: bool = True, model: bool = True) -> Ranker:
    durable = MemoryDurable()
    for n, tenant in enumerate(tenants):
        for kind, wanted, files in (("shelf", shelf, make_shelf(ITEMS[n:]).to_files()), ("ranker", model, {})):
            if wanted:
                name = generation_name(tenant, kind)
                durable.make_live(name, durable.publish(name, files))
    live = LiveGenerations(durable, {"shelf": Shelf.from_files, "ranker": lambda files: ByPopularity()}, 60)
    live.refresh()
    return Ranker(live, 200)


def ask(tenant: str = "shop", state: bytes | None = None, listed: bytes | None = None, **wish: object) -> Ask:
    return tenant, state, listed, Wish(**wish), T0  # type: ignore[arg-type]


def test_it_ranks_as_the_library_does() -> None:
    (found,) = ranker_of("shop").rank_many([ask(state=STATE, limit=4)])
    assert found == rank(make_shelf(), ByPopularity(), folded(event("view", "p5")), [], Wish(limit=4), T0, 200)
    assert found is not None and [item.item_id for item in found][:2] == ["p6", "p7"]


@given(st.lists(st.tuples(histories(people=1, most=6), st.integers(1, 5)), max_size=6))
def test_many_are_answered_as_one_is(people: list[tuple[list[Event], int]]) -> None:
    ranker = ranker_of("shop")
    asks = [ask(state=encode_profile(folded(*history)), limit=limit) for history, limit in people]
    assert ranker.rank_many(asks) == [ranker.rank_many([each])[0] for each in asks]


def test_each_tenant_has_its_own_shelf() -> None:
    one, two = ranker_of("shop", "other").rank_many([ask("shop", limit=1), ask("other", limit=1)])
    assert one is not None and two is not None
    assert (one[0].item_id, two[0].item_id) == ("p0", "p1")


def test_without_shelf_or_model_the_answer_is_none() -> None:
    for ranker in (ranker_of(), ranker_of("shop", model=False), ranker_of("shop", shelf=False)):
        assert ranker.rank_many([ask()]) == [None]


@pytest.mark.parametrize(
    "bad", [ask(state=b"\xc1"), ask(state=encode_profile(Profile(version=99))), ask(state=STATE, listed=b"\xc1")]
)
def test_one_who_cannot_be_read_gets_none_and_the_others_their_replies(bad: Ask) -> None:
    good = ask(state=STATE, listed=encode_list([("p9", 1.0)]))
    found = ranker_of("shop").rank_many([good, bad, good])
    assert found[1] is None and found[0] == found[2] is not None
