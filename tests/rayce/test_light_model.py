"""The light model: the first trees of the ranker to the bit, and an order for lists that no ranker was asked about."""

import lightgbm
import msgspec
import numpy as np
import pytest

from rayce.candidates import Wish
from rayce.errors import InvalidArtifact
from rayce.light_model import LIGHT_TREES, LightModel, list_slate, read_light_model
from rayce.model import MANIFEST_FILE, MODEL_FILE, Manifest, to_files
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES, Ranked, as_ranked, slate
from rayce.shelf import Shelf
from tests.samples import T0, event, folded
from tests.shops import ITEMS, make_shelf

SHELF = make_shelf()
ENTRIES = [(f"p{n}", 12.0 - n) for n in range(12)]


def reorder(
    shelf: Shelf,
    light: LightModel | None,
    profile: Profile | None,
    entries: List,
    source: str,
    listed: List | None = None,
    **wish: object,
) -> list[Ranked]:
    wanted = Wish(suppress_s=0, **wish)  # type: ignore[arg-type]
    found = list_slate(shelf, light, profile, entries, source, T0, listed or [], wanted)
    return as_ranked(shelf, found, found.order.tolist(), profile)


def booster(trees: int, **more: object) -> lightgbm.Booster:
    """Trained to like what was touched, then the expensive."""
    chance = np.random.default_rng(1)
    rows = chance.gamma(1.0, 5.0, (600, len(RANKING_FEATURES)))
    rows[::5, RANKING_FEATURES.index("price")] = np.nan
    touched, price = (RANKING_FEATURES.index(name) for name in ("touched_weight", "price"))
    rows[:, touched] = chance.choice([0.0, 0.5, 1.0], 600)
    labels = 50 * rows[:, touched] + np.nan_to_num(rows[:, price])
    parameters = {"objective": "regression", "num_leaves": 15, "num_threads": 1, "verbose": -1, **more}
    return lightgbm.train(parameters, lightgbm.Dataset(rows, labels, params=parameters), trees)


def files_of(model: lightgbm.Booster) -> dict[str, bytes]:
    return to_files(model, Manifest("ranker", RANKING_FEATURES, 600, 0, 1, {}, "test"))


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return files_of(booster(LIGHT_TREES + 15))


@pytest.mark.parametrize("trees", [3, LIGHT_TREES, LIGHT_TREES + 15])
def test_it_scores_as_the_first_trees_of_the_ranker(trees: int) -> None:
    model = booster(trees)
    light = LightModel.from_files(files_of(model))
    rows = np.random.default_rng(2).gamma(1.0, 5.0, (50, len(RANKING_FEATURES)))
    rows[::7, 14:16] = np.nan
    expected = model.predict(rows, raw_score=True, num_iteration=LIGHT_TREES)
    assert light.score_many(rows).tolist() == np.asarray(expected).tolist()
    assert (light.score_many(rows).tolist() != np.asarray(model.predict(rows, raw_score=True)).tolist()) is (trees > 20)


def test_a_list_is_put_in_its_order(files: dict[str, bytes]) -> None:
    light = LightModel.from_files(files)
    profile = folded(event("view", "p3"))
    reply = reorder(SHELF, light, profile, ENTRIES, "popular")
    assert sorted(item.item_id for item in reply) == sorted(item_id for item_id, _score in ENTRIES)
    assert reply[0].item_id == "p3", "what was just touched comes first"
    assert [item.score for item in reply] == sorted((item.score for item in reply), reverse=True)
    found = {item.item_id: item for item in reply}
    assert (found["p4"].source, found["p4"].because) == ("session", "p3")
    assert (found["p0"].source, found["p0"].because) == ("popular", None)


