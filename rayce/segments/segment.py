"""One segment as the catalogue declares it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from rayce.segments.aim import Aim

MAX_BIT = 1023
MAX_TTL_S = 366 * 86_400

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
Kind = Literal["rule", "model", "batch"]


class Segment(Struct, frozen=True, forbid_unknown_fields=True):
    """One segment. `bit` is permanent and never reused; `triggers` are the event types that can change membership."""

    name: Name
    bit: Annotated[int, Meta(ge=0, le=MAX_BIT)]
    kind: Kind
    triggers: tuple[str, ...] = ()
    description: str = ""
    when: dict[str, Any] | None = None
    model: Name | None = None
    threshold: float | Aim = 0.5
    ttl_s: Annotated[int, Meta(ge=1, le=MAX_TTL_S)] | None = None
    listed: bool = False
    """Whether hot memory keeps a list of the members; permanent segments only."""
    batch: dict[str, Any] | UnsetType = UNSET
    """How `jobs.build_segments` works it out (`rayce.batch_segments`); of the kind `batch` only. Left out: others set it."""


def expiry_s(segment: Segment, had_s: int, now_ms: int) -> int:
    """When a short-lived membership confirmed at `now_ms` ends: rounded up to the second; a late event never shortens it."""
    assert segment.ttl_s is not None
    return max(-(-now_ms // 1000) + segment.ttl_s, had_s)
