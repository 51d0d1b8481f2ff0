"""`benchmarks.planted_shop`: what is planted is in the events."""

import numpy as np
import pytest

from benchmarks import planted_shop
from benchmarks.planted_shop import BEGIN_MS, FOLLOWERS, SPAN_MS, TYPES, Block, Size, block, planted

SIZE = Size(people=900, items=1_000, events=40_000)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    monkeypatch.setattr(planted_shop, "BLOCK_PEOPLE", 400)
    return [block(SIZE, planted(SIZE), number) for number in range(SIZE.blocks)]


def in_session(made: Block) -> tuple[np.ndarray, np.ndarray]:
    """Of each step within a session, the product before and the product."""
    order = np.lexsort((made.at_ms, made.person))
    person, session, item = made.person[order], made.session[order], made.item[order]
    same = (person[1:] == person[:-1]) & (session[1:] == session[:-1])
    return item[:-1][same], item[1:][same]


def test_there_are_exactly_as_many_events_and_everybody_has_one(blocks: list[Block]) -> None:
    assert [made.first_person for made in blocks] == [0, 400, 800]
    assert sum(len(made.item) for made in blocks) == SIZE.events
    assert all(len(np.unique(made.person)) == len(made.afterwards) for made in blocks)


def test_columns_are_in_range_and_by_time(blocks: list[Block]) -> None:
    for made in blocks:
        assert (np.diff(made.at_ms) >= 0).all()
        assert made.at_ms[0] >= BEGIN_MS and made.at_ms[-1] < BEGIN_MS + SPAN_MS
        assert set(np.unique(made.kind)) == set(range(len(TYPES)))
        assert made.item.min() >= 0 and made.item.max() < SIZE.items


def test_followers_are_of_the_same_group_and_all_different() -> None:
    follows = planted(SIZE)

    own = np.arange(SIZE.items)[:, None]
    assert (follows % SIZE.groups == own % SIZE.groups).all() and (follows != own).all()
    assert all(len(set(row)) == FOLLOWERS for row in follows.tolist())


def test_what_was_planted_follows_and_what_was_not_does_not(blocks: list[Block]) -> None:
    follows, others = planted(SIZE), planted(SIZE, seed=9)
    before, after = in_session(blocks[0])

    assert (follows[before] == after[:, None]).any(axis=1).mean() > 0.5
    assert (others[before] == after[:, None]).any(axis=1).mean() < 0.2


def test_what_is_kept_back_goes_on_where_the_events_end(blocks: list[Block]) -> None:
    made, follows = blocks[0], planted(SIZE)
    order = np.lexsort((made.at_ms, made.person))
    last = made.item[order][np.flatnonzero(np.diff(made.person[order], append=-1))]

    goes_on = (follows[last] == made.afterwards[:, :1]).any(axis=1).mean()

    assert goes_on > 0.35 > 3 * (follows[np.roll(last, 1)] == made.afterwards[:, :1]).any(axis=1).mean()


def test_the_same_seed_gives_the_same_events_and_another_others() -> None:
    one, same, other = (block(SIZE, planted(SIZE), 0, seed) for seed in (1, 1, 2))

    assert one.item.tobytes() == same.item.tobytes() != other.item.tobytes()
