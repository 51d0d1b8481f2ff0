"""The shop's customers: who they are, and which of them take part."""

from hashlib import blake2b
from typing import Any

import numpy as np
from msgspec import Struct

from examples.demo import tables

LABELS = {
    "age": "Age",
    "income": "Income",
    "household_comp": "Household",
    "household_size": "Persons",
    "kids_count": "Children",
    "home_ownership": "Home",
    "marital_status": "Status",
}


class Household(Struct, frozen=True):
    """One household: its user id at rayce, whether it consented, and what the survey says of it (label → answer)."""

    number: int
    user_id: str
    consents: bool
    survey: dict[str, str]

    @property
    def summary(self) -> str:
        """One line for a list."""
        told = [self.survey[key] for key in ("Household", "Age", "Income") if key in self.survey]
        return " · ".join(told) or "no survey answers"


def share(name: str) -> float:
    """A number in [0, 1) which is the same for the same name at every start."""
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big") / 2**48


def read_households(numbers: np.ndarray[Any, Any], refusing: float) -> list[Household]:
    """The households of these numbers, in their order; `refusing` is the share which gave no consent."""
    answers = {row.pop("household_id"): row for row in tables.rows("demographics", ["household_id", *LABELS])}
    return [
        Household(
            number=number,
            user_id=f"hh-{number}",
            consents=share(f"consent-{number}") >= refusing,
            survey={LABELS[key]: value for key, value in answers.get(number, {}).items() if value},
        )
        for number in numbers.tolist()
    ]


def sample(numbers: np.ndarray[Any, Any], count: int | None) -> np.ndarray[Any, Any]:
    """`count` of the numbers, the same ones at every start, ascending; all of them where `count` is None."""
    if count is None or count >= len(numbers):
        return np.sort(numbers)
    return np.sort(np.array(sorted(numbers.tolist(), key=lambda number: share(f"sample-{number}"))[:count]))
