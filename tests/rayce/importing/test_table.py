"""Tables of every form, good and hostile."""

import csv
import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidInput
from rayce.importing.raw_row import RawRow
from rayce.importing.source_file import recognise
from rayce.importing.table import read_table
from rayce.importing.text import Dialect

PLAIN = Dialect()


def rows(path: Path, content: bytes | None = None, dialect: Dialect = PLAIN) -> list[RawRow]:
    if content is not None:
        path.write_bytes(content)
    return list(read_table(recognise(path), dialect).rows)


def reasons(found: list[RawRow]) -> dict[int, str]:
    return {row.number: row.problem.reason for row in found if row.problem}


class TestCsv:
    def test_values_by_column_with_quotes_and_lines_in_them(self, tmp_path: Path) -> None:
        found = rows(tmp_path / "a.csv", b'\xef\xbb\xbfa, b\r\n1,"x,""y""\nz"\r\n\r\n2,\r\n')
        assert [(row.number, dict(row.values)) for row in found] == [
            (1, {"a": "1", "b": 'x,"y"\nz'}),
            (2, {"a": "2", "b": ""}),
        ]

    def test_tabs_semicolons_and_old_encodings(self, tmp_path: Path) -> None:
        assert rows(tmp_path / "a.tsv", b"a\tb\n1\t2\n")[0].values == {"a": "1", "b": "2"}
        found = rows(tmp_path / "a.csv", "größe;b\nü;€\n".encode("windows-1252"), Dialect("windows-1252", ";"))
        assert found[0].values == {"größe": "ü", "b": "€"}

    @given(
        st.lists(
            st.lists(
                st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8), min_size=2, max_size=2
            ),
            max_size=8,
        )
    )
    def test_whatever_a_writer_of_csv_writes_is_read(self, table: list[list[str]]) -> None:
        import tempfile

        text = io.StringIO()
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["a", "b"], *table])
        with tempfile.TemporaryDirectory() as folder:
            found = rows(Path(folder) / "a.csv", text.getvalue().encode())
        assert [list(row.values.values()) for row in found] == table

    def test_each_bad_row_is_named_and_the_others_are_read(self, tmp_path: Path) -> None:
        content = b"a,b\n1,2\n1\n1,2,3\n\xff,2\n\x00,2\n" + b"x" * (5 << 20) + b"\n" + b"y" * 200_000 + b",1\n8,9\n"
        found = rows(tmp_path / "a.csv", content)
        told = reasons(found)
        assert told[2] == "1 values where the header names 2 columns"
        assert told[3] == "3 values where the header names 2 columns"
        assert told[4].startswith("not utf-8: byte 0xff at 0")
        assert "NUL bytes" in told[5]
        assert "longer than 4 MiB" in told[6]
        assert "field larger" in told[7]
        assert [dict(row.values) for row in found if not row.problem] == [{"a": "1", "b": "2"}, {"a": "8", "b": "9"}]

    def test_a_quote_that_never_ends_costs_some_rows_and_no_memory(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b'a,b\n1,2\n1,"' + b"x,y\n" * 200_000)
        tracemalloc.start()
        count = sum(1 for row in read_table(recognise(tmp_path / "a.csv"), PLAIN).rows if row.problem is None)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count > 100_000
        assert most < 16 << 20

    @pytest.mark.parametrize(
        "content",
        [b"\n", b",,\n1,2,3\n", b"a,a\n1,2\n", b"\xff\xfea\x00", b"\xff\xff\n", b"a\x00b\n", b'"' + b"a" * 200_000],
    )
    def test_without_a_usable_header_there_is_no_table(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(InvalidInput, match=r"a\.csv"):
            rows(tmp_path / "a.csv", content)


class TestJsonLines:
    def test_each_bad_line_is_named_by_its_number(self, tmp_path: Path) -> None:
        content = b'{"a":1}\n\n[1]\n{"a":\n' + b"[" * 100_000 + b'\n{"a":"\xff"}\n{"a":{"b":[1]}}'
        found = rows(tmp_path / "a.jsonl", content)
        assert {n: reason.partition(":")[0] for n, reason in reasons(found).items()} == {
            3: "not a JSON object",
            4: "not JSON",
            5: "not JSON",
            6: "not utf-8",
        }
        assert [(row.number, row.values) for row in found if not row.problem] == [(1, {"a": 1}), (7, {"a": {"b": [1]}})]

    def test_utf_16_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="UTF-16"):
            rows(tmp_path / "a.jsonl", '{"a":1}\n'.encode("utf-16"))


class TestParquet:
    def written(self, path: Path, **columns: Any) -> list[RawRow]:
        pq.write_table(pa.table(columns), path / "a.parquet")
        return rows(path / "a.parquet")

    def test_values_of_every_kind(self, tmp_path: Path) -> None:
        at = datetime(2026, 1, 1, 10, tzinfo=UTC)
        nested = [{"x": [1, None], "y": {"z": "w"}}]
        (row,) = self.written(
            tmp_path,
            text=["a"],
            number=[1],
            at=pa.array([at], pa.timestamp("ns", "UTC")),
            nested=nested,
            pairs=pa.array([[("k", 1.5)]], pa.map_(pa.string(), pa.float64())),
            none=pa.array([None], pa.null()),
        )
        assert row.values == {
            "text": "a",
            "number": 1,
            "at": at,
            "nested": nested[0],
            "pairs": [("k", 1.5)],
            "none": None,
        }

    def test_a_moment_that_python_cannot_say_refuses_its_row_alone(self, tmp_path: Path) -> None:
        found = self.written(tmp_path, at=pa.array([0, 1 << 62], pa.timestamp("us")))
        assert found[0].problem is None
        assert found[1].problem is not None
        assert found[1].problem.column == "at"

    def test_a_long_text_that_repeats_is_unfolded_once(self, tmp_path: Path) -> None:
        words = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), ["x" * 1_000_000])
        pq.write_table(pa.table({"a": words}), tmp_path / "a.parquet")
        before = pa.total_allocated_bytes()
        most = count = 0
        for row in read_table(recognise(tmp_path / "a.parquet"), PLAIN).rows:
            count += len(row.values["a"]) == 1_000_000
            if count % 5_000 == 1:
                most = max(most, pa.total_allocated_bytes() - before)
        assert count == 100_000
        assert most < 64 << 20

    def test_only_wanted_columns_are_read_but_all_are_named(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"a": [1], "b": [2]}), tmp_path / "a.parquet")
        columns, found = read_table(recognise(tmp_path / "a.parquet"), PLAIN, ["b", "c"])
        assert (columns, [row.values for row in found]) == (["a", "b"], [{"b": 2}])

    def test_damaged_anywhere_it_is_refused_and_nothing_else_is_raised(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"a": [str(n) for n in range(2_000)], "b": list(range(2_000))}), tmp_path / "a.parquet")
        whole = (tmp_path / "a.parquet").read_bytes()
        damaged = [
            whole[:10],
            whole[: len(whole) // 2],
            whole[:-1],
            b"PAR1",
            whole[:4] + bytes(len(whole) - 8) + whole[-4:],
        ]
        damaged += [whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :] for at in range(4, len(whole), 997)]
        refused = 0
        for content in damaged:
            try:
                rows(tmp_path / "b.parquet", content)
            except InvalidInput as error:
                assert "b.parquet" in str(error)
                refused += 1
        assert refused >= 5

    def test_two_columns_of_one_name_are_refused(self, tmp_path: Path) -> None:
        table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
        pq.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(InvalidInput, match="two columns of the name a"):
            rows(tmp_path / "a.parquet")
