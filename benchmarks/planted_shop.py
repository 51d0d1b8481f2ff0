"""A synthetic shop of any size whose truth is known: who likes what, and what follows what, are planted.

Products lie in groups of about `GROUP`. A person likes a few groups and has a few staples, bought again and again; within a
session one product leads to another of its group, one of the `FOLLOWERS` that were planted for it. The rest is popularity. So
what a recommender finds can be held against what was planted. Made by blocks of people, each with a seed of its own.
"""

from typing import NamedTuple

import numpy as np

GROUP = 100
FOLLOWERS = 8
STAPLES, LIKED = 3, 4
BLOCK_PEOPLE = 25_000
AFTERWARDS = 3
"""So many further products of each person are kept back: what a list should foretell."""
BEGIN_MS, SPAN_MS = 1_750_000_000_000, 180 * 86_400_000
TYPES = ("view", "add_to_cart", "purchase")
KIND_SHARES = (0.75, 0.9)
NEW_SESSION = 0.18
FOLLOWS, STAPLE, LIKES = 0.55, 0.15, 0.2
"""Chances of a step: to a follower of the product before (within a session), to a staple, into a liked group."""


class Size(NamedTuple):
    """How many of each. Events are exact, as long as there is one for each person."""

    people: int
    items: int
    events: int

    @property
    def blocks(self) -> int:
        """Blocks of people."""
        return -(-self.people // BLOCK_PEOPLE)

    @property
    def groups(self) -> int:
        """Groups of products: product `n` is in group `n % groups`, and the more popular there the lower its number."""
        return max(1, self.items // GROUP)


class Block(NamedTuple):
    """Events of a block of people, by time. `afterwards`, people × `AFTERWARDS`, is what each took next: not among the events.

    `session` counts within the person; `kind` is an index into `TYPES`.
    """

    first_person: int
    person: np.ndarray
    session: np.ndarray
    item: np.ndarray
    kind: np.ndarray
    at_ms: np.ndarray
    afterwards: np.ndarray


class Steps(NamedTuple):
    """What people did one after another: people × steps, those with the most steps first."""

    item: np.ndarray
    session: np.ndarray
    kind: np.ndarray
    at_ms: np.ndarray


def planted(size: Size, seed: int = 0) -> np.ndarray:
    """items × `FOLLOWERS`: what follows each product, the most likely first; all different, and of its own group."""
    chance = np.random.default_rng([seed, 0])
    item = np.arange(size.items)[:, None]
    members = (size.items - 1 - item % size.groups) // size.groups + 1
    most = int(members.min()) - 1
    steps = 1 + np.argsort(chance.random((size.items, most), dtype=np.float32), axis=1)[:, :FOLLOWERS]
    return np.asarray((item // size.groups + steps) % members * size.groups + item % size.groups, dtype=np.int32)


def block(size: Size, follows: np.ndarray, number: int, seed: int = 0) -> Block:
    """The events of one block of people."""
    chance = np.random.default_rng([seed, 1, number])
    first = number * BLOCK_PEOPLE
    people = min(BLOCK_PEOPLE, size.people - first)
    share = size.events * (first + people) // size.people - size.events * first // size.people
    eager = chance.gamma(1.3, size=people)
    counts = 1 + chance.multinomial(max(0, share - people), eager / eager.sum())
    walker = np.argsort(-counts, kind="stable").astype(np.int32)
    counts = counts[walker]
    steps = _walk(size, follows, counts, chance)
    afterwards = np.empty((people, AFTERWARDS), np.int32)
    afterwards[walker] = np.take_along_axis(steps.item, counts[:, None] + np.arange(AFTERWARDS), axis=1)
    known = np.arange(steps.item.shape[1]) < counts[:, None]
    person = np.repeat(walker, counts)
    order = np.argsort(steps.at_ms[known], kind="stable")
    item, session, kind, at_ms = (column[known][order] for column in steps)
    return Block(first, person[order], session, item, kind, at_ms, afterwards)


def _walk(size: Size, follows: np.ndarray, counts: np.ndarray, chance: np.random.Generator) -> Steps:
    people, most = len(counts), int(counts[0]) + AFTERWARDS
    liked = _skewed(chance.random((people, LIKED), np.float32), size.groups, 1.5)
    staples = _of_group(size, liked[:, :STAPLES], chance.random((people, STAPLES), np.float32))
    item = np.zeros((people, most), np.int32)
    session = np.zeros((people, most), np.int16)
    kind = np.zeros((people, most), np.int8)
    at_ms = np.zeros((people, most), np.int64)
    at_ms[:, 0] = BEGIN_MS + chance.random(people) * 0.1 * SPAN_MS
    rest_ms = 0.8 * SPAN_MS / (NEW_SESSION * counts + 1)
    for step in range(most):
        n = int(np.searchsorted(-counts, -(step - AFTERWARDS), side="left"))  # those who have more steps than this
        who = np.arange(n)
        anew, way, which, kinds = chance.random((4, n), np.float32)
        fresh = (anew < NEW_SESSION) if step else np.ones(n, bool)
        way = np.where(fresh, FOLLOWS + (1 - FOLLOWS) * way, way)
        into = liked[who, (which * LIKED).astype(np.int64)]
        rank = chance.random(n, np.float32)
        taken = _skewed(rank, size.items, 3.0)
        likes = way < FOLLOWS + STAPLE + LIKES
        taken[likes] = _of_group(size, into[likes], rank[likes])
        staple = way < FOLLOWS + STAPLE
        taken[staple] = staples[who[staple], (which[staple] * STAPLES).astype(np.int64)]
        follow = way < FOLLOWS
        if step:
            taken[follow] = follows[item[:n, step - 1][follow], _skewed(which[follow], follows.shape[1], 1.5)]
            gap = np.where(fresh, rest_ms[:n] * chance.standard_exponential(n, np.float32), 20_000 + 100_000 * rank)
            at_ms[:n, step] = np.minimum(at_ms[:n, step - 1] + gap.astype(np.int64), BEGIN_MS + SPAN_MS - 1)
            session[:n, step] = session[:n, step - 1] + fresh
        item[:n, step] = taken
        kind[:n, step] = np.where(staple & ~follow, 2, np.searchsorted(KIND_SHARES, kinds))
    return Steps(item, session, kind, at_ms)


def _skewed(chance: np.ndarray, size: int, power: float) -> np.ndarray:
    """Numbers below `size`, the low ones more often: rank r or less has chance ((r + 1) / size) ** (1 / power)."""
    return np.minimum((size * chance.astype(np.float64) ** power).astype(np.int64), size - 1)


def _of_group(size: Size, group: np.ndarray, chance: np.ndarray) -> np.ndarray:
    return _skewed(chance, size.items // size.groups, 2.0) * size.groups + group
