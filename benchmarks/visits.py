"""Visits as a shop has them: people come for a session of some pages, look at each for a while, and some come more often.

Sessions begin at random (Poisson); who comes follows Zipf's law; a session has a geometric number of pages, between which lie
exponential pauses. What is returned is the steady state: sessions that began before the first request are under way.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.shop_events import zipf

MEAN_PAGES = 6.0
MEAN_PAUSE_S = 25.0
BEFORE_S = 600.0
"""Older sessions have ended, but for one in ten thousand."""


def visits(users: int, rate: float, seconds: float, seed: int) -> Sequence[int]:
    """Who asks at each of the `rate * seconds` requests, one every 1/rate seconds.

    >>> some = visits(1_000, 50, 20, seed=1)
    >>> len(some), some == visits(1_000, 50, 20, seed=1)
    (1000, True)
    """
    chance = np.random.default_rng(seed)
    span_s = BEFORE_S + seconds
    sessions = int(1.2 * rate / MEAN_PAGES * span_s) + 100
    who = np.array(zipf(users, sessions, seed), dtype=np.int64)
    pages = chance.geometric(1 / MEAN_PAGES, sessions)
    begins_s = np.sort(chance.random(sessions)) * 1.2 * span_s - BEFORE_S
    pauses_s = chance.exponential(MEAN_PAUSE_S, pages.sum())
    first = np.cumsum(pages) - pages
    pauses_s[first] = 0.0
    since_s = np.cumsum(pauses_s)
    at_s = np.repeat(begins_s, pages) + since_s - np.repeat(since_s[first], pages)
    order = np.argsort(at_s, kind="stable")
    order = order[at_s[order] >= 0.0][: int(rate * seconds)]
    found: list[int] = np.repeat(who, pages)[order].tolist()
    return found
