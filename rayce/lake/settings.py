"""The settings of the lake: where it is, how often it is appended to, and how it is kept in order."""

from typing import Annotated

from msgspec import Meta, field

from rayce.knobs import Hidden, Positive, knob


class LakeSettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """Cold memory: Delta tables of events and decisions."""

    path: Annotated[
        str,
        knob(
            "Folder that every node sees, or `s3://bucket/prefix`, of the Delta tables `events` and `decisions`; empty: there"
            " is no lake."
        ),
    ] = ""
    storage_options: Annotated[
        dict[str, str],
        knob(
            "For an object store: `AWS_REGION`, `AWS_ENDPOINT_URL`, keys, as delta-rs names them; empty: its own chain."
        ),
    ] = field(default_factory=dict)
    flush_rows: Annotated[
        Positive, knob("Rows appended at once at the most: more makes fewer and larger files, and takes more memory.")
    ] = 100_000
    flush_mib: Annotated[
        Positive, knob("Rows that wait may take so much memory at the most; then they are appended, however few.")
    ] = 128
    flush_s: Annotated[
        float,
        Meta(gt=0),
        knob("A row waits for others at the most so long: how far the lake lags behind in quiet times."),
    ] = 60.0
    target_file_mib: Annotated[
        Positive, knob("Small files of a day are put together into files of about this size.")
    ] = 128
    small_files: Annotated[
        Positive, knob("More small files than this, beyond one a day, are put together at once and not only at upkeep.")
    ] = 100
    upkeep_s: Annotated[
        float, Meta(gt=0), knob("How often the writer looks after its tables: old days, erased people, small files.")
    ] = 3_600.0
    retention_days: Annotated[
        int, Meta(ge=0), knob("Days older than this, by the events' own time, are deleted; 0: never.")
    ] = 400
    keep_replaced_h: Annotated[
        Positive,
        knob(
            "How long files stay that were replaced, for jobs that are still reading them; then erased rows are physically"
            " gone too."
        ),
    ] = 24
