"""The columns of what is exported, by kind: the same in every form of file, with JSON where a form has only texts."""

import pyarrow as pa

_LINE = pa.struct(
    [
        pa.field("item_id", pa.string()),
        pa.field("quantity", pa.int64()),
        pa.field("price", pa.float64()),
        pa.field("category", pa.string()),
        pa.field("brand", pa.string()),
    ]
)

EVENTS = pa.schema(
    [
        pa.field("event_id", pa.string()),
        pa.field("type", pa.string()),
        pa.field("person", pa.string()),
        pa.field("timestamp_ms", pa.int64()),
        pa.field("tenant", pa.string()),
        pa.field("session", pa.string()),
        pa.field("items", pa.list_(_LINE)),
        pa.field("context", pa.string()),
        pa.field("properties", pa.string()),
        pa.field("consent", pa.int32()),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
    ]
)
"""See `rayce.exported_event`."""

RECOMMENDATIONS = pa.schema(
    [
        pa.field("person", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("item_id", pa.string()),
        pa.field("score", pa.float64()),
    ]
)

SEGMENTS = pa.schema([pa.field("person", pa.string()), pa.field("segment", pa.string())])

ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("categories", pa.list_(pa.string())),
        pa.field("brand", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("available", pa.bool_()),
        pa.field("attributes", pa.string()),
    ]
)

JSON_COLUMNS = ("context", "properties", "attributes")
"""Texts of JSON also in Parquet: their values are of several kinds."""
