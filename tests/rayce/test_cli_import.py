"""`rayce import` and `rayce export`, as a user meets them."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce.api_keys import add_key
from rayce.cli import app
from rayce.commands import exporting, import_opening
from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.generations import generation_name
from rayce.item import Item, encode_item
from rayce.item_changes import decode_item_change
from rayce.precomputed import encode_list
from rayce.profile import encode_profile
from rayce.settings import ApiKey, Settings
from rayce.stores.interfaces import ITEMS, Record, Save
from tests.imports import KEYS, NAMES, MemoryEventLog, World, history, lines
from tests.samples import event, folded, person

WHERE = "\nwhere the stores are: --settings FILE, or RAYCE_SETTINGS\n"


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Stores in memory behind the commands."""
    world = World()
    (tmp_path / "settings.yaml").write_text(
        f"privacy: {{pseudonym_keys: {{k1: '{KEYS['k1']}'}}}}\nedge: {{api_keys: {{a: {{sha256: x, tenant: shop}}}}}}"
    )
    monkeypatch.setenv("RAYCE_BATCH__WORK_PATH", str(tmp_path_factory.mktemp("work")))
    monkeypatch.setenv("RAYCE_SETTINGS", str(tmp_path / "settings.yaml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(import_opening, "opened_durable", lambda settings: world.durable)
    monkeypatch.setattr(import_opening, "opened_log", lambda settings: MemoryEventLog(world.log))
    monkeypatch.setattr(import_opening, "LogWriter", lambda settings: world.log)
    monkeypatch.setattr(exporting, "_of_log", lambda settings: world.records)
    return iter([world]).__next__()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_events_go_in_and_come_out_and_the_second_time_nothing_happens(world: World) -> None:
    lines(Path("a.jsonl"), history())
    code, text = run("import", "events", "a.jsonl", "--consent", "personalization, training")
    assert (code, len(world.events())) == (0, 40)
    assert "40 rows, 40 events, 0 known already, 0 without consent, 0 rows refused" in text
    assert {each.consent for each in world.events()} == {3}
    code, text = run("import", "events", "a.jsonl", "--consent", "training,personalization")
    assert (code, len(world.events())) == (0, 40)
    assert "was imported to its end before" in text
    assert run("export", "events", "b.parquet", "--from", "2023-11-15", "--types", "purchase") == (
        0,
        "b.parquet: 13 events\n",
    )
    code, text = run("import", "events", "b.parquet", "--again")
    assert code == 0


def test_words_of_the_catalogue_are_put_into_events(world: World) -> None:
    lines(Path("items.jsonl"), [{"item_id": "p1", "categories": ["Dairy", "Milk"], "brand": "Alm"}])
    assert run("import", "items", "items.jsonl")[0] == 0
    lines(Path("a.jsonl"), history(rows=2))
    run("import", "events", "a.jsonl", "--consent", "personalization")
    found = {line.item_id: (line.category, line.brand) for each in world.events() for line in each.items}
    assert found == {"p0": ("", ""), "p1": ("Milk", "Alm")}


def test_refused_rows_are_an_exit_code_of_their_own_and_a_file(world: World) -> None:
    rows = history(rows=4)
    rows[2]["user_id"] = ""
    lines(Path("a.jsonl"), rows)
    code, text = run("import", "events", "a.jsonl", "--consent", "personalization", "--errors", "errors.jsonl")
    assert (code, len(world.events())) == (3, 3)
    assert "a.jsonl: row 3" in text
    (told,) = [json.loads(line) for line in Path("errors.jsonl").read_text().splitlines()]
    assert {name: told[name] for name in ("file", "row", "column")} == {
        "file": "a.jsonl",
        "row": 3,
        "column": "user_id",
    }
    assert run("import", "events", "a.jsonl", "--again", "--max-errors", "0")[0] == 1


def test_a_dry_run_writes_nothing_and_needs_no_store(world: World) -> None:
    world.durable.away = world.log.away = True
    lines(Path("a.jsonl"), history())
    code, text = run("import", "events", "a.jsonl", "--consent", "personalization", "--dry-run")
    assert (code, text.count('"event_id"')) == (0, 10)
    assert "ada" not in text
    lines(Path("items.jsonl"), [{"item_id": "p1"}])
    assert run("import", "items", "items.jsonl", "--dry-run")[0] == 0
    world.durable.away = world.log.away = False
    assert world.events() == []
    assert not world.durable.load_items("shop", ["p1"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none.csv"], "none.csv No such file"),
        (["a.jsonl", "empty.csv"], "empty.csv is empty"),
        (["a.jsonl", "."], "is a directory"),
        (["a.jsonl", "--format", "xml"], "parquet, csv or jsonl"),
        (["a.jsonl", "--consent", "everything"], "personalization, training, marketing"),
        (["a.jsonl", "--mapping", "none.yaml"], "none.yaml: No such file"),
        (["a.jsonl", "--mapping", "bad.yaml"], "key:   user_id"),
        (["a.jsonl", "--tenant", "a/b"], "no tenant is called"),
        (["a.jsonl", "--errors", "no/folder"], "No such file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(world: World, arguments: Sequence[str], reason: str) -> None:
    lines(Path("a.jsonl"), history())
    Path("empty.csv").touch()
    Path("bad.yaml").write_text("user_id: {}\ntype: {constant: view}\ntimestamp: t")
    code, text = run("import", "events", *arguments)
    assert code == 1
    assert reason in text
    assert world.events() == []


def test_a_file_that_breaks_off_ends_with_1_and_the_next_ones_are_read(world: World) -> None:
    import gzip

    whole = gzip.compress(lines(Path("x"), history(rows=300)).read_bytes())
    Path("a.jsonl.gz").write_bytes(whole[:-20])
    lines(Path("b.jsonl"), history(users=1, rows=3))
    code, text = run("import", "events", "a.jsonl.gz", "b.jsonl", "--consent", "personalization")
    assert code == 1
    assert "broken off: a.jsonl.gz is cut short" in text
    assert NAMES.person("shop", "u0") in {each.person for each in world.events()}


def test_another_consent_than_before_is_noticed_and_what_was_left_out_comes_in(world: World) -> None:
    lines(Path("a.jsonl"), history())
    assert "0 events, 0 known already, 40 without consent" in run("import", "events", "a.jsonl")[1]
    assert "was imported to its end before" in run("import", "events", "a.jsonl")[1]
    code, text = run("import", "events", "a.jsonl", "--consent", "personalization")
    assert (code, len(world.events())) == (0, 40)
    assert "40 events, 0 known already, 0 without consent" in text


def test_values_of_consent_that_the_mapping_does_not_name_are_told_with_an_example(world: World) -> None:
    Path("a.csv").write_text(
        "who,when,ok\n" + "".join(f"u{at},2026-01-01,{'maybe' if at % 2 else ''}\n" for at in range(6))
    )
    Path("m.yaml").write_text(
        "user_id: who\ntype: {constant: view}\ntimestamp: when\nconsent: {column: ok, values: {yes: [personalization]}}"
    )
    code, text = run("import", "events", "a.csv", "--mapping", "m.yaml")
    assert (code, world.events()) == (0, [])
    said = "in 3 rows `ok` has a value that `consent` of the mapping does not name ('maybe', for one): it counts as no"
    assert said in text
    Path("m.yaml").write_text(Path("m.yaml").read_text().replace("]}}", "], maybe: []}}"))
    assert "does not name" not in run("import", "events", "a.csv", "--mapping", "m.yaml")[1]


def test_an_export_of_another_tenant_is_refused_row_by_row(world: World) -> None:
    lines(Path("a.jsonl"), history(rows=4))
    run("import", "events", "a.jsonl", "--consent", "personalization")
    for form in ("b.parquet", "b.csv", "b.jsonl"):
        assert run("export", "events", form)[0] == 0
        code, text = run("import", "events", form, "--tenant", "other", "--new-tenant")
        assert (code, len(world.events())) == (3, 4)
        assert f"{form}: row 1, column tenant: an event of another tenant: this import is for 'other' ('shop')" in text
        assert "0 events, 0 known already, 0 without consent, 4 rows refused" in text


def test_a_second_import_of_a_tenant_is_kept_off_while_one_is_at_work(world: World) -> None:
    lines(Path("a.jsonl"), history())
    loaded = import_opening.opened_settings(None)
    command = ["import", "events", "a.jsonl", "--consent", "personalization"]
    with import_opening.only_import(loaded, "shop"):
        assert run(*command) == (1, f"another import of tenant shop is at work (pid {os.getpid()})\n")
        assert run(*command, "--dry-run")[0] == 0
        assert world.events() == []
        assert run(*command, "--tenant", "other", "--new-tenant")[0] == 0
    assert run(*command)[0] == 0
    assert len(world.events()) == 80


def test_a_tenant_that_no_key_names_is_taken_for_a_mistake(world: World) -> None:
    lines(Path("a.jsonl"), history())
    lines(Path("items.jsonl"), [{"item_id": "p1"}])
    said = "no API key names the tenant 'shpo' (there are shop): if it is a new one, say --new-tenant\n"
    assert run("import", "events", "a.jsonl", "--tenant", "shpo") == (1, said)
    assert run("import", "items", "items.jsonl", "--tenant", "shpo") == (1, said)
    assert world.events() == []
    code, text = run("import", "events", "a.jsonl", "--tenant", "shpo", "--dry-run")
    assert code == 0
    assert "no API key of the settings names the tenant 'shpo'" in text
    assert run("import", "items", "items.jsonl", "--tenant", "shpo", "--new-tenant")[0] == 0
    add_key(world.durable, "second", ApiKey("00" * 32, "other"), 1)
    assert run("import", "items", "items.jsonl", "--tenant", "other")[0] == 0


def test_a_store_that_is_away_is_said(world: World) -> None:
    lines(Path("a.jsonl"), history())
    world.durable.away = True
    assert run("import", "events", "a.jsonl") == (1, f"memory is unavailable: switched away{WHERE}")
    assert run("export", "items", "b.csv") == (1, f"memory is unavailable: switched away{WHERE}")
    assert not Path("b.csv").exists()
    assert sorted(path.name for path in Path().iterdir()) == ["a.jsonl", "settings.yaml"]


def test_items_are_saved_told_of_and_come_out_as_they_went_in(world: World) -> None:
    items = [
        Item("p1", "Milk", ("Dairy", "Milk"), "Alm", 1.5, True, {"fat": 3.5, "bio": True, "n": 1}),
        Item("p,2", 'a "b"\nc', (), "", None, False, {}),
    ]
    world.durable.save_items("shop", {item.item_id: encode_item(item) for item in items})
    for form in ("a.csv", "a.tsv.gz", "a.jsonl", "a.parquet"):
        assert run("export", "items", form) == (0, f"{form}: 2 items\n")
        world.durable.delete_items("shop", ["p1", "p,2"])
        code, text = run("import", "items", form)
        assert code == 0, text
        assert dict(world.durable.all_items("shop")) == {item.item_id: encode_item(item) for item in items}
    told = [record for partition in range(4) for record in world.log.read(partition, 0, 100, ITEMS)]
    changes = [change for record in told if (change := decode_item_change(record.value))]
    assert [set(change.items) for change in changes] == [{"p1", "p,2"}] * 4


LEFT_OUT = (
    "; 1 people left out: no consent record; 1 people left out: the consent record does not allow personalization"
)


def test_recommendations_and_segments_are_of_those_who_consent(world: World) -> None:
    durable = world.durable
    generation = durable.publish(generation_name("shop", "lists"), {"manifest.json": b"{}"})
    for number, purposes in ((1, 1), (2, 0), (3, None)):
        profile = folded(event("add_to_cart", "p1", who=number))
        profile.flags = 0b11
        epoch = durable.acquire(0).epoch
        durable.save_profiles(0, epoch, [Save(person(number), encode_profile(profile), 1)])
        durable.save_lists(generation, [(person(number), encode_list([("p9", 0.5), ("p8", 0.25)]))])
        if purposes is not None:
            durable.save_consent(person(number), Consent(purposes, 1))
    assert run("export", "recommendations", "r.csv")[0] == 1
    durable.make_live(generation_name("shop", "lists"), generation)
    assert run("export", "recommendations", "r.csv") == (0, f"r.csv: 2 rows{LEFT_OUT}\n")
    assert Path("r.csv").read_text() == f"person,rank,item_id,score\n{person(1)},1,p9,0.5\n{person(1)},2,p8,0.25\n"
    assert run("export", "segments", "s.jsonl")[0] == 0
    found = [json.loads(line) for line in Path("s.jsonl").read_text().splitlines()]
    assert {row["person"] for row in found} == {person(1)}
    assert len(found) == 2
    name = found[0]["segment"]
    assert run("export", "segments", "s.csv", "--segment", name) == (0, f"s.csv: 1 rows{LEFT_OUT}\n")
    (other,) = {row["segment"] for row in found} - {name}
    profile = folded(event("add_to_cart", "p1", who=3))
    durable.save_profiles(0, durable.acquire(0).epoch, [Save(person(3), encode_profile(profile), 2)])
    denied = "1 people left out: the consent record does not allow personalization"
    text = f"s.csv: 1 rows; {denied}\n"
    assert run("export", "segments", "s.csv", "--segment", other) == (0, text), "who is in none is not left out"
    assert run("export", "segments", "s.csv", "--segment", "unheard-of")[0] == 1


@pytest.mark.parametrize("arguments", [["--types", "buy"], ["--from", "soon"], ["--source", "moon"]])
def test_wrong_options_of_an_export_are_named(world: World, arguments: Sequence[str]) -> None:
    code, text = run("export", "events", "a.csv", *arguments)
    assert code == 1
    assert arguments[0] in text
    assert run("export", "events", "a.xlsx")[0] == 1


def test_a_file_that_was_there_stays_where_an_export_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(settings: Settings) -> object:
        def records() -> Iterator[Record]:
            yield from world.records()
            raise Unavailable("kafka", "gone")

        return records

    lines(Path("a.jsonl"), history())
    run("import", "events", "a.jsonl", "--consent", "personalization")
    monkeypatch.setattr(exporting, "_of_log", broken)
    for name in ("b.parquet", "b.csv.gz", "b.jsonl"):
        Path(name).write_bytes(b"former")
        assert run("export", "events", name) == (1, f"kafka is unavailable: gone{WHERE}")
        assert Path(name).read_bytes() == b"former"
    assert not [path for path in Path().iterdir() if "being-written" in path.name]
