"""`rayce slots`: checked, activated, taken back, as a marketer meets it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce.cli import app
from rayce.commands import opening
from rayce.segments.catalogue import load_catalogue
from rayce.stores.memory import MemoryDurable

GOOD = """
version: 1
layers: [{name: front}]
slots:
  - name: hero
    fallback: plain
    variants: [{name: plain}, {name: sale}]
    rules:
      - {name: carts, show: sale, audience: {segments: {any: [cart_engaged]}}}
      - {name: later, show: sale, enabled: false}
      - {name: test, experiment: hero_test}
    experiments:
      - {name: hero_test, holdout: 0.1, arms: [{variant: plain}, {variant: sale, weight: 2}]}
      - name: idle
        arms: [{variant: sale}]
        layer: {name: front, start: 0, end: 0.5}
"""


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
    store = MemoryDurable()
    monkeypatch.setattr(opening, "durable", lambda settings: store)
    monkeypatch.setattr(opening, "stores", lambda settings: (store, load_catalogue()))
    return store


@pytest.fixture
def good(tmp_path: Path) -> Path:
    file = tmp_path / "slots.yaml"
    file.write_text(GOOD)
    return file


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["slots", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_good_document_is_told_slot_by_slot_with_its_odds(durable: MemoryDurable, good: Path) -> None:
    code, text = run("check", good)
    assert code == 0
    assert text.splitlines()[1:] == [
        "hero: 2 variants, carts > later (off) > test > plain",
        "  hero_test: plain 30.00%, sale 60.00%, held out 10.00%",
        "  idle: sale 100.00%, held out 0.00% (0% to 50% of the layer front, no rule asks it)",
    ]


@pytest.mark.parametrize("command", [("check",), ("activate", "--tenant", "shop")])
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("fallback: plain", "fallback: none", "slots[0].fallback"),
        ("cart_engaged", "cart_engagd", "slots[0].rules[0].audience.segments.any[0]"),
    ],
)
def test_a_bad_one_is_refused_with_file_key_and_value(
    durable: MemoryDurable, good: Path, command: tuple[str, ...], old: str, new: str, key: str
) -> None:
    good.write_text(GOOD.replace(old, new))
    code, text = run(command[0], good, *command[1:])
    assert code == 1
    assert f"  file:  {good}" in text.splitlines() and f"  key:   {key}" in text.splitlines()
    assert durable.live() == {}


def test_it_is_activated_shown_and_taken_back(durable: MemoryDurable, good: Path) -> None:
    tenant = ("--tenant", "shop")
    assert run("live", *tenant) == (0, "nothing was activated: there are no slots\n")
    assert run("rollback", *tenant)[0] == 1
    assert run("activate", good, *tenant)[1].startswith("live: generation 1, policy slots:1-")
    good.write_text(GOOD.replace("version: 1", "version: 2"))
    assert run("activate", good, *tenant)[1].startswith("live: generation 2, policy slots:2-")
    assert run("live", *tenant)[1].startswith("generation 2, policy slots:2-")
    assert run("rollback", *tenant) == (0, "live again: generation 1\n")
    assert run("live", *tenant, "--text") == (0, GOOD)
    assert run("live", "--tenant", "other")[1].startswith("nothing")


def test_where_durable_memory_is_away_it_is_checked_all_the_same_and_not_activated(
    durable: MemoryDurable, good: Path
) -> None:
    durable.away = True
    code, text = run("check", good)
    assert code == 0 and "the settings' catalogue" in text and "hero_test" in text
    for command in (("activate", good), ("rollback",), ("live",)):
        code, text = run(*command, "--tenant", "shop")
        assert code == 1 and "unavailable" in text and "Traceback" not in text


def test_a_file_that_is_not_there_is_named(durable: MemoryDurable, tmp_path: Path) -> None:
    code, text = run("check", tmp_path / "none.yaml")
    assert code == 1 and "none.yaml" in text
