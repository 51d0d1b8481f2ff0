"""Ranking models: a bad one never ranks, one that turns bad is left, and everybody is told; a good one takes over."""

import numpy as np
import pytest
from numpy.typing import NDArray

from deployments.ranker_models import MAX_ERRORS, MAX_FLAT, RankerModels, earlier_in
from rayce.errors import InvalidArtifact, Unavailable
from rayce.generations import LiveGenerations, generation_name
from rayce.metrics import Metrics
from rayce.model_routing import DEFAULT, kind_of
from rayce.ranking import Matrix, Ranker
from rayce.stores.memory import MemoryDurable
from tests.shops import ByPopularity

ROWS = np.random.default_rng(3).random((60, 18))


class Bad(ByPopularity):
    """Gives whatever it is told to."""

    def __init__(self, scores: float | Exception = float("nan")) -> None:
        self.scores = scores

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        if isinstance(self.scores, Exception):
            raise self.scores
        return np.full(len(rows), self.scores)


class TurnedRound(ByPopularity):
    """The sign was lost."""

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        return -super().score_many(rows)


KINDS: dict[bytes, Ranker] = {
    b"good": ByPopularity(),
    b"nan": Bad(),
    b"flat": Bad(0.0),
    b"raises": Bad(ZeroDivisionError()),
    b"turned": TurnedRound(),
}


def load(files: dict[str, bytes]) -> Ranker:
    if files["model"] == b"damaged":
        raise InvalidArtifact("damaged", "model", None)
    return KINDS[files["model"]]


class Bench:
    """A replica's models over a durable memory."""

    def __init__(self, *kinds: str) -> None:
        self.durable, self.metrics = MemoryDurable(), Metrics()
        self.live = LiveGenerations(self.durable, {"ranker": load}, 60)
        for kind in kinds:
            self.publish(kind)
        self.models = RankerModels(self.live, self.metrics, {"noop": KINDS[b"good"]}, earlier_in(self.durable, load))

    def publish(self, kind: str, name: str = DEFAULT) -> None:
        generations = generation_name("shop", kind_of(name))
        self.durable.make_live(generations, self.durable.publish(generations, {"model": kind.encode()}))
        self.live.refresh()

    def number(self, name: str = DEFAULT) -> int | None:
        found = self.models.get("shop", name)
        return found and found.number

    def left(self) -> dict[tuple[str, ...], float]:
        return dict(self.metrics.values("rayce_models_left_total"))


def test_a_good_generation_takes_over() -> None:
    bench = Bench("good")
    assert bench.number() == 1
    bench.publish("good")
    assert (bench.number(), bench.left(), bench.models.refused()) == (2, {}, {})


@pytest.mark.parametrize("kind", ["nan", "flat", "raises", "turned"])
def test_a_bad_generation_never_ranks_and_everybody_is_told(kind: str) -> None:
    bench = Bench("good")
    bench.models.remember("shop", lambda model: model.score_many(ROWS))
    assert bench.number() == 1
    bench.publish(kind)
    assert bench.number() == 1
    assert bench.left() == {(DEFAULT, "refused"): 1}
    assert "generation 2 left aside, generation 1 ranks" in bench.models.refused()["shop/default"]
    bench.publish("good")
    assert (bench.number(), bench.models.refused()) == (3, {})


def test_the_same_bad_generation_is_tried_once() -> None:
    bench = Bench("good")
    assert bench.number() == 1
    bench.publish("nan")
    for _ in range(3):
        assert bench.number() == 1
    assert bench.left() == {(DEFAULT, "refused"): 1}


@pytest.mark.parametrize("kind", ["nan", "raises", "damaged"])
def test_a_replica_that_starts_with_a_bad_generation_takes_the_one_before(kind: str) -> None:
    bench = Bench("good", kind)
    bench.models.warm_up()
    assert bench.number() == 1
    assert "shop/default" in bench.models.refused()


def test_without_any_fit_generation_none_ranks() -> None:
    bench = Bench("nan")
    bench.models.warm_up()
    assert bench.number() is None
    assert "none ranks" in bench.models.refused()["shop/default"]


def test_where_durable_memory_is_away_there_is_no_earlier_one() -> None:
    bench = Bench("good", "nan")
    bench.durable.away = True
    with pytest.raises(Unavailable):
        bench.durable.numbers("shop/ranker")
    assert bench.number() is None


def test_live_scores_that_are_no_numbers_bring_the_former_generation_back() -> None:
    bench = Bench("good")
    bench.number()
    bench.publish("good")
    assert bench.number() == 2
    for _ in range(MAX_ERRORS):
        assert not bench.models.scored("shop", DEFAULT, np.array([np.nan]))
    assert bench.number() == 2, "within the band"
    bench.models.failed("shop", DEFAULT, ValueError())
    assert bench.number() == 1
    assert bench.left() == {(DEFAULT, "returned"): 1}
    assert "generation 2 left aside" in bench.models.refused()["shop/default"]


def test_flat_scores_count_when_most_are() -> None:
    bench = Bench("good")
    bench.number()
    bench.publish("good")
    bench.number()
    for n in range(MAX_FLAT + 1):
        assert bench.number() == 2, n
        assert bench.models.scored("shop", DEFAULT, np.zeros(20)), "it can be served all the same"
    assert bench.number() == 1


def test_good_scores_in_between_push_the_bad_ones_out_of_sight() -> None:
    bench = Bench("good")
    bench.number()
    bench.publish("good")
    bench.number()
    for _ in range(10):
        bench.models.scored("shop", DEFAULT, np.array([np.nan]))
        for _good in range(99):
            bench.models.scored("shop", DEFAULT, np.arange(20.0))
    assert bench.number() == 2


def test_the_only_generation_is_kept_whatever_it_does() -> None:
    bench = Bench("good")
    bench.number()
    for _ in range(20):
        bench.models.failed("shop", DEFAULT, ValueError())
    assert bench.number() == 1


def test_models_have_names_and_baselines_need_no_generation() -> None:
    bench = Bench("good")
    bench.publish("good", "next")
    assert (bench.number("next"), bench.number("noop"), bench.number("other")) == (1, 0, None)
