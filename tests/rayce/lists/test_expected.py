"""`rayce.lists.expected`: the order of purchases as a part of the blend, which knows nothing of what it foretells."""

from collections.abc import Iterator

import numpy as np
import pytest

from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.lists import expected
from rayce.lists.blend import Blend
from rayce.lists.expected import UNSAID, Expectation, Known, learn_on, learn_past, sequences_of
from rayce.lists.histories import Histories, histories_of
from rayce.lists.kernel import UNSAID as UNSAID_IN_KERNEL
from rayce.lists.maker import ListMaker
from rayce.lists.parts import PARTS
from rayce.lists.room import BEST_EXPECTED
from rayce.lists.tables import make_tables
from rayce.sequence import training
from rayce.sequence.learnt import Learnt
from rayce.shelf import Floats
from tests.rayce.lists.by_hand import parts_of
from tests.rayce.lists.shops import N_ITEMS, PEOPLE, happened, rows, shop, tables
from tests.samples import T0

CUT = T0 - 30 * DAY_MS


@pytest.fixture(autouse=True, scope="module")
def briefly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STEPS_A_ROUND", (8, 8))
        patch.setattr(training, "MAX_ROUNDS", 2)
        yield


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return learn_past(happened(), N_ITEMS, CUT)


class Planted(Expectation):
    """Says by person and item what it was given."""

    def __init__(self, said: Floats) -> None:
        self._said = said

    def of(self, histories: Histories, now_ms: int) -> Floats:
        """Of the people in the order of the first product that they have, which is their number."""
        return self._said[histories.item[histories.start[:-1]]]


def bytes_of(learnt: Learnt) -> bytes:
    return learnt.to_bytes()


