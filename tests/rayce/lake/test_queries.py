"""The queries of docs/lake.md, run on a lake; and what they have to find."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from rayce.consent import TRAINING
from rayce.decision import Decision, encode_decision
from tests.rayce.lake.lakes import FROM_MS, a_table, an_event, append, encoded, person

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "lake.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
EVENTS = 60


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every name that the page's examples have bound, one after another."""
    events, decisions = a_table(tmp_path), a_table(tmp_path, "decisions")
    for at in range(0, EVENTS, 20):
        append(events, at % 2, encoded(range(at, at + 20)))
    append(events, 1, [*encoded(range(9), tenant="other"), *encoded([3], consent=0, type="purchase"), b"junk"])
    events.delete("event_id = 'e59'")  # rewritten by another program part, with other types in the file
    shown = [("hero", "a", 0.25), ("hero", "b", 0.75), ("hero", "b", 0.75), ("side", "x", 1.0)]
    append(decisions, 0, [decision(n, *each) for n, each in enumerate(shown)])
    monkeypatch.setenv("RAYCE_LAKE__PATH", str(tmp_path / "lake"))
    names: dict[str, Any] = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def decision(number: int, slot: str, arm: str, propensity: float) -> bytes:
    return encode_decision(
        Decision(
            version=1,
            decision_id=f"d{number}",
            kind="slot",
            tenant="shop",
            at_ms=FROM_MS + number,
            person=person(number),
            slot=slot,
            arm=arm,
            propensity=propensity,
        )
    )


def test_the_page_has_examples_for_each_engine() -> None:
    assert len(BLOCKS) == 5
    assert [any(name in block for block in BLOCKS) for name in ("duckdb", "polars", "DeltaTable")] == [True] * 3


def test_they_find_what_is_there(found: dict[str, Any]) -> None:
    kept = [an_event(number) for number in range(EVENTS - 1)]
    assert len(found["history"].values) == sum(bool(event.consent & TRAINING) for event in kept)
    purchases = [event for event in kept if event.type == "purchase"]
    counted = Counter(line.item_id for event in purchases for line in event.items)
    assert found["bought"] == sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    assert found["by_day"]["orders"].sum() == len(purchases) + 1
    revenue = sum(line.price or 0 for event in [*purchases, an_event(3)] for line in event.items)
    assert found["by_day"]["revenue"].sum() == pytest.approx(revenue)
    assert found["arms"] == [("hero", "a", 1, 0.25), ("hero", "b", 2, 0.75), ("side", "x", 1, 1.0)]
    assert found["rows"] == EVENTS - 1 + 1


def test_the_tables_ask_for_no_more_of_a_reader_than_the_page_says(tmp_path: Path) -> None:
    protocol = DeltaTable(str(a_table(tmp_path).settings.path) + "/events").protocol()
    assert (protocol.min_reader_version, protocol.min_writer_version) == (1, 2)
