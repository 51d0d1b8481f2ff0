"""What goes with what, and what is popular: computed at once from a tenant's interactions and catalogue."""

from rayce.affinities.ages import first_seen
from rayce.affinities.building import Built, build, build_shelf, with_living
from rayce.affinities.checks import check_popular, check_shelf
from rayce.affinities.choosing import Blend, Chosen
from rayce.affinities.together import neighbours
from rayce.affinities.top_lists import POPULARITY_HALF_LIFE_MS, build_popular, popularity

__all__ = [
    "POPULARITY_HALF_LIFE_MS",
    "Blend",
    "Built",
    "Chosen",
    "build",
    "build_popular",
    "build_shelf",
    "check_popular",
    "check_shelf",
    "first_seen",
    "neighbours",
    "popularity",
    "with_living",
]
