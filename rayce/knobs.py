"""What sections of the settings are made of, wherever in the library they are declared."""

from typing import Annotated, Any

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]


def knob(why: str) -> Meta:
    """The reason one would turn a knob; printed by `rayce settings` and in docs/settings.md."""
    return Meta(description=why)


class Hidden(Struct, frozen=True):
    """Settings among which there are secrets: printed, in an error or by a debugger, they do not show."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []
