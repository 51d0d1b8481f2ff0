"""DynamoDB Local's file is logged ahead, as durable as before; the real server keeps it so."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from cluster.local.dynamodb_local import write_ahead
from cluster.local.stack import LocalStack
from rayce.settings import load_settings
from rayce.stores.dynamo import DynamoStore


def mode_of(database: Path) -> str:
    """The journal mode that whoever opens the file finds."""
    with closing(sqlite3.connect(database)) as link:
        return str(link.execute("PRAGMA journal_mode").fetchone()[0])


def test_a_file_of_before_is_logged_ahead_from_now_on_and_keeps_what_it_has(tmp_path: Path) -> None:
    database = tmp_path / "old.db"
    with closing(sqlite3.connect(database)) as link, link:
        link.execute("CREATE TABLE kept (what)")
        link.execute("INSERT INTO kept VALUES ('this')")
    assert mode_of(database) == "delete"
    for _start in range(2):
        write_ahead(database)
        assert mode_of(database) == "wal"
    with closing(sqlite3.connect(database)) as link:
        assert link.execute("SELECT what FROM kept").fetchall() == [("this",)]


@pytest.mark.usefixtures("java_servers")
def test_the_server_itself_logs_ahead(make_stack: Callable[..., LocalStack], tmp_path: Path) -> None:
    stack = make_stack(mode="real", only={"dynamodb"})
    stack.up()
    found = load_settings(stack.settings_path, {}).dynamodb
    DynamoStore(replace(found, timeout_ms=30_000)).create()
    [database] = tmp_path.rglob("shared-local-instance.db")
    assert database.with_name(f"{database.name}-wal").stat().st_size > 0
    stack.down()
    assert mode_of(database) == "wal"
