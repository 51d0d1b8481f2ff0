"""Coverage, diversity, novelty and calibration: each moves with what it is named for, and with nothing else."""

import numpy as np
import pytest

from rayce.evaluation.breadth import breadth
from rayce.item import Item
from rayce.profile import Bought, Profile
from rayce.shelf import Shelf

ITEMS = [Item(f"p{n}", categories=("all", f"g{n % 4}"), available=n != 11) for n in range(12)]
SHELF = Shelf.from_items(
    ITEMS,
    np.array([2.0 ** (11 - n) for n in range(12)], np.float32),
    np.full((12, 1), -1, np.int32),
    np.zeros((12, 1), np.float32),
)
NOBODY = Profile()
FOND_OF_G0 = Profile(bought={"p0": Bought(3, 0, 0, 1.0), "p4": Bought(2, 0, 0, 1.0)})


def of(*lists: list[str], profile: Profile = NOBODY) -> dict[str, float]:
    return breadth(SHELF, [(profile, listed) for listed in lists])


def test_coverage_is_of_what_is_available() -> None:
    assert of(["p0", "p1"], ["p1", "p2"])["coverage"] == pytest.approx(3 / 11, abs=1e-4)
    assert of(["p0", "gone"])["coverage"] == pytest.approx(1 / 11, abs=1e-4)


def test_a_list_of_one_department_is_less_varied_than_one_of_four() -> None:
    assert of(["p0", "p4", "p8"])["diversity"] == 0.0
    assert of(["p0", "p1", "p2"])["diversity"] == pytest.approx(2 / 3, abs=1e-4)


def test_what_hardly_anybody_buys_is_novel() -> None:
    assert of(["p10"])["novelty"] > of(["p5"])["novelty"] > of(["p0"])["novelty"] > 0


def test_a_list_like_the_person_is_calibrated_and_another_is_not() -> None:
    assert of(["p0", "p4", "p8"], profile=FOND_OF_G0)["miscalibration"] == pytest.approx(0.0, abs=1e-4)
    assert of(["p1", "p2", "p3"], profile=FOND_OF_G0)["miscalibration"] > 3
    assert of(["p1"])["miscalibration"] == 0.0, "nobody knows what a stranger likes"


def test_nothing_shown_is_nothing_told() -> None:
    assert of() == of([]) == {"coverage": 0.0, "diversity": 0.0, "novelty": 0.0, "miscalibration": 0.0}
