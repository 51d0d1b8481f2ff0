"""Contenders on the same cases: every measure of every case, their means by slice, and who is worse than whom."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.evaluation.breadth import breadth
from rayce.evaluation.cases import Case, slices
from rayce.evaluation.contenders import Contender
from rayce.evaluation.measures import MEASURES, measure
from rayce.shelf import Shelf
from rayce.trending import MIN_PEOPLE

COLD_ITEMS = "cold_items"

PerCase = dict[str, NDArray[np.float64]]
"""By measure, a value for each case."""


class Row(NamedTuple):
    """One contender on one slice: how many cases, and the mean of each measure."""

    contender: str
    slice: str
    cases: int
    means: dict[str, float]


class Comparison(NamedTuple):
    """`by_case` is of everything taken, by contender; `rows` are the means; `breadth` is by contender."""

    by_case: dict[str, PerCase]
    rows: list[Row]
    breadth: dict[str, dict[str, float]]

    def metrics(self, slices_told: Sequence[str] = ("cold_users", COLD_ITEMS)) -> dict[str, float]:
        """`<contender>.<measure>`, and `<contender>.<slice>.ndcg_at_10` of some slices."""
        told: dict[str, float] = {}
        for row in self.rows:
            if row.slice == "everybody":
                told |= {f"{row.contender}.{name}": value for name, value in row.means.items()}
                told |= {f"{row.contender}.{name}": value for name, value in self.breadth[row.contender].items()}
            elif row.slice in slices_told:
                told[f"{row.contender}.{row.slice}.ndcg_at_10"] = row.means["ndcg_at_10"]
        return told


def compare(
    shelf: Shelf, cases: Sequence[Case], contenders: Mapping[str, Contender], least: int = MIN_PEOPLE
) -> Comparison:
    """Every contender on every case; slices with fewer than `least` cases are left out."""
    places = slices(cases, least)
    by_case: dict[str, PerCase] = {}
    rows: list[Row] = []
    wide: dict[str, dict[str, float]] = {}
    for name, contender in contenders.items():
        shown = [contender(case) for case in cases]
        by_case[name] = measured(shown, [case.wanted for case in cases])
        cold = measured(shown, [case.cold for case in cases])
        rows += [_row(name, part, by_case[name], np.array(at, dtype=np.intp)) for part, at in places.items()]
        asked = np.flatnonzero(~np.isnan(cold[MEASURES[0]]))
        if len(asked) >= least:
            rows.append(_row(name, COLD_ITEMS, cold, asked))
        wide[name] = breadth(shelf, [(case.profile, listed) for case, listed in zip(cases, shown, strict=True)])
    return Comparison(by_case, rows, wide)


def measured(shown: Sequence[Sequence[str]], wanted: Sequence[frozenset[str]]) -> PerCase:
    """By measure, its value for each list; NaN where nothing was wanted."""
    nothing = (np.nan,) * len(MEASURES)
    values = [measure(listed, want) if want else nothing for listed, want in zip(shown, wanted, strict=True)]
    table = np.array(values, dtype=np.float64).reshape(-1, len(MEASURES))
    return dict(zip(MEASURES, table.T, strict=True))


def _row(contender: str, part: str, values: PerCase, at: NDArray[np.intp]) -> Row:
    return Row(contender, part, len(at), {name: round(float(column[at].mean()), 4) for name, column in values.items()})
