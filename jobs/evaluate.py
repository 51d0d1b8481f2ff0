"""Measures the newest (or named) generation on what people took in the last weeks, as generation `<tenant>/evaluation`.

Everything is as of the beginning of those weeks, so that nothing leaks; and they begin no earlier than the last row from which
the compared rankers were trained, or the last event that compared lists have seen.
"""

import argparse
import sys
from pathlib import Path

import msgspec
from msgspec import Struct

from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.decay import DAY_MS
from rayce.errors import InvalidArtifact, InvalidInput, NotEnoughData
from rayce.evaluation.cases import Case, cases_of
from rayce.evaluation.comparison import Comparison, compare
from rayce.evaluation.contenders import (
    LISTS,
    PERSONAL_FREQUENCY,
    POPULARITY,
    Contender,
    baselines,
    lists,
    ranker,
    stored_lists,
)
from rayce.evaluation.report import evaluation_report
from rayce.history import split
from rayce.model import MANIFEST_FILE, load_ranker
from rayce.past import Past, remember
from rayce.publication import publish
from rayce.report_page import REPORT_FILE, render
from rayce.segment_models import load_segment_models
from rayce.verdict import MIN_CASES, Verdict, verdict

METRICS_FILE = "metrics.json"
KINDS = ("ranker", "lists")


class _Known(Struct, frozen=True):
    """Until when a generation has known the world: a ranker by its rows, lists by their events."""

    until_ms: int = 0
    as_of_ms: int = 0


class _Compared(Struct, frozen=True):
    """The generations that are compared: the newest (or named) first, the live one after it where it is another."""

    kind: str
    numbers: tuple[int, ...]
    known_ms: int

    def name(self, number: int) -> str:
        """As a contender."""
        return f"{self.kind}#{number}"


def evaluate(job: Job) -> Outcome:
    """Evaluate the newest generation against popularity, personal frequency and the live one, on the last weeks."""
    items = job.items()
    compared = _compared(job)
    history = job.history(PERSONALIZATION | TRAINING)
    weeks = getattr(job.options, "weeks", 4)
    start_ms = max(history.until_ms - weeks * 7 * DAY_MS, compared.known_ms + 1)
    earlier, later = split(history.events(), start_ms)
    models = load_segment_models(job.durable, job.tenant, job.features)
    counted = job.counted(earlier, "events remembered")
    past = remember(counted, items, start_ms, job.catalogue, models, job.features)
    cases = cases_of(past, later, job.catalogue.names)
    days = max(history.until_ms - start_ms, 0) / DAY_MS  # nothing may have come since
    job.say(f"{len(cases):,} people took something in the last {days:.1f} days")
    if len(cases) < MIN_CASES:
        raise NotEnoughData(
            f"{len(cases)} people took something in the {days:.1f} days since the compared generations have last learned;"
            f" {MIN_CASES} are needed"
        )
    found = compare(past.shelf, cases, _contenders(job, past, cases, compared))
    verdicts = _verdicts(found, compared)
    metrics = found.metrics() | {"cases": float(len(cases)), "days": round(days, 2)}
    for name, each in verdicts.items():
        metrics[f"worse_than_{name}"] = float(each.worse)
        job.say(f"against {name}: {each.why}")
    for name, value in metrics.items():
        job.say(f"{value:10.4f}  {name}")
    about = f"{len(cases):,} people, by what they took in {days:.1f} days; all as of the day before."
    page = render(evaluation_report(about, found, verdicts)).encode()
    if path := getattr(job.options, "report", None):
        Path(path).write_bytes(page)
    name = job.name("evaluation")
    files = {REPORT_FILE: page, METRICS_FILE: msgspec.json.encode(metrics)}
    return Outcome({name: publish(job.durable, name, files, _check)}, metrics)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The job's own options."""
    parser.add_argument("--kind", choices=KINDS, default="ranker", help="which generations are compared")
    parser.add_argument("--generation", type=int, help="the generation that is evaluated (default: the newest)")
    parser.add_argument("--weeks", type=_positive, default=4, help="so much of the history's end is foretold")
    parser.add_argument("--report", metavar="FILE", help="write the report page to this file as well")


def _compared(job: Job) -> _Compared:
    kind = getattr(job.options, "kind", "ranker")
    name = job.name(kind)
    there = job.durable.numbers(name)
    chosen = getattr(job.options, "generation", None) or max(there, default=0)
    if chosen not in there:
        wanted = f"generation {chosen}" if chosen else "generation"
        raise NotEnoughData(f"there is no {wanted} of {name}; there are {there or 'none'}")
    live = job.durable.live(name).get(name)
    numbers = (chosen,) if live in (None, chosen) else (chosen, live)
    known = [_known_until(job.durable.load_generation(name, number)) for number in numbers if number is not None]
    return _Compared(kind, tuple(number for number in numbers if number is not None), max(known))


def _known_until(files: dict[str, bytes]) -> int:
    try:
        manifest = msgspec.json.decode(files[MANIFEST_FILE], type=_Known)
    except (KeyError, msgspec.MsgspecError) as error:
        raise InvalidArtifact(f"the generation has no manifest: {error}", MANIFEST_FILE, sorted(files)) from None
    return max(manifest.until_ms, manifest.as_of_ms)


def _contenders(job: Job, past: Past, cases: list[Case], compared: _Compared) -> dict[str, Contender]:
    found = baselines(past)
    popular = found[POPULARITY]
    found[LISTS] = lists(past, popular)
    for number in compared.numbers:
        if compared.kind == "lists":
            stored = job.durable.load_lists(number, [case.person for case in cases])
            found[compared.name(number)] = stored_lists(stored, popular)
            continue
        try:
            model = load_ranker(job.durable.load_generation(job.name("ranker"), number))
        except InvalidInput as error:
            if number == compared.numbers[0]:
                raise
            job.say(f"the live ranker cannot be compared with: {error}")
            continue
        found[compared.name(number)] = ranker(past, model, job.settings.serving.candidates)
    return found


def _verdicts(found: Comparison, compared: _Compared) -> dict[str, Verdict]:
    """Of the first of the compared generations against each other contender."""
    ours = compared.name(compared.numbers[0])
    live = [compared.name(number) for number in compared.numbers[1:]]
    against = [name for name in (POPULARITY, PERSONAL_FREQUENCY, *live) if name in found.by_case]
    return {name: verdict(found.by_case[ours], found.by_case[name], name=name) for name in against}


def _check(files: dict[str, bytes]) -> None:
    if not {REPORT_FILE, METRICS_FILE} <= files.keys():
        raise InvalidArtifact("the evaluation is not whole", "files", sorted(files))


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


if __name__ == "__main__":
    sys.exit(main("evaluate", evaluate, add=add_options))
