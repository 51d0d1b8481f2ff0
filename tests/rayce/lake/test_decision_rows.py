"""Columns of decisions."""

from rayce.decision import VERSION, Decision, ShownItem, encode_decision
from rayce.lake.columns import DECISION_COLUMNS
from rayce.lake.decision_rows import decision_rows
from rayce.lake.records import Chunk, Origin
from tests.rayce.lake.lakes import FROM_MS, person

FULL = Decision(
    version=VERSION,
    decision_id="d1",
    kind="recommendation",
    tenant="shop",
    at_ms=FROM_MS,
    person=person(1),
    purposes=3,
    slot="home",
    policy_id="p",
    experiment="x",
    arm="a",
    variant="v",
    propensity=0.25,
    shown=(ShownItem("p1", 0.5), ShownItem("p2")),
    rung="live",
    event_id="e1",
)
BARE = Decision(version=VERSION, decision_id="d2", kind="slot", tenant="shop", at_ms=FROM_MS)


def test_a_decision_is_in_its_columns() -> None:
    values = [encode_decision(FULL), b"junk", encode_decision(BARE), b'{"at_ms": -1}']
    rows = decision_rows(Chunk(2, range(4), values, lambda _: Origin(b"k1:x", FROM_MS + 1))).to_pylist()
    for row, decision in ((rows[0], FULL), (rows[2], BARE)):
        same = set(DECISION_COLUMNS.names) & set(Decision.__struct_fields__)
        assert len(same) == 13
        assert {name: row[name] for name in same} == {name: getattr(decision, name) for name in same}
        assert row["timestamp_ms"] == decision.at_ms and row["partition"] == 2
        assert row["item_ids"] == [item.item_id for item in decision.shown]
    for row, offset in ((rows[1], 1), (rows[3], 3)):
        assert (row["person"], row["timestamp_ms"], row["offset"], row["kind"]) == ("k1:x", FROM_MS + 1, offset, None)
    assert [row["record"] for row in rows] == values
