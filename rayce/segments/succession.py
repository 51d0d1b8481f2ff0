"""Which catalogue may follow which: flags are stored by bit number, so a bit must never come to mean something else."""

from msgspec import Struct

from rayce.errors import InvalidCatalogue
from rayce.segments.catalogue import Catalogue


class Lineage(Struct, frozen=True):
    """What bits have meant in all catalogues that were ever live."""

    names: dict[int, str] = {}
    retired: tuple[int, ...] = ()

    def extended(self, catalogue: Catalogue) -> "Lineage":
        """With this catalogue too."""
        return Lineage(self.names | catalogue.names, tuple(sorted({*self.retired, *catalogue.retired})))


def check_succession(live: Catalogue, lineage: Lineage, new: Catalogue) -> None:
    """`InvalidCatalogue` where a bit of `new` has meant another segment, is a retired one's, or where one is lost."""
    for segment in new.segments:
        bit, key = segment.bit, f"segments.{segment.name}.bit"
        known = live.names.get(bit) or lineage.names.get(bit)
        if known is not None and known != segment.name:
            raise InvalidCatalogue(
                f"{key}: bit {bit} belongs to `{known}`, so it cannot be that of `{segment.name}`", key, bit
            )
        if bit not in live.names and (bit in live.retired or bit in lineage.retired):
            raise InvalidCatalogue(
                f"{key}: bit {bit} was retired (it was that of {_quoted(known)}); `{segment.name}` needs a new one",
                key,
                bit,
            )
        former = live.by_name.get(segment.name)
        if former is not None and former.bit == bit and (former.ttl_s is None) != (segment.ttl_s is None):
            was = "permanent" if former.ttl_s is None else "short-lived"
            raise InvalidCatalogue(
                f"segments.{segment.name}.ttl_s: `{segment.name}` is {was} where it is live and cannot change its nature:"
                f" retire bit {bit} and take a new one",
                f"segments.{segment.name}.ttl_s",
                segment.ttl_s,
            )
    for bit, name in live.names.items():
        if bit not in new.names and bit not in new.retired:
            raise InvalidCatalogue(
                f"retired_bits: `{name}` is gone, so its bit {bit} has to be listed here", "retired_bits", bit
            )
    for bit in sorted(live.retired - new.retired):
        name = _quoted(lineage.names.get(bit))
        raise InvalidCatalogue(
            f"retired_bits: bit {bit} is retired (it was that of {name}) and has to stay listed", "retired_bits", bit
        )


def _quoted(name: str | None) -> str:
    return f"`{name}`" if name else "a segment of earlier times"
