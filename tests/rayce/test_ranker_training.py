import numpy as np
import pytest
from msgspec.structs import replace

from rayce.calibration import Calibration
from rayce.candidates import Wish
from rayce.decay import DAY_MS
from rayce.decision import Decision, ShownItem
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.history import replay, split
from rayce.item import Item
from rayce.model import Model
from rayce.model_files import hash_of
from rayce.past import Past, remember
from rayce.profile import Profile
from rayce.ranker_data import NEGATIVES, gather_data
from rayce.ranker_training import Serving, as_rows, train, window_start
from rayce.ranking import RANKING_FEATURES
from rayce.ranking_examples import Example, Examples
from rayce.report_page import REPORT_FILE
from tests.samples import T0, event, person

WEEKS = 12
ITEMS = [Item(f"p{n:02}") for n in range(60)]
UNTIL = T0 + WEEKS * 7 * DAY_MS
PRICE = {item.item_id: float((n * 7) % 60 + 1) for n, item in enumerate(ITEMS)}
PRICED = [Item(item.item_id, price=PRICE[item.item_id]) for item in ITEMS]


def history() -> list[Event]:
    """Thirty people who each buy their own product every week, and one of the first five beside it."""
    rng = np.random.default_rng(1)
    return [
        event(
            "purchase", f"p{10 + who}", f"p{int(rng.integers(5)):02}", at=T0 + week * 7 * DAY_MS + who * 1_000, who=who
        )
        for who in range(30)
        for week in range(WEEKS)
    ]


def trained_on(log: list[Event], start_ms: int) -> dict[str, float]:
    earlier, later = split(log, start_ms)
    return train(remember(earlier, ITEMS, start_ms), later, UNTIL, Serving(candidates=40)).metrics


def test_a_planted_habit_is_found() -> None:
    metrics = trained_on(history(), window_start(T0, UNTIL))
    assert metrics["hit_rate_at_10"] == 1.0
    assert metrics["ndcg_at_10"] > 0.85
    assert metrics["session_hit_rate_at_10"] > 0.9


def carted_first(log: list[Event]) -> list[Event]:
    """Everything is put into the cart when it would have been bought, and bought a minute later."""
    carted = [replace(each, event_id=f"c{each.event_id}", type="add_to_cart") for each in log]
    bought = [replace(each, timestamp_ms=each.timestamp_ms + 60_000) for each in log]
    return [each for pair in zip(carted, bought, strict=True) for each in pair]


def test_where_everything_is_carted_before_it_is_bought_the_moment_before_the_cart_teaches() -> None:
    """Negative control: the purchases alone have nothing that could be foretold."""
    log = carted_first(history())
    metrics = trained_on(log, window_start(T0, UNTIL))
    assert metrics["hit_rate_at_10"] == 1.0
    assert metrics["ndcg_at_10"] > 0.85
    start_ms = window_start(T0, UNTIL)
    earlier, later = split(log, start_ms)
    past = remember(earlier, ITEMS, start_ms)
    maker = Examples(past.shelf, past.lists.of, Wish(), 40)
    asked = [(each.event.type, maker.make(each.before, each.event)) for each in replay(later, dict(past.people))]
    assert all(not example.basket and not example.bought.any() for kind, example in asked if kind == "purchase")
    assert all(len(example.basket) == 2 for kind, example in asked if kind == "add_to_cart")


def shown_and_clicked(start_ms: int) -> tuple[list[Event], list[Decision]]:
    """Lists of eight in any order, of which people click the cheapest, whatever they buy."""
    chance = np.random.default_rng(2)
    clicks, decisions = [], []
    for n in range(600):
        at = start_ms + n * (UNTIL - start_ms - DAY_MS) // 600
        items = [ITEMS[k].item_id for k in chance.choice(50, 8, replace=False).tolist()]
        shown = tuple(ShownItem(item, float(chance.random())) for item in items)
        decisions.append(
            Decision(
                version=1,
                decision_id=f"d{n}",
                kind="recommendation",
                tenant="shop",
                at_ms=at,
                person=person(n % 30),
                shown=shown,
                policy_id="shuffle@0",
            )
        )
        clicks.append(event("click", min(items, key=PRICE.__getitem__), at=at + 5_000, who=n % 30))
    return clicks, decisions


def test_logged_decisions_teach_what_baskets_do_not_tell() -> None:
    start_ms = window_start(T0, UNTIL)
    clicks, decisions = shown_and_clicked(start_ms)
    earlier, later = split(sorted([*history(), *clicks], key=lambda each: each.timestamp_ms), start_ms)
    past = remember(earlier, PRICED, start_ms)
    with_them = train(past, later, UNTIL, Serving(candidates=40), decisions=decisions)
    metrics = with_them.metrics
    assert metrics["logged_ndcg_at_10"] > 0.9 > metrics["logged_shown_ndcg_at_10"]
    assert metrics["hit_rate_at_10"] > 0.9
    assert Model.from_files(with_them.files).manifest.rows_of["decisions"] > 300
    assert b"Position bias" in with_them.files[REPORT_FILE]
    without = train(past, later, UNTIL, Serving(candidates=40))
    assert "logged_ndcg_at_10" not in without.metrics and b"Position bias" not in without.files[REPORT_FILE]


def test_decisions_alone_are_enough_and_too_few_of_both_are_not() -> None:
    start_ms = window_start(T0, UNTIL)
    clicks, decisions = shown_and_clicked(start_ms)
    past = remember([each for each in history() if each.timestamp_ms < start_ms], PRICED, start_ms)
    metrics = train(past, clicks, UNTIL, Serving(candidates=40), decisions=decisions).metrics
    assert metrics["logged_ndcg_at_10"] > 0.9
    with pytest.raises(NotEnoughData, match="0 baskets .* 0 and 0 decisions"):
        train(past, clicks, UNTIL, Serving(candidates=40))