def test_it_is_the_order_that_a_ranker_of_these_trees_would_give(files: dict[str, bytes]) -> None:
    light = LightModel.from_files(files)
    profile = folded(event("purchase", "p5", at=T0 - 86_400_000), event("view", "p8"))
    wish = Wish(candidates=tuple(item_id for item_id, _score in ENTRIES), suppress_s=0)
    found = slate(SHELF, light, profile, ENTRIES, wish, T0, 200)
    expected = [item.item_id for item in as_ranked(SHELF, found, found.order.tolist(), profile)]
    assert [item.item_id for item in reorder(SHELF, light, profile, ENTRIES, "precomputed", ENTRIES)] == expected


def test_the_precomputed_list_is_known_to_it_where_it_is_told(files: dict[str, bytes]) -> None:
    class ByList(LightModel):
        def __init__(self) -> None:
            self.features = RANKING_FEATURES

        def score_many(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            scores: np.ndarray = rows[:, RANKING_FEATURES.index("list_score")]  # type: ignore[type-arg]
            return scores

    upside_down = [(item_id, float(n)) for n, (item_id, _score) in enumerate(ENTRIES)]
    first = [
        reorder(SHELF, ByList(), None, ENTRIES, source, listed)[0].item_id
        for source, listed in (("precomputed", ENTRIES), ("popular", upside_down), ("popular", None))
    ]
    assert first == ["p0", "p11", "p0"]


def test_what_is_gone_or_in_the_cart_or_not_available_is_left_out(files: dict[str, bytes]) -> None:
    items = [msgspec.structs.replace(item, available=item.item_id != "p1") for item in ITEMS]
    profile = folded(event("add_to_cart", "p2"))
    reply = reorder(make_shelf(items), LightModel.from_files(files), profile, [*ENTRIES[:5], ("old", 9.0)], "popular")
    assert {item.item_id for item in reply} == {"p0", "p3", "p4"}


def test_without_a_model_the_lists_own_scores_count_and_wishes_hold() -> None:
    upside_down = [(item_id, float(n)) for n, (item_id, _score) in enumerate(ENTRIES)]
    assert [item.item_id for item in reorder(SHELF, None, None, upside_down, "popular")][:2] == ["p11", "p10"]
    dairy = reorder(SHELF, None, None, ENTRIES, "popular", categories=("dairy",), exclude=("p4",))
    assert [item.item_id for item in dairy] == ["p1", "p7", "p10"]


def test_of_nothing_it_makes_nothing(files: dict[str, bytes]) -> None:
    assert reorder(SHELF, LightModel.from_files(files), None, [], "popular") == []


def test_equal_scores_keep_the_order_of_the_list() -> None:
    light = LightModel.from_files(files_of(booster(2, min_data_in_leaf=600)))
    assert [item.item_id for item in reorder(SHELF, light, None, ENTRIES[::-1], "popular")] == [
        item_id for item_id, _score in ENTRIES[::-1]
    ]


@pytest.mark.parametrize("damage", [{MODEL_FILE: b""}, {MODEL_FILE: b"\xff"}, {MANIFEST_FILE: b"{}"}])
def test_what_cannot_be_read_is_refused(files: dict[str, bytes], damage: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArtifact):
        LightModel.from_files(files | damage)
    assert read_light_model(files | damage) is None


def test_a_missing_file_is_named(files: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArtifact, match="manifest"):
        LightModel.from_files({MODEL_FILE: files[MODEL_FILE]})


def test_a_ranker_of_other_columns_is_refused(files: dict[str, bytes]) -> None:
    other = Manifest("ranker", RANKING_FEATURES[::-1], 600, 0, 1, {}, "test")
    with pytest.raises(InvalidArtifact, match="other columns"):
        LightModel.from_files(files | {MANIFEST_FILE: msgspec.json.encode(other)})


def test_a_ranker_that_only_lightgbm_understands_has_no_light_model_and_is_live_all_the_same() -> None:
    assert read_light_model(files_of(booster(3, linear_tree=True))) is None
    assert read_light_model(files_of(booster(3))) is not None
