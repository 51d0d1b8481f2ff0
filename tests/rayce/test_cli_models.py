"""`rayce models`: a routing is checked, made live, shown and taken back."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import opening
from rayce.stores.memory import MemoryDurable

ROUTING = "version: 1\nsplit: [{model: next, share: 0.1}]\nshadow: [{model: other, share: 0.05}]\n"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["models", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def routing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    durable = MemoryDurable()
    monkeypatch.setattr(opening, "durable", lambda path: durable)
    path = tmp_path / "models.yaml"
    path.write_text(ROUTING)
    return str(path)


def test_check_says_who_gets_what(routing: str) -> None:
    code, text = run("check", routing)
    assert code == 0
    assert [line.split() for line in text.splitlines()] == [
        ["10.00%", "of", "the", "people:", "next"],
        ["90.00%", "of", "the", "people:", "default"],
        ["5.00%", "of", "the", "people:", "other,", "scored", "and", "never", "shown"],
    ]


def test_a_bad_routing_is_refused_with_file_key_and_value(routing: str) -> None:
    Path(routing).write_text("split: [{model: next, share: 2}]")
    code, text = run("activate", routing, "--tenant", "shop")
    assert code == 1
    assert routing in text and "split[0].share" in text and "2" in text
    assert run("live", "--tenant", "shop") == (0, "nothing was activated: everybody gets `default`\n")


def test_a_routing_goes_live_is_shown_and_taken_back(routing: str) -> None:
    assert run("activate", routing, "--tenant", "shop") == (0, "live: generation 1\n")
    Path(routing).write_text("version: 1\n")
    assert run("activate", routing, "--tenant", "shop") == (0, "live: generation 2\n")
    assert run("live", "--tenant", "shop") == (0, "version: 1\n")
    assert run("rollback", "--tenant", "shop") == (0, "live again: generation 1\n")
    assert run("live", "--tenant", "shop") == (0, ROUTING)
    assert run("rollback", "--tenant", "shop")[0] == 1


def test_the_report_of_a_generation_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    durable = MemoryDurable()
    monkeypatch.setattr(opening, "durable", lambda path: durable)
    assert run("report", "--tenant", "shop") == (1, "no generation of shop/ranker is live\n")
    for page in (b"<p>one", b"<p>two"):
        durable.publish("shop/segment-model.m", {"report.html": page})
    durable.publish("shop/ranker", {"model.txt": b""})
    durable.make_live("shop/segment-model.m", 1)
    durable.make_live("shop/ranker", 1)
    assert run("report", "--tenant", "shop", "--kind", "segment-model.m") == (0, "<p>one")
    assert run("report", "--tenant", "shop", "--kind", "segment-model.m", "--generation", "2") == (0, "<p>two")
    assert run("report", "--tenant", "shop", "--kind", "segment-model.m", "--generation", "9")[0] == 1
    assert run("report", "--tenant", "shop") == (1, "shop/ranker has no report\n")


def test_a_file_that_is_not_there_is_said(routing: str) -> None:
    assert run("check", routing + "x")[0] == 1
