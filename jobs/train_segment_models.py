"""Trains every model that the segment catalogue names, each as generation `<tenant>/segment-model.<name>`."""

import sys
from collections.abc import Mapping
from functools import partial

from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidCatalogue, InvalidInput
from rayce.history import History, replay
from rayce.labels.catalogue import load_labels
from rayce.labels.label import Label
from rayce.leak_check import check_leaks, some_people
from rayce.model import Model
from rayce.publication import publish
from rayce.segment_models import PREFIX
from rayce.segment_sampling import Sampler, sample, segment_moments
from rayce.segment_training import train_segment_model
from rayce.training import Trained, check_model
from rayce.verdict import insist


def train_segment_models(job: Job) -> Outcome:
    """Train the models named in the segment catalogue on what people did after their events."""
    labels = _labels(job)
    names = tuple(job.features.numbers)
    triggers = {
        name: {t for s in job.catalogue.segments if s.model == name for t in s.triggers}
        for name in job.catalogue.models
    }
    samplers = {name: Sampler(labels[name], triggers[name], names=names) for name in job.catalogue.models}
    history = job.history(PERSONALIZATION | TRAINING)
    _check(job, history, {kind for kinds in triggers.values() for kind in kinds}, names)
    moments = replay(history.events(), {}, features=job.features)
    sample(job.counted(moments, "events folded"), samplers.values())
    models: dict[str, Trained] = {}
    for name, sampler in samplers.items():
        rows = sampler.rows(history.until_ms)
        job.say(f"{name}: {len(rows.labels):,} rows")
        models[name] = train_segment_model(name, rows, labels[name], names, job.catalogue.aims[name], _live(job, name))
        _say(job, name, models[name])
    for model in models.values():
        insist(model.against_live, job.force)
    generations = {}
    for name, model in models.items():
        kind = job.name(f"{PREFIX}{name}")
        generations[kind] = publish(job.durable, kind, model.files, partial(check_model, names=model.features))
    metrics = {f"{name}.{metric}": value for name, model in models.items() for metric, value in model.metrics.items()}
    return Outcome(generations, metrics)


def _labels(job: Job) -> Mapping[str, Label]:
    labels = load_labels(job.settings.segments.labels)
    for name in job.catalogue.models:
        if name not in labels:
            raise InvalidCatalogue(f"no label is declared for the model `{name}`", "model", name)
    return labels


def _check(job: Job, history: History, triggers: set[str], names: tuple[str, ...]) -> None:
    """That no feature knows the future; `LeakFound` otherwise."""
    few = some_people(history.events(), len(history.values))
    make = segment_moments(triggers, names, job.features)
    compared = check_leaks(make, few, history.from_ms, history.until_ms, names)
    job.say(f"{compared:,} rows are the same without what came after them")


def _live(job: Job, name: str) -> Model | None:
    """The live model; None where there is none that could be compared."""
    kind = job.name(f"{PREFIX}{name}")
    number = job.durable.live(kind).get(kind)
    if number is None:
        return None
    try:
        return Model.from_files(job.durable.load_generation(kind, number))
    except InvalidInput as error:
        job.say(f"{name}: the live model cannot be compared with: {error}")
        return None


def _say(job: Job, name: str, model: Trained) -> None:
    job.say(f"{name}: {model.metrics}")
    for feature, share in model.importance.items():
        job.say(f"{name}: {share:7.1%} {feature}")
    job.say(f"{name}: {model.against_live.why}")


if __name__ == "__main__":
    sys.exit(main("train_segment_models", train_segment_models))
