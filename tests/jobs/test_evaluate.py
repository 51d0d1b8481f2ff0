"""The evaluation of generations: on what came after they have learned, against the live one, with a report."""

from argparse import Namespace
from pathlib import Path

import pytest

from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.evaluate import METRICS_FILE, evaluate
from jobs.job import run
from jobs.train_ranker import train_ranker
from rayce.report_page import REPORT_FILE
from rayce.stores.memory import MemoryDurable
from tests.jobs.mortal import die_in
from tests.jobs.shop import filled, history, make_job, records

NAME = "shop/evaluation"


@pytest.fixture(scope="module")
def trained() -> MemoryDurable:
    durable = filled()
    assert run("train", train_ranker, make_job(records(history(days=165)), durable)) == 0
    return durable


def evaluated(durable: MemoryDurable, said: list[str] | None = None, days: int = 180, **options: object) -> int:
    say = said.append if said is not None else lambda _: None
    job = make_job(records(history(days=days)), durable, say=say)
    return run("evaluate", evaluate, job._replace(options=Namespace(**options)))


def test_the_newest_ranker_is_measured_on_what_came_after_it_has_learned(
    trained: MemoryDurable, tmp_path: Path
) -> None:
    said: list[str] = []
    assert evaluated(trained, said, report=str(tmp_path / "r.html")) == 0
    files = trained.load_generation(NAME, trained.live()[NAME])
    page = files[REPORT_FILE].decode()
    assert "ranker#1" in page and "personal_frequency" in page and (tmp_path / "r.html").read_text() == page
    for metric in ("ndcg", "recall", "precision", "mrr", "hit_rate"):
        assert f'"ranker#1.{metric}_at_10"' in files[METRICS_FILE].decode()
    for what in ("coverage", "diversity", "novelty", "miscalibration"):
        assert f'"lists.{what}"' in files[METRICS_FILE].decode()
    assert any("against popularity: not worse" in line for line in said)
    days = float(next(line for line in said if line.endswith("  days")).split()[0])
    assert days < 28, "the ranker has learned from more than half of the last four weeks"


def test_twice_is_the_same(trained: MemoryDurable) -> None:
    assert evaluated(trained) == 0
    first = trained.load_generation(NAME, trained.live()[NAME])
    assert evaluated(trained) == 0
    assert trained.load_generation(NAME, trained.live()[NAME]) == first


def test_the_newest_is_compared_with_the_live_one() -> None:
    durable, said = filled(), list[str]()
    for _twice in range(2):
        assert run("train", train_ranker, make_job(records(history(days=165)), durable)) == 0
    durable.make_live("shop/ranker", 1)
    assert evaluated(durable, said) == 0
    assert any(line.startswith("against ranker#1: not worse than ranker#1") for line in said)
    assert any(line.endswith("ranker#2.ndcg_at_10") for line in said)
    assert evaluated(durable, said, generation=1) == 0


def test_lists_are_measured_only_on_what_came_after_them() -> None:
    durable, said = filled(), list[str]()
    log = records(history(days=150))
    for name, work in (("build", build_affinities), ("recommend", build_recommendations)):
        assert run(name, work, make_job(log, durable)) == 0
    assert evaluated(durable, said, days=150, kind="lists") == 2
    assert "0 people took something in the 0.0 days" in said[-1], "nothing has come since, not less than nothing"
    assert evaluated(durable, said, kind="lists") == 0
    assert any(line.endswith("lists#1.ndcg_at_10") for line in said)


def test_what_is_not_there_is_said(trained: MemoryDurable) -> None:
    said: list[str] = []
    assert evaluated(trained, said, generation=7) == 2
    assert "there is no generation 7 of shop/ranker; there are [1]" in said[-1]
    assert evaluated(filled(), said) == 2
    assert "there is no generation of shop/ranker; there are none" in said[-1]


def test_a_job_killed_at_any_step_leaves_the_live_evaluation(trained: MemoryDurable) -> None:
    log = records(history())
    assert die_in(evaluate, lambda mortal: make_job(log, mortal), trained) == 2
