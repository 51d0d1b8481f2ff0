"""In which order batch segments are worked out: the seeds of a lookalike before the lookalike."""

from collections.abc import Mapping

from rayce.batch_segments.definition import Definition
from rayce.errors import InvalidCatalogue


def seed_segment(definition: Definition) -> str | None:
    """The segment whose members are the seeds."""
    return definition.section.lookalike.segment if definition.section.lookalike is not None else None


def seeds_first(definitions: Mapping[str, Definition]) -> list[str]:
    """The names, each after the one that its seeds are in, otherwise as they stand."""
    found: dict[str, None] = {}
    for name in definitions:
        chain: list[str] = []
        at: str | None = name
        while at is not None and at in definitions and at not in found and at not in chain:
            chain.append(at)
            at = seed_segment(definitions[at])
        found.update(dict.fromkeys(reversed(chain)))
    return list(found)


def check_seeds(definitions: Mapping[str, Definition], keys: Mapping[str, str]) -> None:
    """`InvalidCatalogue` where seeds go round in a circle; `keys`: where each section stands."""
    for name in definitions:
        chain = [name]
        while (seeds := seed_segment(definitions[chain[-1]])) is not None and seeds in definitions:
            if seeds == name:
                named = ", ".join(f"{keys[each]}.lookalike.segment" for each in chain)
                circle = " of ".join(f"`{each}`" for each in (*chain, name))
                raise InvalidCatalogue(
                    f"{named}: seeds go round in a circle: {circle}", f"{keys[name]}.lookalike.segment", chain[-1]
                )
            if seeds in chain:
                break  # a circle beside this one: its own members name it
            chain.append(seeds)
