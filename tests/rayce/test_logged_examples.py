"""Logged decisions teach what was preferred, not where it stood; and the features are those that serving would compute."""

import msgspec
import numpy as np
import pytest

from rayce.candidates import Wish, find_candidates
from rayce.decision import VERSION, Decision, ShownItem
from rayce.logged_examples import MAX_WEIGHT, Logged, evaluate_logged, logged, logged_rows, looked_at, weights
from rayce.model import Model
from rayce.position_bias import MAX_PLACES
from rayce.ranking import RANKING_FEATURES, ranking_matrix
from rayce.training import train_ranker, trained
from tests.samples import T0, event, folded, person
from tests.shops import ITEMS, make_shelf

SEEN = np.array([1.0, 0.6, 0.35, 0.25, 0.18, 0.14, 0.12, 0.1] + [0.1] * (MAX_PLACES - 8))
A, B = RANKING_FEATURES.index("log_popularity"), RANKING_FEATURES.index("price")


def decision(*items: str, **more: object) -> Decision:
    lines = tuple(ShownItem(item, 1.0, "new" if item == "p7" else "", item == "p7") for item in items)
    given: dict[str, object] = {"kind": "recommendation", "tenant": "shop", "person": person(1), "at_ms": T0, **more}
    return Decision(version=VERSION, decision_id="d", shown=lines, **given)  # type: ignore[arg-type]


def one(worth: list[float], places: list[int] | None = None, propensity: float = 1.0) -> Logged:
    count = len(worth)
    features = np.random.default_rng(count).normal(size=(count, len(RANKING_FEATURES)))
    at = np.array(places if places is not None else range(count), dtype=np.int64)
    return Logged(T0, "d", features, at, np.array(worth), np.full(count, propensity))


def traffic(lists: int, seed: int) -> list[Logged]:
    """The page orders by A alone, which nobody cares about; people click by B, if they look that far."""
    chance = np.random.default_rng(seed)
    found = []
    for n in range(lists):
        features = np.zeros((8, len(RANKING_FEATURES)))
        features[:, A], features[:, B] = np.sort(chance.normal(size=8))[::-1], chance.normal(size=8)
        likes = 0.6 / (1 + np.exp(-2 * features[:, B]))
        clicked = chance.random(8) < likes * SEEN[:8]
        found.append(Logged(T0 + n, f"d{n}", features, np.arange(8), clicked.astype(float), np.ones(8)))
    return found


def pull(curve: np.ndarray, column: int) -> float:
    """How far a trained model's score goes up with a column, the other held in the middle."""
    rows, check = logged_rows(traffic(4_000, 1), curve), logged_rows(traffic(1_000, 2), curve)
    booster = train_ranker(rows, check, RANKING_FEATURES)
    model = Model.from_files(trained(booster, "ranker", RANKING_FEATURES, rows, {}).files)
    grid = np.zeros((2, len(RANKING_FEATURES)))
    grid[:, column] = [-1.0, 1.0]
    low, high = model.score_many(grid)
    return float(high - low)


def test_weighted_clicks_teach_what_is_liked_and_not_what_stood_first() -> None:
    """Negative control: unweighted clicks teach that the page's own order is liked."""
    nobody_minds = np.ones(MAX_PLACES)
    assert pull(nobody_minds, A) > 0.5 * pull(nobody_minds, B)
    assert abs(pull(SEEN, A)) < 0.2 * pull(SEEN, B)


def test_features_are_those_of_serving_and_what_is_gone_is_left_out() -> None:
    shelf = make_shelf()
    profile = folded(event("view", "p2", at=T0 - 1000), event("add_to_cart", "p4", at=T0 - 900))
    listed = [("p5", 0.5), ("p6", 0.25)]
    told = decision("p6", "gone", "p4", "p3", "p6")
    found = logged(shelf, profile, listed, told, {"p3": 3.0}, 86_400)
    served = find_candidates(shelf, profile, listed, Wish(candidates=("p6", "p3")), T0, 10)
    assert np.array_equal(found.features, ranking_matrix(shelf, profile, served, T0), equal_nan=True)
    assert found.places.tolist() == [0, 3] and found.worth.tolist() == [0.0, 3.0]


def test_what_chance_has_shown_weighs_by_its_propensity_and_all_is_clipped() -> None:
    told = msgspec.structs.replace(
        decision("p6", "p7"),
        shown=(ShownItem("p6", 1.0), ShownItem("p7", 1.0, "new", explored=True, propensity=0.25)),
        propensity=0.25,
    )
    found = logged(make_shelf(), folded(), [], told, {"p6": 1.0, "p7": 1.0}, 0)
    assert found.propensity.tolist() == [1.0, 0.25]
    assert weights(found, np.ones(MAX_PLACES)).tolist() == [1.0, 4.0]
    assert weights(one([1.0], propensity=0.001), np.ones(MAX_PLACES)).tolist() == [MAX_WEIGHT]


def test_one_group_a_click_against_all_that_was_shown() -> None:
    rows = logged_rows([one([0.0, 5.0, 1.0, 0.0]), one([1.0, 1.0]), one([0.0, 0.0])], np.ones(MAX_PLACES))
    assert rows.groups is not None and rows.groups.tolist() == [4, 4]
    assert [sorted(part) for part in (rows.labels[:4].tolist(), rows.labels[4:].tolist())] == [[0, 0, 0, 1]] * 2
    assert rows.weights is not None and rows.weights.tolist() == pytest.approx([5 / 3] * 4 + [1 / 3] * 4)
    assert len(logged_rows([], SEEN).labels) == 0


def test_the_order_that_puts_clicks_first_scores_one() -> None:
    class ByB:
        features = RANKING_FEATURES

        def score_many(self, rows: np.ndarray) -> np.ndarray:
            return rows[:, B]

    examples = []
    for each in traffic(200, 3):
        examples.append(each._replace(worth=(each.features[:, B] >= np.sort(each.features[:, B])[-2]).astype(float)))
    told = evaluate_logged(ByB(), examples, np.ones(MAX_PLACES))
    assert told["logged_ndcg_at_10"] == 1.0 > told["logged_shown_ndcg_at_10"]
    assert evaluate_logged(ByB(), [one([0.0, 0.0])], SEEN) == {}


def test_places_are_learned_from_shuffled_lists_and_not_from_those_in_their_own_order() -> None:
    chance = np.random.default_rng(4)
    decisions, followed = [], {}
    for n in range(4_000):
        for policy in ("shuffle", "noop"):
            name, look = f"{policy}{n}", SEEN if policy == "shuffle" else np.ones(MAX_PLACES)
            items = [ITEMS[k].item_id for k in chance.permutation(12)[:8].tolist()]
            each = decision(*items, policy_id=f"{policy}@1+rules@0")
            decisions.append(Decision(**{f: getattr(each, f) for f in each.__struct_fields__} | {"decision_id": name}))
            followed[name] = {item: 1.0 for k, item in enumerate(items) if chance.random() < 0.3 * look[k]}
    assert looked_at(decisions, followed)[:8] == pytest.approx(SEEN[:8], abs=0.08)
