"""The examples of docs/import-export.md, run."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.importing.mapping import EventMapping, ItemMapping, Source, fields_of, parse_mapping
from tests.imports import KEYS

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "import-export.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [body for found, body in BLOCKS if found == kind]


def test_the_dry_run_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (csv,), mapping, (told,) = blocks("csv"), blocks("yaml")[0], blocks("text")
    Path("orders.csv").write_text(csv)
    Path("orders.yaml").write_text(mapping)
    Path("settings.yaml").write_text(f"privacy: {{pseudonym_keys: {{k1: '{KEYS['k1']}'}}}}")
    command = ["import", "events", "orders.csv", "--mapping", "orders.yaml", "--tenant", "shop", "--dry-run"]
    result = CliRunner().invoke(app, [*command, "--settings", "settings.yaml"])
    assert result.exit_code == 3
    said = re.sub(r'"person":"k1:\w+"', '"person":"k1:…"', result.output)
    assert re.sub(r'"event_id":"[^"]+"', "", said) == re.sub(r'"event_id":"[^"]+"', "", told)


def test_every_command_of_the_page_is_understood() -> None:
    (commands,) = blocks("bash")
    for line in commands.splitlines():
        noun, verb, *rest = line.removeprefix(".venv/bin/rayce ").split()
        result = CliRunner().invoke(app, [noun, verb, "--help"], terminal_width=200)
        assert result.exit_code == 0
        for option in (word for word in rest if word.startswith("--")):
            assert option in result.output, line


def test_every_key_of_a_mapping_has_its_row() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    assert {*EventMapping.__struct_fields__} <= rows
    assert {field.removesuffix("kind") or "as" for field in Source.__struct_fields__} <= rows


def test_the_mapping_of_items_holds_together_and_shows_every_key() -> None:
    mapping = parse_mapping(blocks("yaml")[1], ItemMapping)
    shown = {key.partition(".")[0].partition("[")[0] for key, _field in fields_of(mapping)}
    assert shown == {*ItemMapping.__struct_fields__} - {"encoding", "delimiter"}
