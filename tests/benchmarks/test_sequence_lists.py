"""`benchmarks.sequence_lists`: sequences become a log in the order of time, and the jobs list nothing that somebody has."""

import pytest

from benchmarks.planted_films import Films, films
from benchmarks.sequence import read_sequences
from benchmarks.sequence_lists import STEP_MS, events, item, listed, person
from rayce.event import decode_event, encode_event
from rayce.lists import learning
from rayce.sequence import training
from rayce.sequence.sequences import Sequences


def test_each_step_is_a_purchase_a_week_after_the_one_before_it_and_the_log_is_in_order() -> None:
    made = list(events(Sequences.of([[4, 2], [], [7]])))
    assert [(each.person, each.items[0].item_id) for each in made] == [
        (person(0), item(4)),
        (person(0), item(2)),
        (person(2), item(7)),
    ]
    moments = [each.timestamp_ms for each in made]
    assert moments == sorted(moments)
    assert moments[1] - moments[0] == STEP_MS
    assert [decode_event(encode_event(each)) for each in made] == made


def test_everybody_gets_a_list_of_what_they_do_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS_A_ROUND", (4, 4))
    monkeypatch.setattr(training, "MAX_ROUNDS", 1)
    monkeypatch.setattr(learning, "CUTS", 2)
    sequences, n_items = read_sequences(films(Films(60, 90)))
    said: list[str] = []

    lists = listed(sequences, n_items, n_items, said.append)

    assert len(lists) == 60
    for user, found in enumerate(lists):
        assert found and not set(found) & set(sequences.one(user).tolist())
    assert any("order of purchases" in line for line in said)
