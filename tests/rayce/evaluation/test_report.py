"""The report page of an evaluation: what its headings say."""

from rayce.evaluation.comparison import Comparison, Row
from rayce.evaluation.measures import MEASURES
from rayce.evaluation.report import evaluation_report
from rayce.report_page import Table


def tables() -> dict[str, Table]:
    means = dict.fromkeys(MEASURES, 0.5)
    rows = [Row("popularity", part, 60, means) for part in ("everybody", "cold_users", "segment:repeat_buyer")]
    found = Comparison({}, rows, {"popularity": {"coverage": 0.2}})
    return {part.title: part for part in evaluation_report("about", found, {}).parts if isinstance(part, Table)}


def test_a_segment_keeps_its_name_and_other_slices_are_words() -> None:
    assert list(tables()) == ["Everybody", "Cold users", "Segment repeat_buyer"]


def test_no_column_is_wider_than_a_word() -> None:
    columns = [name for table in tables().values() for name in table.columns]
    assert "hit rate at 10" in columns and "coverage" in columns
    assert not any("_" in name for name in columns)
