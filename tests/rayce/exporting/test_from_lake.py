"""`rayce export events` out of the lake: the rows that the log would give, as of one commit."""

from pathlib import Path

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import import_opening
from rayce.event import Event, encode_event
from tests.imports import KEYS, World
from tests.rayce.lake.lakes import a_table, append, settings
from tests.samples import event


def test_events_of_the_lake_are_exported_in_order_and_import_to_the_same_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = World(), World()
    table = a_table(tmp_path / "lake")
    for partition in (1, 0):
        events: list[Event] = [event("view", f"p{at % 7}", who=2 * at % 10 + partition) for at in range(40)]
        source.log.write_all_now("rayce.events", [(each.person.encode(), encode_event(each)) for each in events])
        append(table, partition, [encode_event(each) for each in events])
    tree = {"lake": msgspec.to_builtins(settings(tmp_path / "lake")), "privacy": {"pseudonym_keys": KEYS}}
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(tree))
    monkeypatch.setattr(import_opening, "opened_durable", lambda settings: source.durable)
    command = ["export", "events", str(tmp_path / "a.parquet"), "--tenant", "shop", "--settings"]
    result = CliRunner().invoke(app, [*command, str(tmp_path / "settings.yaml")])
    assert (result.exit_code, result.output) == (0, f"{tmp_path / 'a.parquet'}: 80 events\n")
    assert target.run(tmp_path / "a.parquet", consent=None).counts.events == 80
    assert target.states() == source.states()


def test_where_there_is_no_lake_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump({"lake": {"path": str(tmp_path / "none")}}))
    monkeypatch.setattr(import_opening, "opened_durable", lambda settings: World().durable)
    command = ["export", "events", str(tmp_path / "a.csv"), "--tenant", "shop", "--source", "lake"]
    result = CliRunner().invoke(app, [*command, "--settings", str(tmp_path / "settings.yaml")])
    assert result.exit_code == 1
    assert "none" in result.output
    assert not (tmp_path / "a.csv").exists()
