"""The costliest person to rank for: as much history as a profile keeps, on a shelf of ten thousand products with sessions."""

import random

import numpy as np
from msgspec.structs import replace

from benchmarks.synthetic_shop import synthetic_list, synthetic_profile, synthetic_shelf
from rayce.decay import DAY_MS
from rayce.precomputed import List, decode_list
from rayce.profile import MAX_BOUGHT, MAX_TOUCHED, Bought, Profile
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_rows
from rayce.shelf import Shelf

ITEMS, SESSIONS, CLICKS = 10_000, 20_000, 5


def shelf_with_sessions(seed: int = 1) -> Shelf:
    """Sessions of popular products, as there are more of them."""
    chance = np.random.default_rng(seed)
    session = np.repeat(np.arange(SESSIONS, dtype=np.int32), CLICKS)
    item = (ITEMS * chance.random(len(session)) ** 2).astype(np.int32)
    at_ms = np.arange(len(session), dtype=np.int64) * 1_000
    return synthetic_shelf(ITEMS)._replace(sessions=Sessions(session_rows(session, item, at_ms), ITEMS))


def loyal_shopper(now_ms: int, seed: int = 2) -> tuple[Profile, List]:
    """(the person, their precomputed list)."""
    chance = random.Random(seed)
    ids = [f"p{n}" for n in chance.sample(range(ITEMS), MAX_BOUGHT + MAX_TOUCHED)]
    bought = {}
    for item_id in ids[:MAX_BOUGHT]:
        last_ms = now_ms - chance.randrange(2 * DAY_MS, 180 * DAY_MS)
        bought[item_id] = Bought(
            count := chance.randrange(1, 9), last_ms - 40 * DAY_MS * (count - 1), last_ms, count * 0.7
        )
    touched = {
        item_id: (now_ms - chance.randrange(60_000, DAY_MS), chance.uniform(0.5, 4.0)) for item_id in ids[MAX_BOUGHT:]
    }
    profile = replace(synthetic_profile(ITEMS, now_ms, chance), bought=bought, touched=touched)
    return profile, decode_list(synthetic_list(ITEMS, chance))
