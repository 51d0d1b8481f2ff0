"""Trains the ranker on the last weeks of history and of decisions, as generation `<tenant>/ranker`."""

import sys

from jobs.decisions import add_decisions, decision_records
from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidInput
from rayce.history import split
from rayce.leak_check import check_leaks, some_people
from rayce.model import Model, load_ranker
from rayce.outcomes import read_shown
from rayce.past import remember
from rayce.publication import publish
from rayce.ranker_leaks import MOMENTS, Recall, ranker_moments
from rayce.ranker_training import Serving, train, window_start
from rayce.ranking import RANKING_FEATURES
from rayce.training import check_model
from rayce.verdict import insist


def train_ranker(job: Job) -> Outcome:
    """Train the ranking model on the baskets and decisions of the last weeks, as they would have been served."""
    items = job.items()
    history = job.history(PERSONALIZATION | TRAINING)
    start_ms = window_start(history.from_ms, history.until_ms)
    earlier, later = split(history.events(), start_ms)
    job.say(f"{len(earlier):,} events to remember, {len(later):,} to train on and check with")
    serving = Serving(job.settings.serving.candidates, job.settings.serving.suppress_purchased_s)
    past = remember(job.counted(earlier, "events remembered"), items, start_ms)
    few = some_people([*earlier, *later], len(earlier) + len(later))
    make = ranker_moments(items, start_ms, serving, MOMENTS / max(len(few), 1), Recall(past, earlier, items))
    compared = check_leaks(make, few, start_ms, history.until_ms, RANKING_FEATURES)
    job.say(f"{compared:,} rows are the same without what came after them")
    records = job.counted(decision_records(job), "records of decisions read")
    decisions = read_shown(records, job.tenant, history.persons, start_ms, history.until_ms)
    horizon_ms = job.settings.batch.outcome_horizon_h * 3_600_000
    model = train(past, later, history.until_ms, serving, job.say, decisions, _live(job), horizon_ms)
    for name, value in model.metrics.items():
        job.say(f"{value:10.4f}  {name}")
    for feature, share in model.importance.items():
        job.say(f"{share:10.1%}  {feature}")
    job.say(model.against_live.why)
    insist(model.against_live, job.force)
    kind = job.name("ranker")
    number = publish(job.durable, kind, model.files, lambda files: check_model(files, RANKING_FEATURES))
    return Outcome({kind: number}, model.metrics)


def _live(job: Job) -> Model | None:
    """The live ranker; None where there is none that could be compared."""
    kind = job.name("ranker")
    number = job.durable.live(kind).get(kind)
    if number is None:
        return None
    try:
        return load_ranker(job.durable.load_generation(kind, number))
    except InvalidInput as error:
        job.say(f"the live ranker cannot be compared with: {error}")
        return None


if __name__ == "__main__":
    sys.exit(main("train_ranker", train_ranker, add=add_decisions))