def test_a_decision_whose_outcome_may_still_come_teaches_nothing_yet() -> None:
    start_ms = window_start(T0, UNTIL)
    clicks, decisions = shown_and_clicked(start_ms)
    past = remember([], PRICED, start_ms)
    whole = gather_data(past, clicks, UNTIL, Serving(), decisions)
    early = gather_data(past, clicks, UNTIL, Serving(), decisions, horizon_ms=3 * DAY_MS)
    assert len(early.logged_training) + len(early.logged_held_out) < len(whole.logged_training + whole.logged_held_out)
    for each in (*early.logged_training, *early.logged_held_out):
        assert each.at_ms <= UNTIL - 3 * DAY_MS


def test_a_live_ranker_that_is_better_is_noticed_and_an_equal_one_is_not() -> None:
    start_ms = window_start(T0, UNTIL)
    earlier, later = split(history(), start_ms)
    past = remember(earlier, ITEMS, start_ms)
    made = train(past, later, UNTIL, Serving(candidates=40))
    equal = train(past, later, UNTIL, Serving(candidates=40), live=Model.from_files(made.files)).against_live
    assert not equal.worse and equal.differences[0].mean == 0
    by_own = train(past, later, UNTIL, Serving(candidates=40), live=Clairvoyant(later, past))
    assert by_own.against_live.worse and by_own.metrics["vs_live_ndcg_at_10"] < -0.01
    assert not made.against_live.worse and "vs_live_ndcg_at_10" not in made.metrics


class Clairvoyant:
    """A ranker that cannot be beaten: the one that is asked knows each basket, by the order in which they are asked for."""

    features = RANKING_FEATURES

    def __init__(self, later: list[Event], past: Past) -> None:
        held_out = gather_data(past, later, UNTIL, Serving(candidates=40)).held_out
        self._answers = {example.features.tobytes(): example.bought for example in held_out}

    def score_many(self, rows: np.ndarray) -> np.ndarray:
        """See `Ranker`."""
        return self._answers[rows.tobytes()].astype(np.float64)


def test_the_generation_says_what_it_was_made_from() -> None:
    start_ms = window_start(T0, UNTIL)
    earlier, later = split(history(), start_ms)
    made = train(remember(earlier, ITEMS, start_ms), later, UNTIL, Serving(candidates=40))
    manifest = Model.from_files(made.files).manifest
    assert manifest.features_hash == hash_of(RANKING_FEATURES)
    assert (
        start_ms <= manifest.from_ms <= manifest.until_ms <= manifest.held_out_ms[0] <= manifest.held_out_ms[1] <= UNTIL
    )
    assert manifest.rows_of["baskets"] > 30 and manifest.code_version
    assert 0 <= manifest.metrics["calibration_error"] < 0.1
    calibration = Calibration.from_files(made.files)
    assert calibration is not None and list(calibration.probabilities) == sorted(calibration.probabilities)
    page = made.files[REPORT_FILE].decode()
    for heading in ("Learning", "Calibration", "Importance", "Single columns", "Against the live ranker"):
        assert f"<h2>{heading}</h2>" in page


def test_what_happens_in_the_window_is_not_in_shelf_or_lists() -> None:
    start_ms = window_start(T0, UNTIL)
    news = [event("purchase", "p50", at=start_ms + n, who=n % 30, event_id=f"news-{n}") for n in range(60)]
    earlier, _later = split([*history(), *news], start_ms)
    past = remember(earlier, ITEMS, start_ms)
    assert past.shelf.popularity[past.shelf.number["p50"]] == 0
    assert all("p50" not in dict(past.lists.of(person)) for person in past.people)
    assert past.lists.of("k1:stranger") == []


def test_the_window_is_four_weeks_or_less_of_a_short_history() -> None:
    assert window_start(0, 365 * DAY_MS) == 337 * DAY_MS
    assert window_start(0, 20 * DAY_MS) == 12 * DAY_MS


def test_too_few_baskets_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData, match="0 baskets to train the ranker on and 0 to check it on"):
        trained_on(history(), UNTIL)


def test_groups_without_anything_to_order_are_left_out() -> None:
    rows = as_rows([example([True, False]), example([True, True]), example([False]), example([False, True, False])])
    assert rows.groups is not None
    assert rows.groups.tolist() == [2, 3]
    assert rows.labels.tolist() == [1, 0, 0, 1, 0]
    assert rows.features.shape == (5, len(RANKING_FEATURES))
    assert as_rows([]).features.shape == (0, len(RANKING_FEATURES))


def test_of_many_candidates_all_that_were_bought_are_kept() -> None:
    from rayce.ranker_data import _thinned

    whole = example([n % 50 == 0 for n in range(200)])
    thin = _thinned(whole, np.random.default_rng(1))
    assert thin.bought.sum() == whole.bought.sum() == 4
    assert len(thin.items) == NEGATIVES + 4
    assert np.array_equal(thin.features, whole.features[thin.items])


def test_a_ranker_is_trained_on_the_features_it_is_served_with() -> None:
    start_ms = window_start(T0, UNTIL)
    earlier, later = split(history(), start_ms)
    made = train(remember(earlier, ITEMS, start_ms), later, UNTIL, Serving(candidates=40))
    assert Model.from_files(made.files).features == RANKING_FEATURES


def example(bought: list[bool]) -> Example:
    count = len(bought)
    features = np.random.default_rng(count).normal(size=(count, len(RANKING_FEATURES)))
    items = np.arange(count, dtype=np.int32)
    return Example(T0, Profile(), [], frozenset({"p"}), items, features, np.array(bought), False)
