"""`benchmarks.planted_lake`: the events are what the lake would hold, and the jobs' code reads them all."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import planted_lake, planted_shop
from benchmarks.planted_lake import COLUMNS, batches, catalogue, pseudonym, write_events
from benchmarks.planted_shop import AFTERWARDS, BEGIN_MS, SPAN_MS, Size
from rayce.column_history import interactions_of
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.lake.columns import EVENT_COLUMNS

SIZE = Size(people=250, items=300, events=6_000)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (planted_lake, planted_shop):
        monkeypatch.setattr(module, "BLOCK_PEOPLE", 100)
    assert write_events(tmp_path, SIZE).shape == (SIZE.people, AFTERWARDS)
    return tmp_path


def test_columns_are_those_of_the_lake(folder: Path) -> None:
    for batch in batches(folder):
        assert batch.schema.names == COLUMNS
        assert all(batch.schema.field(name).type == EVENT_COLUMNS.field(name).type for name in COLUMNS)


def test_the_jobs_read_every_event_of_everybody(folder: Path) -> None:
    number = {item.item_id: n for n, item in enumerate(catalogue(SIZE))}

    found = interactions_of(batches(folder), number, PERSONALIZATION | TRAINING)

    assert found.events == len(found.interactions.item) == SIZE.events
    assert found.people == SIZE.people
    assert BEGIN_MS < found.until_ms < BEGIN_MS + SPAN_MS
    assert len(np.unique(found.interactions.session)) > 3 * SIZE.people


def test_people_have_pseudonyms_and_event_ids_do_not_repeat(folder: Path) -> None:
    people, ids = set[str](), list[str]()
    for batch in batches(folder):
        people.update(batch.column("person").to_pylist())
        ids += batch.column("event_id").to_pylist()

    assert people == {pseudonym(n) for n in range(SIZE.people)}
    assert len(set(ids)) == len(ids) == SIZE.events
