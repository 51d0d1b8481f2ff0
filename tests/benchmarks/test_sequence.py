"""`benchmarks.sequence`: files are read as they say, and the test item has no part in what is learnt."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import sequence
from benchmarks.planted_films import Films, films
from benchmarks.sequence import read_sequences
from rayce.sequence import training
from rayce.sequence.recommender import SequenceRecommender
from rayce.sequence.sequences import Sequences


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.list_(pa.int16())])
def test_lists_of_any_integers_are_numbered_in_order_of_their_ids(kind: pa.DataType) -> None:
    lists = pa.array([[30, 10, 30], [], None, [20]], kind)

    sequences, n_items = read_sequences(pa.table({"user": ["a", "b", "c", "d"], "items": lists}).slice(0))

    assert [sequences.one(user).tolist() for user in range(4)] == [[2, 0, 2], [], [], [1]]
    assert n_items == 3


def test_part_of_a_table_is_read_as_that_part() -> None:
    table = pa.table({"user": [1, 2, 3], "items": [[5, 6], [7], [8, 9]]}).slice(1, 1)

    assert read_sequences(table)[0].items.tolist() == [0]


def test_films_are_taken_once_by_each_and_some_much_more_than_others() -> None:
    sequences, n_items = read_sequences(films(Films(200, 300)))

    assert all(len(set(own.tolist())) == len(own) for own in map(sequences.one, range(200)))
    often = np.sort(np.bincount(sequences.items, minlength=n_items))[::-1]
    assert often[: n_items // 10].sum() > 0.2 * often.sum()


def test_the_last_item_has_no_part_in_what_is_learnt_and_is_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = [[n % 7, (n + 1) % 7, 7 + n % 3, (n + 3) % 7, 6 - n % 7] for n in range(40)]
    pq.write_table(pa.table({"user": list(range(40)), "items": lists}), tmp_path / "sequences.parquet")
    learnt: list[Sequences] = []

    class Spy(SequenceRecommender):
        @classmethod
        def fit(cls, sequences: Sequences, *more: object, **options: object) -> SequenceRecommender:  # type: ignore[override]
            learnt.append(sequences)
            return SequenceRecommender.fit(sequences, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "STEPS_A_ROUND", (2, 2))
    monkeypatch.setattr(sequence, "SequenceRecommender", Spy)
    monkeypatch.setattr("sys.argv", ["sequence", "--dataset", str(tmp_path)])

    assert sequence.main() == 0

    assert [learnt[0].one(user).tolist() for user in range(40)] == [each[:-1] for each in lists]
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["settings"]["users"] == 40
    assert 0 <= said["metrics"]["ndcg_at_10"] <= said["metrics"]["hr_at_10"] <= 1
