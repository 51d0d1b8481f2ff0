"""Works out the batch segments that the live catalogue declares, and writes who enters and who leaves, through the log.

    python -m jobs.build_segments --dry-run                  # sizes and overlaps, nothing is written
    python -m jobs.build_segments --segment vip --report segments.html

Says sizes and overlaps before and after, and refuses to change more of a segment than it declares. One that cannot be worked
out (too few seeds) is left as it is, with a warning; where none can be, there is not enough data. Run twice, or killed and
started again, it ends with the same memberships: only differences are written, and saying one twice changes nothing.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from jobs.blocks import kept_blocks, under_ray
from jobs.job import Job, Outcome, main
from rayce.batch_segments.changes import Overlap, Size, overlaps, override_records, sizes, too_much
from rayce.batch_segments.deciding import Decided, decide, likeness_features, live_leaves, reads_log, totals_of
from rayce.batch_segments.definition import Definition
from rayce.batch_segments.order import seed_segment, seeds_first
from rayce.batch_segments.population import PERSON, Asked, part_of, together
from rayce.batch_segments.report import page
from rayce.batch_segments.totals import Totals
from rayce.checkpoint import Checkpoint
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidArtifact, InvalidInput, NotEnoughData, WorseThanLive
from rayce.pseudonym import Pseudonymizer
from rayce.publication import publish
from rayce.report_page import REPORT_FILE
from rayce.segments.batch import SEGMENT
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogWriter

PARTS = 16
"""Of the people, each kept by the checkpoint when it has been read."""
BATCH, CONSENTS_AT_ONCE = 500, 10_000
REPORT_KIND = "segment-report"

Write = Callable[[Sequence[tuple[bytes, bytes]]], None]
"""Returns once these (key, value) records are acknowledged."""


def build_segments(job: Job, write: Write, now_ms: int) -> Outcome:
    """Work out batch segments, and write the differences through the log."""
    definitions = _asked_for(job)
    seeds = {name: _seeds(job, each) for name, each in definitions.items() if _file(each) is not None}
    checkpoint = job.checkpoint(
        {"catalogue": job.catalogue.version, "seeds": {n: _digest(s) for n, s in seeds.items()}}
    )
    now_ms = int(checkpoint.block("moment", lambda: str(now_ms).encode()))
    people = _people(job, definitions, checkpoint, now_ms)
    persons = people[PERSON].to_list()
    job.say(f"{len(persons):,} people may be in segments")
    if not persons:
        raise NotEnoughData(f"nobody of {job.tenant} has events and allows personalization")
    totals = _totals(job, definitions, now_ms)
    before = {s.name: people[SEGMENT + s.name].to_numpy().astype(np.bool_) for s in job.catalogue.segments}
    decided, left = _decided(job, definitions, people, totals, seeds, now_ms)
    warnings = [f"left as it is: {why}" for why in left] + (totals.carried.warnings() if totals else [])
    after = {name: each.members for name, each in decided.items()}
    found, shared = sizes(before, after), overlaps(before, after)
    refused = _refusals(definitions, found, decided)
    likenesses = {name: each.likeness for name, each in decided.items() if each.likeness is not None}
    no_go = [] if job.force else refused
    told = page(job.tenant, now_ms, len(persons), found, shared, likenesses, no_go, warnings).encode()
    _report(job, told)
    for warning in warnings:
        job.say(f"warning: {warning}")
    if not decided:
        raise NotEnoughData("; ".join(left))
    if refused and not job.force and not _dry(job):
        raise WorseThanLive("; ".join(refused) + "; --force does it all the same")
    generation, written = {}, 0
    if not _dry(job):
        confirmed = frozenset(name for name in after if job.catalogue.by_name[name].ttl_s is not None)
        records = override_records(persons, before, after, confirmed, job.tenant, now_ms)
        written = _write(job.counted(records, "changes written"), write)
        name = job.name(REPORT_KIND)
        generation[name] = publish(job.durable, name, {REPORT_FILE: told}, _check_report)
    metrics = {"people": len(persons), "events_written": written, "refused": len(refused), "left": len(left)}
    metrics |= _told(found, shared) | {f"{name}.auc": each.auc for name, each in likenesses.items()}
    return Outcome(generation, {name: float(value) for name, value in metrics.items()})


def _asked_for(job: Job) -> dict[str, Definition]:
    wanted = getattr(job.options, "segment", None) or list(job.catalogue.batch)
    for name in wanted:
        if name not in job.catalogue.batch:
            raise InvalidInput(f"the live catalogue has no segment `{name}` with a section `batch`", "--segment", name)
    if not wanted:
        raise NotEnoughData("the live catalogue declares no segment with a section `batch`")
    return {name: job.catalogue.batch[name] for name in wanted}


def _people(job: Job, definitions: Mapping[str, Definition], checkpoint: Checkpoint, now_ms: int) -> pl.DataFrame:
    asked = Asked(
        open=partial(DynamoStore, job.settings.dynamodb) if under_ray() else lambda: job.durable,
        tenant=job.tenant,
        now_ms=now_ms,
        features=job.features,
        leaves=live_leaves(definitions),
        segments=job.catalogue.segments,
        likeness=likeness_features(definitions, job.features),
        parts=PARTS,
    )
    blocks = ((f"people-{part}", part) for part in range(PARTS))
    made = kept_blocks(part_of, blocks, asked, job.settings.batch.parallel, checkpoint)
    return together(job.counted(made, "parts of the people read", PARTS))


def _totals(job: Job, definitions: Mapping[str, Definition], now_ms: int) -> Totals | None:
    if not reads_log(definitions):
        return None
    totals = Totals(totals_of(definitions), job.tenant, now_ms)
    totals.take(job.counted(job.records(), "records of the log read", job.input.total() if job.input else None))
    if totals.undecodable:
        job.say(f"{totals.undecodable:,} records could not be read")
    return totals


def _decided(
    job: Job,
    definitions: Mapping[str, Definition],
    people: pl.DataFrame,
    totals: Totals | None,
    seeds: Mapping[str, frozenset[str]],
    now_ms: int,
) -> tuple[dict[str, Decided], list[str]]:
    """What could be worked out, in the catalogue's order, and why the others are left as they are.

    Seeds that are a segment of the same run are as this run has found them; where it is left, as they stand.
    """
    persons, found, left = np.array(people[PERSON].to_list()), dict[str, Decided](), list[str]()
    for name in seeds_first(definitions):
        among = seed_segment(definitions[name])
        own = found[among].members if among in found else None
        if name in seeds:
            own = np.isin(persons, list(seeds[name]))
        try:
            found[name] = decide(name, definitions[name], people, totals, own, now_ms, partial(_denied, job))
        except NotEnoughData as error:
            left.append(str(error))
            continue
        job.say(f"{name}: {int(found[name].members.sum()):,} people")
    return {name: found[name] for name in definitions if name in found}, left


def _refusals(
    definitions: Mapping[str, Definition], found: Sequence[Size], decided: Mapping[str, Decided]
) -> list[str]:
    refused = [too_much(size, definitions[size.name].section.max_change) for size in found]
    for name, each in decided.items():
        spec = definitions[name].section.lookalike
        if spec is not None and each.likeness is not None and each.likeness.auc < spec.min_auc:
            refused.append(f"`{name}`: its AUC is {each.likeness.auc:.3f}, and min_auc asks for {spec.min_auc:.3f}")
    return [why for why in refused if why]


def _told(found: Sequence[Size], shared: Sequence[Overlap]) -> dict[str, float]:
    """Sizes and overlaps by name, for the last line."""
    told: dict[str, float] = {}
    for size in found:
        for what in ("before", "after", "enter", "leave"):
            told[f"{size.name}.{what}"] = getattr(size, what)
    for overlap in shared:
        told[f"{overlap.one}&{overlap.other}.before"] = overlap.before
        told[f"{overlap.one}&{overlap.other}.after"] = overlap.after
    return told


def _write(records: Iterable[tuple[bytes, bytes]], write: Write) -> int:
    count, waiting = 0, iter(records)
    while batch := list(islice(waiting, BATCH)):
        write(batch)
        count += len(batch)
    return count


def _denied(job: Job, persons: Sequence[str]) -> set[str]:
    """Who of them does not allow training, by the consent records as they stand."""
    both, denied = PERSONALIZATION | TRAINING, set()
    for first in range(0, len(persons), CONSENTS_AT_ONCE):
        consents = job.durable.load_consents(persons[first : first + CONSENTS_AT_ONCE])
        denied.update(person for person, consent in consents.items() if consent.purposes & both != both)
    return denied


def _file(definition: Definition) -> str | None:
    return definition.section.lookalike.file if definition.section.lookalike is not None else None


def _seeds(job: Job, definition: Definition) -> frozenset[str]:
    """Pseudonyms of the file's users, one id a line."""
    privacy = job.settings.privacy
    pseudonyms = Pseudonymizer(privacy.current_key, privacy.pseudonym_keys)
    lines = Path(str(_file(definition))).read_text(encoding="utf-8").splitlines()
    return frozenset(pseudonyms.person(job.tenant, user) for line in lines if (user := line.strip()))


