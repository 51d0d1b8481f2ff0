from pathlib import Path

from msgspec.structs import replace

from jobs.job import run
from jobs.train_segment_models import train_segment_models
from rayce.features import feature_row
from rayce.features.catalogue import parse_features
from rayce.model import Model, load_segment_model
from rayce.segments.catalogue import parse_catalogue
from rayce.stores.memory import MemoryDurable
from tests.jobs.mortal import die_in
from tests.jobs.shop import filled, history, make_job, records
from tests.samples import folded

NAME = "shop/segment-model.buys_within_7_days"
CATALOGUE = """
version: 1
segments: [{name: psychic, bit: 0, kind: model, triggers: [purchase], model: reads_minds}]
"""


def live_model(durable: MemoryDurable) -> Model:
    return Model.from_files(durable.load_generation(NAME, durable.live()[NAME]))


def test_the_model_tells_who_comes_every_few_days_from_who_does_not() -> None:
    durable = filled()
    assert run("train", train_segment_models, make_job(records(history()), durable)) == 0
    model = live_model(durable)
    assert model.manifest.metrics["auc"] > 0.95
    assert model.manifest.metrics["logloss"] < model.manifest.metrics["base_logloss"]
    often, seldom = folded(*history(seed=2, people=[2])), folded(*history(seed=2, people=[3]))
    scores = [model.score_one(feature_row(profile, profile.last_ms, model.features)) for profile in (often, seldom)]
    assert scores[0] > 0.8 > 0.3 > scores[1]


def test_running_twice_gives_the_same_model_again_and_keeps_three_generations() -> None:
    durable = filled()
    log = records(history())
    assert run("train", train_segment_models, make_job(log, durable)) == 0
    first = durable.load_generation(NAME, 1)
    for _again in range(3):
        assert run("train", train_segment_models, make_job(log, durable)) == 0
    assert durable.load_generation(NAME, 4)["model.txt"] == first["model.txt"]
    assert durable.live() == {NAME: 4}
    assert durable.numbers(NAME) == [2, 3, 4]
    assert durable.load_generation(NAME, 4) == durable.load_generation(NAME, 3), "both beside an equal live one"


def test_too_little_history_leaves_the_live_model() -> None:
    durable = filled()
    assert run("train", train_segment_models, make_job(records(history()), durable)) == 0
    said: list[str] = []
    assert run("train", train_segment_models, make_job(records(history(days=20)), durable, say=said.append)) == 2
    assert "events with a known future, 200 are needed" in said[-1]
    assert durable.live() == {NAME: 1}


def test_people_who_all_come_back_teach_nothing() -> None:
    said: list[str] = []
    daily = [each for who in range(2, 41, 2) for each in history(people=[who], days=60)]
    assert run("train", train_segment_models, make_job(records(daily), say=said.append)) == 2
    assert "not both such of which it came true (purchase within 7 days)" in said[-1]


def test_a_model_is_trained_on_the_features_that_are_on() -> None:
    """Otherwise every worker would refuse it."""
    features = parse_features("{version: 1, families: [decaying]}")
    durable = filled()
    job = make_job(records(history()), durable)._replace(features=features)
    assert run("train", train_segment_models, job) == 0
    files = durable.load_generation(NAME, durable.live()[NAME])
    assert set(load_segment_model(files, features).features) <= set(features.numbers)
    assert "views_decayed_1d" in features.numbers and "views_5m" not in features.numbers


def test_a_model_without_a_declared_label_is_named() -> None:
    said: list[str] = []
    job = make_job(records(history(days=20)), say=said.append)._replace(catalogue=parse_catalogue(CATALOGUE))
    assert run("train", train_segment_models, job) == 1
    assert "reads_minds" in said[-1]


def test_labels_and_aims_are_declared_in_files(tmp_path: Path) -> None:
    """A model of who stays away for a month, and the threshold for a fifth of the people."""
    file = tmp_path / "labels.yaml"
    file.write_text("version: 1\nlabels: [{name: stays_away, event: any, within_days: 8, absent: true}]\n")
    catalogue = parse_catalogue(
        "{version: 1, segments: [{name: leaving, bit: 0, kind: model, triggers: [purchase], model: stays_away,"
        " threshold: {size: 0.2}}]}"
    )
    durable = filled()
    job = make_job(records(history()), durable)
    settings = replace(job.settings, segments=replace(job.settings.segments, labels=str(file)))
    assert run("train", train_segment_models, job._replace(catalogue=catalogue, settings=settings)) == 0
    model = Model.from_files(durable.load_generation("shop/segment-model.stays_away", 1))
    assert model.thresholds.keys() == {"size_0.2"}
    often, seldom = folded(*history(seed=2, people=[2])), folded(*history(seed=2, people=[3]))
    scores = [model.score_one(feature_row(profile, profile.last_ms, model.features)) for profile in (often, seldom)]
    assert scores[0] < 0.3 < 0.7 < scores[1]


def test_a_labels_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "labels.yaml"
    file.write_text("version: 1\nlabels: [{name: x, event: teleport, within_days: 8}]\n")
    said: list[str] = []
    job = make_job(records(history(days=20)), say=said.append)
    settings = replace(job.settings, segments=replace(job.settings.segments, labels=str(file)))
    assert run("train", train_segment_models, job._replace(settings=settings)) == 1
    assert "labels.yaml" in said[-1] and "labels[0].event" in said[-1] and "teleport" in said[-1]


def test_rows_are_said_to_be_clean_and_a_page_is_kept() -> None:
    durable, said = filled(), list[str]()
    assert run("train", train_segment_models, make_job(records(history()), durable, say=said.append)) == 0
    assert any("rows are the same without what came after them" in line for line in said)
    assert b"<h2>Thresholds</h2>" in durable.load_generation(NAME, 1)["report.html"]


def test_a_job_killed_at_any_step_leaves_the_live_model() -> None:
    log = records(history())
    durable = filled()
    assert run("train", train_segment_models, make_job(log, durable)) == 0
    assert die_in(train_segment_models, lambda mortal: make_job(log, mortal), durable) == 2
    assert durable.live() == {NAME: 1}


def test_another_tenants_events_change_nothing() -> None:
    alone, beside = filled(), filled()
    events = history(days=100)
    foreign = [replace(each, tenant="elsewhere") for each in history(days=120)]
    assert run("train", train_segment_models, make_job(records(events), alone)) == 0
    assert run("train", train_segment_models, make_job(records([*events, *foreign]), beside)) == 0
    assert alone.load_generation(NAME, 1) == beside.load_generation(NAME, 1)
