"""The marketer's guide: every example holds together, and each action does to the guide's shop what the guide says."""

import re
from pathlib import Path

import numpy as np
import pytest

from rayce.circumstances import Circumstances
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.rules.rule import ACTIONS
from rayce.rules.rule_set import NO_RULES, RuleSet, parse_rules
from rayce.segments.catalogue import load_catalogue
from rayce.shelf import NOTHING, Shelf
from tests.samples import T0

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### ([\w ]+)\n.*?^```yaml\n(.*?)^```\n\n^```text\n(.*?)\n^```", PAGE, re.MULTILINE | re.DOTALL)
ROWS = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \| ([\d.]+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)


def listed(rules: RuleSet) -> str:
    size = len(ROWS)
    items = [Item(name, "", (category,), brand, float(price)) for name, category, brand, price, _days, _score in ROWS]
    added = np.array([T0 - int(row[4]) * DAY_MS for row in ROWS], dtype=np.int64)
    none = np.full((size, 1), NOTHING, dtype=np.int32)
    shelf = Shelf.from_items(items, np.ones(size, np.float32), none, np.zeros((size, 1), np.float32), added)
    scores = np.array([float(row[5]) for row in ROWS])
    pool = np.arange(size, dtype=np.int32)
    found = rules.bind(shelf, load_catalogue()).arrange(pool, scores, Circumstances(), 0, T0, 4)
    return ", ".join(shelf.ids[place] for place in found.places)


def test_the_guide_has_a_shop_and_an_example_for_every_action() -> None:
    assert len(ROWS) == 8
    assert {word for title, _rules, _list in EXAMPLES for word in title.split(" and ")} == set(ACTIONS)
    assert f"`{listed(NO_RULES)}`" in PAGE


@pytest.mark.parametrize(("title", "rules", "expected"), EXAMPLES, ids=[title for title, _rules, _list in EXAMPLES])
def test_an_example_does_what_the_guide_says(title: str, rules: str, expected: str) -> None:
    parsed = parse_rules(rules, load_catalogue())
    assert set(title.split(" and ")) == {rule.action for rule in parsed.rules}
    assert listed(parsed) == expected != listed(NO_RULES)


def test_every_yaml_block_holds_together_with_the_segments_that_come_with_rayce() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(EXAMPLES) + 1
    for block in blocks:
        assert parse_rules(block, load_catalogue()).rules