def _digest(persons: Iterable[str]) -> str:
    return blake2b("\n".join(sorted(persons)).encode(), digest_size=16).hexdigest()


def _dry(job: Job) -> bool:
    return bool(getattr(job.options, "dry_run", False))


def _report(job: Job, told: bytes) -> None:
    path = getattr(job.options, "report", None)
    if path:
        beside = Path(f"{path}.being-written")
        beside.write_bytes(told)
        os.replace(beside, path)
        job.say(f"the report is in {path}")


def _check_report(files: Mapping[str, bytes]) -> None:
    if not files.get(REPORT_FILE, b"").startswith(b"<!doctype html>"):
        raise InvalidArtifact("the report is no page", REPORT_FILE, sorted(files))


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--segment", action="append", metavar="NAME", help="only this one; may be given more than once")
    parser.add_argument("--dry-run", action="store_true", help="say sizes and overlaps, write nothing")
    parser.add_argument("--report", metavar="FILE", help="write the report page here as well")


def _work(job: Job) -> Outcome:
    """Work out batch segments, and write the differences through the log."""
    if _dry(job):
        return build_segments(job, lambda records: None, time.time_ns() // 1_000_000)
    log = LogWriter(job.settings.kafka)
    try:
        return build_segments(job, lambda records: log.write_all_now(EVENTS, records), time.time_ns() // 1_000_000)
    finally:
        log.close()


if __name__ == "__main__":
    sys.exit(main("build_segments", _work, add=_options))
