"""The page of a report: well formed, escaped, self-contained, and the same bytes for the same values."""

from html.parser import HTMLParser
from math import inf, nan
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.report_page import MAX_ROWS, Bars, Lines, Part, Report, Table, Text, render

VOID = {"meta"}
numbers = st.floats() | st.integers(-(10**12), 10**12).map(float)
texts = st.text(max_size=40)
points = st.lists(st.tuples(numbers, numbers), max_size=8)
parts = st.one_of(
    st.builds(Text, texts, texts),
    st.builds(Table, texts, st.just(("name", "value")), st.lists(st.tuples(texts, st.none() | numbers), max_size=5)),
    st.builds(Lines, texts, texts, texts, st.dictionaries(texts, points, max_size=8), st.booleans()),
    st.builds(Bars, texts, st.lists(st.tuples(texts, numbers), max_size=5), texts),
)


class Checker(HTMLParser):
    """Every element closed in its order; collects the elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(*shown: Part) -> str:
    return render(Report("title", "about", shown))


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    return checker


@settings(max_examples=300, deadline=None)
@given(st.lists(parts, max_size=4), texts)
def test_whatever_the_values_the_page_is_whole_and_fetches_nothing(shown: list[Part], title: str) -> None:
    page = render(Report(title, title, shown))
    found = checked(page)
    assert not found.tags & {"script", "link", "img", "iframe", "image", "use", "foreignobject"}
    assert not found.attributes & {"href", "src", "onload", "onclick", "style"}
    assert page == render(Report(title, title, shown))


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=1>', "</svg>", "&lt;"])
def test_hostile_names_are_text(hostile: str) -> None:
    def page_about(name: str) -> str:
        return page_of(
            Table(name, (name,), [(name,)], name),
            Bars(name, [(name, 1.0)], name, name),
            Lines(name, name, name, {name: [(0, 1), (1, 2)]}, note=name),
            Text(name, name),
        )

    page, harmless = page_about(hostile), page_about("harmless")
    found = checked(page)
    assert found.tags == checked(harmless).tags
    assert page.count(hostile) == harmless.count(hostile)
    assert sum(hostile in text for text in found.text) >= 8


def test_charts_are_well_formed_svg_within_their_frame() -> None:
    page = page_of(
        Lines("loss", "trees", "ndcg", {"train": [(1, 0.1), (2, nan), (3, 0.9)], "held out": [(1, 0.2)]}),
        Bars("gain", [("a", -3.0), ("b", 5.0), ("c", inf)], " %"),
    )
    charts = [f"<svg{part.partition('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(charts) == 2
    for chart in charts:
        root = ElementTree.fromstring(chart)
        _x, _y, width, height = (float(n) for n in root.attrib["viewBox"].split())
        for rect in root.iter("rect"):
            assert 0 <= float(rect.attrib["x"]) <= float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width
        for line in root.iter("polyline"):
            for pair in line.attrib["points"].split():
                x, y = map(float, pair.split(","))
                assert 0 <= x <= width and 0 <= y <= height
    assert charts[0].count("<polyline") == 2 and "inf" not in charts[1] and charts[1].count("<rect") == 2


def test_a_greater_value_is_drawn_higher_and_longer() -> None:
    page = page_of(Lines("l", "x", "y", {"a": [(0, 1), (1, 5)]}), Bars("b", [("one", 1.0), ("four", 4.0)]))
    first, last = page.partition('points="')[2].partition('"')[0].split()
    assert float(first.split(",")[1]) > float(last.split(",")[1])
    widths = [float(part.partition('"')[0]) for part in page.split(' width="')[1:]]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01)


def test_nothing_to_draw_is_said_and_what_is_cut_is_counted() -> None:
    page = page_of(
        Bars("b", [("x", nan)]), Lines("l", "x", "y", {}), Table("t", ("n",), [(n,) for n in range(MAX_ROWS + 7)])
    )
    assert page.count("no values") == 2 and "7 rows more" in page


def test_numbers_of_a_column_stand_right_and_words_left() -> None:
    page = page_of(Table("t", ("name", "value"), [("a", 1_234_567), ("b", None)]))
    assert '<td class="n">1,234,567</td>' in page and "<td>a</td>" in page


def test_tables_may_be_wider_than_text() -> None:
    style = page_of(Table("t", ("n",), [(1,)])).partition("<style>")[2].partition("</style>")[0]
    widths = {
        rule.partition("{")[0].strip(): rule.partition("max-width:")[2].partition("rem")[0] for rule in style.split("}")
    }
    assert float(widths["body"]) * 16 > 1_100 and float(widths["p,svg"]) < 50 and not widths[".scroll"]
