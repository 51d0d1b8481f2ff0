"""What a segment's threshold aims at, where it is not a number: a precision or a size, for which training chooses one.

    threshold: {precision: 0.8}   # of those in it, so many shall do it
    threshold: {size: 0.1}        # so large a share of the people shall be in it

The chosen numbers stand in the model's manifest, by the name of the aim; a model that knows none for it leaves the segment as
it is, as one that is not there.
"""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

Share = Annotated[float, Meta(gt=0, lt=1)]

NO_THRESHOLDS: Mapping[str, float] = {}


class Aim(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Either a precision or a size."""

    precision: Share | None = None
    size: Share | None = None

    @property
    def exact(self) -> bool:
        """Whether one of them is given, and not both."""
        return (self.precision is None) != (self.size is None)

    @property
    def key(self) -> str:
        """The aim's name, in manifests and metrics.

        >>> Aim(precision=0.8).key, Aim(size=0.05).key
        ('precision_0.8', 'size_0.05')
        """
        return f"precision_{self.precision:g}" if self.precision is not None else f"size_{self.size:g}"


def threshold_for(threshold: float | Aim, model: object) -> float | None:
    """The number from which on somebody is a member; None where the model has chosen none for that aim."""
    if isinstance(threshold, Aim):
        thresholds: Mapping[str, float] = getattr(model, "thresholds", NO_THRESHOLDS)
        return thresholds.get(threshold.key)
    return threshold
