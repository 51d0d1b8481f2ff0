"""The settings of precomputed lists."""

from typing import Annotated

from msgspec import Meta, Struct

from rayce.knobs import Positive, knob

NEVER_AGAIN = -1.0


class ListSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Precomputed lists."""

    length: Annotated[Positive, knob("Products in a person's precomputed list, at most.")] = 100
    again_days: Annotated[
        float,
        Meta(ge=NEVER_AGAIN),
        knob("How long what a person bought stays out of their list: 0 not at all, -1 for ever."),
    ] = 0.0
    again_days_by_category: Annotated[
        dict[str, float],
        knob(
            "The same by category (`{Fridges: -1, Shoes: 90}`); of an item's categories the narrowest named here counts."
        ),
    ] = {}
    learn_days: Annotated[
        float, Meta(ge=0), knob("Weights of the parts of a list that are older are learned anew; 0: at every run.")
    ] = 7.0
    learn_people: Annotated[
        int, Meta(ge=0), knob("People of each four weeks of the past from whom they are learned; 0: fixed weights.")
    ] = 4_000
    ease_neighbours: Annotated[
        int,
        Meta(ge=0, le=500),
        knob(
            "Products that each product speaks for by EASE^R, which takes minutes with 10,000 products; 0: without it."
        ),
    ] = 60
    sequence_items: Annotated[
        int,
        Meta(ge=0, le=50_000),
        knob(
            "Of a shop with at most so many products lists also follow from the order in which people buy, learnt by a"
            " small network in up to a quarter of an hour at each learning of the weights; 0: never. Worth it where order"
            " tells much and things are taken once (films, courses, books)."
        ),
    ] = 0
