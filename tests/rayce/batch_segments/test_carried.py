"""Names that no line has are told, with those that lines do have."""

from rayce.batch_segments.carried import MOST_NAMES, Carried
from rayce.batch_segments.definition import Total
from rayce.event import Event, Line
from tests.samples import event


def bought(category: str, brand: str = "") -> Event:
    return event("purchase", lines=(Line("p", 1, 1.0, category, brand),))


def told(*events: Event, **of: Total) -> list[str]:
    carried = Carried(of)
    for each in events:
        carried.look_at(each)
    return carried.warnings()


def test_a_name_that_no_line_has_is_told_with_the_commonest_that_lines_have() -> None:
    log = [*[bought("garden1", "x")] * 2, *[bought(f"garden{n}") for n in (0, 2, 3, 4, 5)], bought("")]
    (warning,) = told(*log, a=Total(categories=("garden", "garden0")), b=Total(brands=("x",)))
    assert warning == (
        "`a`: no line of the history has the category `garden`; lines have"
        " `garden1`, `garden0`, `garden2`, `garden3`, `garden4`, …"
    )


def test_names_that_lines_have_and_totals_that_name_none_are_no_warning() -> None:
    assert told(bought("garden", "x"), a=Total(categories=("garden",)), b=Total(), c=Total(items=("q",))) == []


def test_where_lines_have_no_brand_it_is_said() -> None:
    assert told(bought("garden"), a=Total(brands=("x", "y"))) == [
        "`a`: no line of the history has the brand `x` or `y`; lines have none"
    ]


def test_a_name_is_found_however_many_others_there_are() -> None:
    log = [bought(f"c{n}") for n in range(MOST_NAMES + 1)]
    assert told(*log, a=Total(categories=(f"c{MOST_NAMES}",))) == []
