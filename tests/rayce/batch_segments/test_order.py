"""The order of batch segments: seeds first, and no circles."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.batch_segments.order import seed_segment, seeds_first
from rayce.errors import InvalidCatalogue
from rayce.segments.catalogue import Catalogue, parse_catalogue


def catalogue(*seeds: int | None) -> Catalogue:
    """Segments s0, s1, … with these numbers' members as seeds; -1: of one that is set by hand; None: a rule."""
    segments: list[dict[str, Any]] = [{"name": "by_hand", "bit": 900, "kind": "batch"}]
    for at, of in enumerate(seeds):
        like = {"lookalike": {"segment": "by_hand" if of == -1 else f"s{of}", "size": 9}}
        batch = {"when": {"feature": "purchases", "ge": 1}} if of is None else like
        segments.append({"name": f"s{at}", "bit": at, "kind": "batch", "batch": batch})
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments}))


def test_seeds_come_before_what_is_made_of_them_and_else_nothing_moves() -> None:
    assert seeds_first(catalogue(2, None, -1, 0).batch) == ["s2", "s0", "s1", "s3"]


@pytest.mark.parametrize("seeds, keys", [((0,), [1]), ((1, 0), [1, 2]), ((None, 2, 3, 1), [2, 3, 4])])
def test_a_circle_is_an_error_that_names_every_key(seeds: tuple[int | None, ...], keys: list[int]) -> None:
    with pytest.raises(InvalidCatalogue, match="circle") as refused:
        catalogue(*seeds)
    assert all(f"segments[{n}].batch.lookalike.segment" in str(refused.value) for n in keys)
    assert refused.value.key == f"segments[{keys[0]}].batch.lookalike.segment"


@given(st.lists(st.none() | st.integers(-1, 5), min_size=6, max_size=6))
def test_either_there_is_a_circle_or_everything_comes_once_after_its_seeds(seeds: list[int | None]) -> None:
    circle = any(_comes_back(seeds, at) for at in range(6))
    try:
        batch = catalogue(*seeds).batch
    except InvalidCatalogue:
        assert circle
        return
    assert not circle
    order = seeds_first(batch)
    assert sorted(order) == sorted(batch)
    for name in order:
        of = seed_segment(batch[name])
        assert of not in order or order.index(of) < order.index(name)


def _comes_back(seeds: list[int | None], start: int) -> bool:
    at = seeds[start]
    for _step in seeds:
        if at is None or at in (-1, start):
            break
        at = seeds[at]
    return at == start
