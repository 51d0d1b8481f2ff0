"""The columns of the lake's tables. Columns are only ever added, at the end, and are null in rows from before them.

`date` is of the row's own time (`timestamp_ms`), in UTC, and splits the tables into folders. `record` is the log's record as it
is: whoever reads it has what the log had. A record that is no event of a known version (`rayce.event.decode_event` refuses it)
has its record, its position, the key as `person` and the broker's time; its lists are empty and the rest is null.
"""

import pyarrow as pa

from rayce.stores.interfaces import DECISIONS, EVENTS

DATE, OFFSET = "date", "offset"

EVENT_COLUMNS = pa.schema(
    [
        (DATE, pa.date32()),
        ("tenant", pa.string()),
        ("person", pa.string()),
        ("type", pa.string()),
        ("event_id", pa.string()),
        ("session", pa.string()),
        ("timestamp_ms", pa.int64()),
        ("consent", pa.int32()),
        ("item_ids", pa.list_(pa.string())),
        ("quantities", pa.list_(pa.int32())),
        ("prices", pa.list_(pa.float64())),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("record", pa.binary()),
    ]
)
"""Of the table `events`: what is said of the products (`item_ids`, `quantities`, `prices`) is in the order of the event."""

DECISION_COLUMNS = pa.schema(
    [
        (DATE, pa.date32()),
        ("tenant", pa.string()),
        ("person", pa.string()),
        ("kind", pa.string()),
        ("decision_id", pa.string()),
        ("timestamp_ms", pa.int64()),
        ("purposes", pa.int32()),
        ("slot", pa.string()),
        ("policy_id", pa.string()),
        ("experiment", pa.string()),
        ("arm", pa.string()),
        ("variant", pa.string()),
        ("propensity", pa.float64()),
        ("rung", pa.string()),
        ("item_ids", pa.list_(pa.string())),
        ("event_id", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("record", pa.binary()),
    ]
)
"""Of the table `decisions`."""

TABLES = {"events": EVENTS, "decisions": DECISIONS}
"""The tables by name, and the topic that each holds."""

COLUMNS = {"events": EVENT_COLUMNS, "decisions": DECISION_COLUMNS}
"""Their columns."""
