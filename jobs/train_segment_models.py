"""Trains every model that the segment catalogue names, each as generation `<tenant>/segment-model.<name>`."""

import sys
from functools import partial

from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidCatalogue
from rayce.history import replay
from rayce.publication import publish
from rayce.segment_training import LABELS, Sampler, sample, train_segment_model
from rayce.training import check_model


def train_segment_models(job: Job) -> Outcome:
    """Train the models named in the segment catalogue on what people did after their events."""
    for name in job.catalogue.models:
        if name not in LABELS:
            raise InvalidCatalogue(f"no label is declared for the model `{name}`", "model", name)
    names = tuple(job.features.numbers)
    triggers = {
        name: {t for s in job.catalogue.segments if s.model == name for t in s.triggers}
        for name in job.catalogue.models
    }
    samplers = {name: Sampler(LABELS[name], triggers[name], names=names) for name in job.catalogue.models}
    history = job.history(PERSONALIZATION | TRAINING)
    moments = replay(history.events(), {}, features=job.features)
    sample(job.counted(moments, "events folded"), samplers.values())
    models = {}
    for name, sampler in samplers.items():
        rows = sampler.rows(history.until_ms)
        job.say(f"{name}: {len(rows.labels):,} rows")
        models[name] = train_segment_model(name, rows, LABELS[name], names)
        job.say(f"{name}: {models[name].metrics}")
        for feature, share in models[name].importance.items():
            job.say(f"{name}: {share:7.1%} {feature}")
    generations = {}
    for name, model in models.items():
        kind = job.name(f"segment-model.{name}")
        generations[kind] = publish(job.durable, kind, model.files, partial(check_model, names=model.features))
    metrics = {f"{name}.{metric}": value for name, model in models.items() for metric, value in model.metrics.items()}
    return Outcome(generations, metrics)


if __name__ == "__main__":
    sys.exit(main("train_segment_models", train_segment_models))
