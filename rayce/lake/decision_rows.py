"""Records of the topic of decisions into columns, a chunk at a time."""

from typing import Annotated

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Meta, Struct

from rayce.event import LATEST_MS
from rayce.lake.columns import DECISION_COLUMNS
from rayce.lake.records import Chunk, decoded, finished, listed


class _Shown(Struct, frozen=True, gc=False):
    item_id: str


class _Row(Struct, frozen=True, gc=False):
    """What of `rayce.decision.Decision` is a column."""

    decision_id: str
    kind: str
    tenant: str
    at_ms: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    person: str = ""
    purposes: Annotated[int, Meta(ge=0, le=255)] = 0
    slot: str = "default"
    policy_id: str = ""
    experiment: str = ""
    arm: str = ""
    variant: str = ""
    propensity: float = 1.0
    shown: tuple[_Shown, ...] = ()
    rung: str = ""
    event_id: str = ""


_decode = msgspec.json.Decoder(_Row).decode
_BLANK = _Row("", "", "", 0)
_TEXTS = (
    "tenant",
    "person",
    "kind",
    "decision_id",
    "slot",
    "policy_id",
    "experiment",
    "arm",
    "variant",
    "rung",
    "event_id",
)


def decision_rows(chunk: Chunk) -> pa.RecordBatch:
    """One row a record, in their order."""
    rows, bad = decoded(chunk, _decode, _BLANK)
    bounds, shown = listed([row.shown for row in rows])
    columns = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in _TEXTS}
    columns["purposes"] = pa.array([row.purposes for row in rows], pa.int32())
    columns["propensity"] = pa.array([row.propensity for row in rows], pa.float64())
    columns["item_ids"] = pa.ListArray.from_arrays(bounds, pa.array([item.item_id for item in shown], pa.string()))
    timestamps_ms = np.fromiter([row.at_ms for row in rows], np.int64, len(rows))
    return finished(chunk, columns, timestamps_ms, bad, DECISION_COLUMNS)
