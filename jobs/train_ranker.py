"""Trains the ranker on the last weeks of history, as generation `<tenant>/ranker`."""

import sys

from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.history import split
from rayce.past import remember
from rayce.publication import publish
from rayce.ranker_training import Serving, train, window_start
from rayce.ranking import RANKING_FEATURES
from rayce.training import check_model


def train_ranker(job: Job) -> Outcome:
    """Train the ranking model on the baskets of the last weeks, as they would have been served."""
    items = job.items()
    history = job.history(PERSONALIZATION | TRAINING)
    start_ms = window_start(history.from_ms, history.until_ms)
    earlier, later = split(history.events(), start_ms)
    job.say(f"{len(earlier):,} events to remember, {len(later):,} to train on and check with")
    past = remember(job.counted(earlier, "events remembered"), items, start_ms)
    serving = Serving(job.settings.serving.candidates, job.settings.serving.suppress_purchased_s)
    model = train(past, later, history.until_ms, serving, job.say)
    for name, value in model.metrics.items():
        job.say(f"{value:10.4f}  {name}")
    for feature, share in model.importance.items():
        job.say(f"{share:10.1%}  {feature}")
    kind = job.name("ranker")
    number = publish(job.durable, kind, model.files, lambda files: check_model(files, RANKING_FEATURES))
    return Outcome({kind: number}, model.metrics)


if __name__ == "__main__":
    sys.exit(main("train_ranker", train_ranker))