def changed(log: Interactions, where: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Interactions:
    return log._replace(item=np.where(where, (log.item + 7) % N_ITEMS, log.item).astype(np.int32))


def test_the_past_knows_nothing_of_what_came_later(learnt: Learnt) -> None:
    """All later purchases become others and nothing changes; the control: earlier ones do."""
    log = happened()
    assert bytes_of(learn_past(changed(log, log.at_ms >= CUT), N_ITEMS, CUT)) == bytes_of(learnt)
    assert bytes_of(learn_past(changed(log, log.at_ms < CUT), N_ITEMS, CUT)) != bytes_of(learnt)


def test_going_on_learns_from_what_came_later(learnt: Learnt) -> None:
    log = happened()
    now = learn_on(learnt, log, N_ITEMS)
    assert bytes_of(now) == bytes_of(learn_on(learnt, log, N_ITEMS))
    assert bytes_of(now) != bytes_of(learn_on(learnt, changed(log, log.at_ms >= CUT), N_ITEMS))


def test_chances_add_up_to_one_over_what_is_not_bought_yet(learnt: Learnt) -> None:
    log = happened()
    histories = histories_of(log, PEOPLE)
    said = Expectation(learnt, log, N_ITEMS).of(histories, T0)
    for person in range(PEOPLE):
        own = histories.people(person, person + 1)
        bought = np.isin(np.arange(N_ITEMS), own.item[own.bought])
        if not bought.any() or bought.all():
            assert (said[person] == UNSAID).all()
        else:
            assert ((said[person] == UNSAID) == bought).all()
            assert np.exp(said[person][~bought]).sum() == pytest.approx(1.0, rel=1e-3)


def test_what_is_said_of_somebody_depends_on_no_block_and_on_nothing_later(learnt: Learnt) -> None:
    log = happened()
    expectation, histories = Expectation(learnt, log, N_ITEMS), histories_of(log, PEOPLE)
    whole = expectation.of(histories, CUT)
    for person in range(PEOPLE):
        alone = expectation.of(histories.people(person, person + 1).until(CUT + 1), CUT)
        assert alone[0].tobytes() == whole[person].tobytes()
    assert whole.tobytes() != expectation.of(histories, T0).tobytes()


def test_of_many_people_a_sample_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    every = sequences_of(happened())
    monkeypatch.setattr(expected, "MOST_PEOPLE", 5)
    some = sequences_of(happened())
    assert some.users == 5 < every.users
    assert {some.one(user).tobytes() for user in range(5)} <= {every.one(u).tobytes() for u in range(every.users)}


def test_what_was_learnt_follows_the_items_to_another_shelf(learnt: Learnt) -> None:
    ids = [f"p{n}" for n in range(N_ITEMS)]
    known = Known(learnt, ids)
    assert known.of(ids) is learnt
    moved = known.of(["new", *reversed(ids)])
    assert moved.network["items"][1:].tobytes() == learnt.network["items"][::-1].tobytes()
    assert not moved.network["items"][0].any()


def test_both_parts_are_those_made_by_hand() -> None:
    assert UNSAID == UNSAID_IN_KERNEL
    chance = np.random.default_rng(5)
    said = np.round(-9 * chance.random((PEOPLE, N_ITEMS)), 1).astype(np.float32)
    said[chance.random(said.shape) < 0.3] = UNSAID
    log, made = rows(list(range(PEOPLE)), list(range(PEOPLE)), [T0 - DAY_MS] * PEOPLE), tables()
    histories = histories_of(log)
    maker = ListMaker(made, Blend(), expectation=Planted(said))
    for person in range(PEOPLE):
        own = histories.people(person, person + 1)
        items, parts = maker.candidates(histories, person, T0)
        wanted = parts_of(own, made, T0, said[person], items)
        for name in ("expected", "expected_place"):
            assert parts[:, PARTS.index(name)] == pytest.approx(wanted[name][items]), name
    assert (parts[:, PARTS.index("expected_place")] == 0).sum() == 1


def test_the_most_expected_are_candidates_whatever_else_is_known() -> None:
    n_items = 900
    said = np.full((1, n_items), UNSAID, dtype=np.float32)
    chosen = np.arange(700, 700 + BEST_EXPECTED + 10)
    said[0, chosen] = -np.arange(len(chosen), dtype=np.float32)
    log = rows([0], [0], [T0 - DAY_MS])
    made = make_tables(shop(1, n_items), log, T0)
    without = ListMaker(made, Blend()).candidates(histories_of(log), 0, T0).items
    found = ListMaker(made, Blend(), expectation=Planted(said)).candidates(histories_of(log), 0, T0).items
    best = [item for item in chosen.tolist() if made.available[item]][:BEST_EXPECTED]
    assert set(best) <= set(found.tolist())
    assert not set(best) <= set(without.tolist())
    assert len(set(found.tolist())) == len(found)


def test_of_equally_expected_ones_the_first_are_candidates() -> None:
    n_items = 900
    said = np.full((1, n_items), np.float32(-3))
    said[0, 899] = UNSAID
    log = rows([0], [0], [T0 - DAY_MS])
    made = make_tables(shop(1, n_items), log, T0)
    found = ListMaker(made, Blend(), expectation=Planted(said)).candidates(histories_of(log), 0, T0).items
    assert set(np.flatnonzero(made.available)[:BEST_EXPECTED].tolist()) <= set(found.tolist())


def test_a_room_is_left_as_it_was() -> None:
    said = -np.random.default_rng(1).random((PEOPLE, N_ITEMS)).astype(np.float32)
    log = rows(list(range(PEOPLE)), list(range(PEOPLE)), [T0 - DAY_MS] * PEOPLE)
    histories, made = histories_of(log), tables()
    maker = ListMaker(made, Blend(), expectation=Planted(said))
    first, again = (maker.block(histories, T0) for _ in range(2))
    assert first.items.tobytes() == again.items.tobytes()
    alone = maker.block(histories.people(4, 5), T0)
    assert alone.items.tobytes() == first.items[4:5].tobytes()
