"""`rayce rules`, as a marketer meets it."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import opening
from rayce.decision import VERSION, Decision, ShownItem, encode_decision
from rayce.documents import RULES, document_text
from rayce.errors import Unavailable
from rayce.publication import publish
from rayce.segments.catalogue import load_catalogue
from rayce.shelf import Shelf
from rayce.stores import kafka_log
from rayce.stores.memory import MemoryDurable
from tests.rayce.test_recent_decisions import FakeReader
from tests.shops import make_shelf

DROP = "version: 1\nrules:\n  - {name: no p0, items: {ids: [p0]}, filter: drop}\n"
PINS = "version: 1\nrules:\n  - {name: a, pin: {items: [p1]}}\n  - {name: b, pin: {items: [p2]}}\n"


class Log(FakeReader):
    """The log of decisions that the command would open."""

    def close(self) -> None:
        """Nothing to close."""


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["rules", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
    made = MemoryDurable()
    monkeypatch.setattr(opening, "stores", lambda path: (made, load_catalogue()))
    monkeypatch.setattr(opening, "durable", lambda path: made)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(DROP)
    return path


def logged(monkeypatch: pytest.MonkeyPatch, *decisions: Decision) -> None:
    monkeypatch.setattr(kafka_log, "LogReader", lambda *_given, **_more: Log([[encode_decision(d) for d in decisions]]))


def decision(**more: Any) -> Decision:
    pool = tuple((f"p{n}", 9.0 - n) for n in range(6))
    shown = tuple(ShownItem(f"p{n}") for n in range(3))
    return Decision(
        version=VERSION, decision_id="d", kind="recommendation", tenant="shop", at_ms=1, pool=pool, shown=shown, **more
    )


def test_good_rules_pass_and_pins_in_each_others_way_are_told(durable: MemoryDurable, file: Path) -> None:
    assert run("check", str(file)) == (0, f"{file}: 1 rules\n")
    file.write_text(PINS)
    code, text = run("check", str(file))
    assert code == 0 and "note: `a` and `b` pin to the same place" in text


def test_wrong_rules_fail_naming_file_key_and_value(durable: MemoryDurable, file: Path) -> None:
    file.write_text(DROP.replace("filter: drop", "boost: 0.5"))
    for command in (("check", str(file)), ("activate", str(file), "--tenant", "shop")):
        code, text = run(*command)
        assert code == 1
        assert text.splitlines()[1:] == [f"  file:  {file}", "  key:   rules[0].boost", "  value: 0.5"]
    assert document_text(durable, "shop", RULES) is None


def test_all_mistakes_of_all_files_are_told_at_once(durable: MemoryDurable, file: Path) -> None:
    other, good = file.with_name("other.yaml"), file.with_name("good.yaml")
    file.write_text("version: 1\nrules:\n  - {name: a, boost: 0.5, items: {ids: [p1]}}\n  - {name: b, bury: 2}\n")
    other.write_text("version: 2\n")
    good.write_text(DROP)
    code, text = run("check", str(file), str(other), str(good), str(file.with_name("none.yaml")))
    told = [
        line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith(("  file:", "  key:", "  value:"))
    ]
    assert code == 1 and f"{good}: 1 rules" in text
    assert [told[at : at + 3] for at in range(0, len(told), 3)] == [
        [str(file), "rules[0].boost", "0.5"],
        [str(file), "rules[1].bury", "2"],
        [str(other), "version", "2"],
        [str(file.with_name("none.yaml")), "-", repr(str(file.with_name("none.yaml")))],
    ]
    assert run("check", str(good), str(good)) == (0, f"{good}: 1 rules\n" * 2)


def test_rules_are_activated_shown_and_taken_back(durable: MemoryDurable, file: Path) -> None:
    assert run("live", "--tenant", "shop") == (0, "nothing was activated: there are no rules\n")
    assert run("activate", str(file), "--tenant", "shop") == (0, "live: generation 1, 1 rules\n")
    assert run("live", "--tenant", "shop", "--text") == (0, DROP)
    file.write_text(PINS)
    assert run("activate", str(file), "--tenant", "shop")[0] == 0
    assert run("live", "--tenant", "shop")[1].startswith("generation 2, activated 20")
    assert run("rollback", "--tenant", "shop") == (0, "live again: generation 1\n")
    assert document_text(durable, "shop", RULES) == DROP
    code, text = run("rollback", "--tenant", "shop")
    assert code == 1 and "nothing to go back to" in text


def test_a_sample_shows_what_would_change_against_what_is_live(
    durable: MemoryDurable, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(durable, "shop/shelf", make_shelf().to_files(), Shelf.from_files)
    logged(monkeypatch, decision(), decision(slot="cart"))
    asked = ("check", str(file), "--tenant", "shop", "--sample", "10")
    code, text = run(*asked)
    assert code == 0 and "2 requests: 2 lists change (100%)" in text and "no p0" in text
    told = json.loads(run(*asked, "--json")[1])
    assert (told["rules"], told["sample"]["changed"], told["sample"]["left"]) == (1, 2, 2)
    run("activate", str(file), "--tenant", "shop")
    assert json.loads(run(*asked, "--json")[1])["sample"]["changed"] == 0


def test_where_there_is_nothing_to_try_them_on_it_says_so(
    durable: MemoryDurable, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("check", str(file), "--tenant", "shop", "--sample", "10")
    logged(monkeypatch)
    code, text = run(*asked)
    assert code == 1 and "no shelf of `shop` is live" in text
    publish(durable, "shop/shelf", make_shelf().to_files(), Shelf.from_files)
    code, text = run(*asked)
    assert code == 0 and "not tried on anything: no request of `shop`" in text
    code, text = run("check", str(file), "--sample", "10")
    assert code == 1 and "--tenant" in text


def test_without_kafka_the_rules_are_checked_all_the_same(
    durable: MemoryDurable, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_given: object, **_more: object) -> Log:
        raise Unavailable("kafka", "no broker")

    monkeypatch.setattr(kafka_log, "LogReader", away)
    code, text = run("check", str(file), "--tenant", "shop", "--sample", "10")
    assert code == 0 and "not tried on anything: kafka is unavailable" in text and "1 rules" in text


def test_without_durable_memory_segments_are_those_of_the_settings(durable: MemoryDurable, file: Path) -> None:
    durable.away = True
    code, text = run("check", str(file))
    assert code == 0 and "settings' catalogue" in text
    assert run("activate", str(file), "--tenant", "shop")[0] == 1
