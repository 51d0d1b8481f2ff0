import json
from argparse import Namespace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from jobs.build_affinities import build_affinities
from jobs.job import run
from jobs.train_ranker import train_ranker
from rayce.candidates import Wish
from rayce.consent import Consent
from rayce.decay import DAY_MS
from rayce.decision import Decision, ShownItem, encode_decision
from rayce.event import Line
from rayce.model import Model
from rayce.ranker_data import HELD_OUT, window_start
from rayce.ranking import RANKING_FEATURES, rank
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.jobs.mortal import die_in
from tests.jobs.shop import BOTH, filled, habit, history, make_job, records
from tests.samples import event, folded, person


@pytest.fixture(scope="module")
def built() -> MemoryDurable:
    durable = filled()
    log = records(history())
    assert run("build", build_affinities, make_job(log, durable)) == 0
    assert run("train", train_ranker, make_job(log, durable)) == 0
    return durable


def parts(durable: MemoryDurable) -> tuple[Shelf, Model]:
    live = durable.live()
    shelf = Shelf.from_files(durable.load_generation("shop/shelf", live["shop/shelf"]))
    return shelf, Model.from_files(durable.load_generation("shop/ranker", live["shop/ranker"]))


def test_the_ranker_beats_what_costs_nothing(built: MemoryDurable) -> None:
    metrics = parts(built)[1].manifest.metrics
    assert metrics["hit_rate_at_10"] >= metrics["popular_hit_rate_at_10"]
    assert metrics["ndcg_at_10"] > metrics["popular_ndcg_at_10"] + 0.1
    assert metrics["trees"] <= 100


def test_the_ranker_puts_a_habit_first(built: MemoryDurable) -> None:
    shelf, model = parts(built)
    for who in (2, 4, 6):
        profile = folded(*history(seed=9, people=[who]))
        ranked = rank(shelf, model, profile, [], Wish(), profile.last_ms + 3 * DAY_MS, 200)
        assert habit(who) in [each.item_id for each in ranked[:2]]


def test_a_product_in_the_cart_brings_up_what_goes_with_it(built: MemoryDurable) -> None:
    shelf, model = parts(built)
    for one, other in (("milk", "cereals"), ("nails", "screws")):
        before = folded(*history(seed=9, people=[2]))
        now_ms = before.last_ms + DAY_MS
        carted = folded(event("add_to_cart", one, at=now_ms, who=2, session="s", consent=BOTH), start=before)
        places = []
        for profile in (before, carted):
            ranked = rank(shelf, model, profile, [], Wish(limit=46), now_ms + 1000, 200)
            places.append([each.item_id for each in ranked].index(other))
        assert places[1] < places[0]
        assert places[1] <= 3


def test_running_twice_gives_the_same_ranker_in_whatever_order_the_partitions_are_read() -> None:
    durable = filled()
    events = history()
    for people in (range(1, 41), range(40, 0, -1)):
        order = [each for who in people for each in events if each.person.endswith(f"{who:02x}")]
        assert run("train", train_ranker, make_job(records(order), durable)) == 0
    shuffled = [model_of(durable, number) for number in (1, 2)]
    rows = np.random.default_rng(5).uniform(0, 5, (50, len(RANKING_FEATURES)))
    assert np.allclose(shuffled[0].score_many(rows), shuffled[1].score_many(rows))


def model_of(durable: MemoryDurable, number: int) -> Model:
    return Model.from_files(durable.load_generation("shop/ranker", number))


def test_too_little_history_leaves_the_live_ranker(built: MemoryDurable) -> None:
    live = built.live()
    said: list[str] = []
    assert run("train", train_ranker, make_job(records(history(days=10)), built, say=said.append)) == 2
    assert "baskets to train the ranker on" in said[-1]
    assert built.live() == live


def test_a_catalogue_of_other_products_is_noticed() -> None:
    durable = MemoryDurable()
    durable.save_items("shop", {"other": json.dumps({"item_id": "other"}).encode()})
    said: list[str] = []
    assert run("train", train_ranker, make_job(records(history()), durable, say=said.append)) == 2
    assert "is the catalogue that of the history?" in said[-1]


def test_a_ranker_that_is_worse_than_the_live_one_is_published_only_by_force() -> None:
    """For three weeks nobody buys what they always buy; the week on which rankers are compared is as ever."""
    durable, log = filled(), history()
    assert run("train", train_ranker, make_job(records(log), durable)) == 0
    first_ms, last_ms = min(each.timestamp_ms for each in log), max(each.timestamp_ms for each in log)
    start_ms = window_start(first_ms, last_ms)
    split_ms = last_ms - int(HELD_OUT * (last_ms - start_ms))
    chance, said = np.random.default_rng(1), list[str]()
    odd = [
        msgspec.structs.replace(each, items=tuple(Line(f"p{n:02}", 1, 2.0) for n in chance.choice(20, 3).tolist()))
        if start_ms <= each.timestamp_ms < split_ms
        else each
        for each in log
    ]
    job = make_job(records(odd), durable, say=said.append)
    assert run("train", train_ranker, job) == 3
    assert "worse than the live one: ndcg_at_10" in said[-1] and "what is live stays" in said[-1]
    assert durable.live() == {"shop/ranker": 1} and durable.numbers("shop/ranker") == [1]
    assert run("train", train_ranker, job._replace(force=True)) == 0
    assert durable.live() == {"shop/ranker": 2}


def test_the_same_again_is_not_worse_and_rows_are_said_to_be_clean(built: MemoryDurable) -> None:
    said: list[str] = []
    assert run("train", train_ranker, make_job(records(history()), built, say=said.append)) == 0
    assert any("rows are the same without what came after them" in line for line in said)
    assert any("not worse than the live one: ndcg_at_10" in line for line in said)


def test_decisions_are_read_from_files_and_only_of_those_who_allow_it(tmp_path: Path) -> None:
    log = history()
    last_ms = max(each.timestamp_ms for each in log)
    decisions = [shown(n, who, last_ms - (n + 1) * DAY_MS // 2) for n in range(20) for who in (2, 4)]
    clicks = [event("click", "p01", at=each.at_ms + 9, who=each.person, consent=BOTH) for each in decisions]
    file = tmp_path / "decisions.jsonl"
    file.write_bytes(b"\n".join(encode_decision(each) for each in decisions) + b"\nno decision\n")
    durable, said = filled(), list[str]()
    durable.save_consent(person(4), Consent(0, 2))
    job = make_job(records([*log, *clicks]), durable, say=said.append)
    assert run("train", train_ranker, job._replace(options=Namespace(decisions=[str(file)]))) == 0
    assert any(line.endswith("of 19") for line in said), "20 of one person, one of them younger than a day"


def shown(n: int, who: int, at_ms: int) -> Decision:
    items = tuple(ShownItem(f"p{k:02}", 1.0 - k / 10) for k in range(8))
    return Decision(
        version=1,
        decision_id=f"d{n}-{who}",
        kind="recommendation",
        tenant="shop",
        at_ms=at_ms,
        person=person(who),
        purposes=BOTH,
        shown=items,
    )


def test_a_job_killed_at_any_step_leaves_the_live_ranker() -> None:
    durable = filled()
    log = records(history(days=80))
    assert run("train", train_ranker, make_job(log, durable)) == 0
    assert die_in(train_ranker, lambda mortal: make_job(log, mortal), durable) == 2
    assert durable.live() == {"shop/ranker": 1}
