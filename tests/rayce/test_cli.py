"""The command `rayce`, as a user meets it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.edge.callers import Callers
from rayce import __version__
from rayce.api_keys import live_keys
from rayce.cli import app
from rayce.commands import opening
from rayce.features.feature_set import ALL
from rayce.profile import encode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.settings import knobs
from rayce.settings_page import variable
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.samples import event, folded, person

CHECKOUT = Path(__file__).parent.parent.parent


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def in_a_process(code: str, *, cwd: Path, path: Path = CHECKOUT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


def test_version_is_the_librarys() -> None:
    assert run("version") == (0, f"rayce {__version__}\n")


def test_help_names_every_command() -> None:
    code, text = run("--help")
    assert code == 0
    assert all(name in text for name in ("local", "up", "demo", "settings", "segments", "version"))


def test_help_is_quick_because_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = "import sys, rayce.cli; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = in_a_process(code, cwd=tmp_path).stdout.split()
    assert "typer" in loaded
    assert set(loaded).isdisjoint({"msgspec", "yaml", "numpy", "ray", "boto3", "redis", "kafka", "lightgbm", "aiohttp"})


def test_settings_prints_every_knob_with_its_variable_and_reason() -> None:
    code, text = run("settings")
    joined = " ".join(text.split())
    assert code == 0
    for path, _default, why in knobs():
        assert path in text
        assert variable(path) in text
        assert why in joined


def test_settings_as_markdown_is_the_page_of_the_documentation() -> None:
    """If this fails: `rayce settings --markdown > docs/settings.md`."""
    assert run("settings", "--markdown") == (0, (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8"))


def test_a_good_catalogue_passes() -> None:
    file = CHECKOUT / "rayce" / "segments" / "starter.yaml"
    code, text = run("segments", "check", str(file))
    assert code == 0
    assert text.startswith(f"{file}: ")
    assert "version" in text


SEGMENT = "{name: a, bit: %s, kind: rule, triggers: [%s], when: {feature: %s, ge: 1}}"


@pytest.mark.parametrize(
    ("segments", "key", "value"),
    [
        ([SEGMENT % (0, "view", "ages")], "segments[0].when", "'ages'"),
        ([SEGMENT % (0, "veiw", "events")], "segments[0].triggers", "'veiw'"),
        ([SEGMENT % ("zero", "view", "events")], "segments[0].bit", "'zero'"),
        ([SEGMENT % (4096, "view", "events")], "segments[0].bit", "4096"),
        ([SEGMENT % (0, "view", "events")] * 2, "segments[1].bit", "0"),
    ],
)
def test_a_wrong_catalogue_fails_naming_file_key_and_value(
    tmp_path: Path, segments: Sequence[str], key: str, value: str
) -> None:
    file = tmp_path / "catalogue.yaml"
    file.write_text("version: 1\nsegments:\n" + "".join(f"  - {segment}\n" for segment in segments))
    code, text = run("segments", "check", str(file))
    assert code == 1
    lines = text.splitlines()
    assert str(file) in lines[0]
    assert f"  file:  {file}" in lines
    assert f"  key:   {key}" in lines
    assert f"  value: {value}" in lines


def test_features_are_listed_with_those_that_are_off(tmp_path: Path) -> None:
    catalogue, settings = tmp_path / "features.yaml", tmp_path / "settings.yaml"
    catalogue.write_text("version: 1\nfamilies: [windows]\n")
    settings.write_text(f"features: {{catalogue: {catalogue}}}\n")
    code, text = run("features", "list", "--settings", str(settings))
    assert code == 0
    states = dict(line.removesuffix(")").split(" (") for line in text.splitlines() if not line.startswith(" "))
    assert states["windows"] == "on" and states["decaying"] == "off" and states["cart"] == "always on"
    assert set(states) == {family.name for family in ALL.families}
    assert set(re.findall(r"\w+", text)) >= {*ALL.numbers, *ALL.words}


def test_a_good_catalogue_of_features_passes() -> None:
    file = CHECKOUT / "rayce" / "features" / "starter.yaml"
    code, text = run("features", "check", str(file))
    assert (code, text.splitlines()[0].split(" (")[0]) == (0, f"{file}: {len(ALL.families)} families")


@pytest.mark.parametrize(
    ("content", "key", "value"),
    [
        (b"version: 1\nfamilies: [windows, wind]\n", "families[1]", "'wind'"),
        (b"version: 1\nfamilies: 7\n", "families", "7"),
        (b"\xff\xfe", "features.catalogue", None),
        (None, "features.catalogue", None),
    ],
)
def test_a_wrong_catalogue_of_features_fails_naming_file_key_and_value(
    tmp_path: Path, content: bytes | None, key: str, value: str | None
) -> None:
    file = tmp_path / "features.yaml"
    if content is not None:
        file.write_bytes(content)
    code, text = run("features", "check", str(file))
    lines = text.splitlines()
    assert code == 1 and str(file) in lines[0] and "Traceback" not in text
    assert f"  file:  {file}" in lines and f"  key:   {key}" in lines
    assert f"  value: {value or repr(str(file))}" in lines


@pytest.mark.parametrize("content", [None, b"segments: [", b"- 1\n- 2\n", b"\xff\xfe\x00"])
def test_what_is_no_catalogue_fails_naming_the_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "catalogue.yaml"
    if content is not None:
        file.write_bytes(content)
    code, text = run("segments", "check", str(file))
    assert code == 1
    assert str(file) in text
    assert "Traceback" not in text


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
    """Durable memory with two people, in place of the one that settings name."""
    made = MemoryDurable()
    people = [folded(event("view", who=1)), folded(event("purchase", "p1", who=2))]
    saves = [Save(person(n), encode_profile(profile), n) for n, profile in enumerate(people)]
    made.save_profiles(0, made.acquire(0).epoch, saves)
    monkeypatch.setattr(opening, "stores", lambda path: (made, load_catalogue()))
    return made


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The starter catalogue with one segment more."""
    file = tmp_path / "newer.yaml"
    starter = (CHECKOUT / "rayce" / "segments" / "starter.yaml").read_text(encoding="utf-8")
    file.write_text(starter + "  - " + SEGMENT.replace("name: a", "name: lookers") % (40, "view", "views") + "\n")
    return file


def test_a_sample_says_who_would_enter(durable: MemoryDurable, newer: Path) -> None:
    code, text = run("segments", "check", str(newer), "--sample", "10")
    assert code == 0
    assert "2 people" in text and "lookers" in text
    code, text = run("segments", "check", str(newer), "--sample", "10", "--json")
    told = json.loads(text)
    assert code == 0 and told["segments"] == 9 and told["sample"]["people"] == 2
    (row,) = [row for row in told["sample"]["segments"] if row["name"] == "lookers"]
    assert (row["now"], row["would_be"], row["would_enter"], row["would_leave"]) == (0, 1, 1, 0)


def test_where_durable_memory_is_away_the_catalogue_is_checked_all_the_same(
    durable: MemoryDurable, newer: Path
) -> None:
    durable.away = True
    code, text = run("segments", "check", str(newer), "--sample", "10")
    assert code == 0
    assert "9 segments" in text and "not tried on anybody" in text


def test_a_catalogue_is_activated_and_taken_back(durable: MemoryDurable, newer: Path, tmp_path: Path) -> None:
    assert run("segments", "live")[1].startswith("nothing was activated")
    assert run("segments", "rollback")[0] == 1
    code, text = run("segments", "activate", str(newer))
    assert code == 0 and text.startswith("live: generation 1, version 1-") and "9 segments" in text
    assert run("segments", "live")[1].startswith("generation 1, ")
    again = tmp_path / "again.yaml"
    again.write_text(newer.read_text().replace("version: 1", "version: 2"))
    assert "generation 2" in run("segments", "activate", str(again))[1]
    assert run("segments", "rollback") == (
        0,
        run("segments", "live")[1].replace("generation", "live again: generation"),
    )
    assert "generation 1," in run("segments", "live")[1]


def test_what_would_give_a_bit_another_meaning_is_not_activated(durable: MemoryDurable, newer: Path) -> None:
    newer.write_text(newer.read_text().replace("name: cart_engaged", "name: carted"))
    code, text = run("segments", "activate", str(newer))
    assert code == 1
    assert "`cart_engaged`" in text and "`carted`" in text and f"  file:  {newer}" in text.splitlines()
    assert durable.live() == {}


@pytest.mark.parametrize("command", [("activate", "{file}"), ("rollback",), ("live",)])
def test_where_durable_memory_is_away_nothing_is_activated(
    durable: MemoryDurable, newer: Path, command: tuple[str, ...]
) -> None:
    durable.away = True
    code, text = run("segments", *(word.format(file=newer) for word in command))
    assert code == 1 and "unavailable" in text and "Traceback" not in text


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("segments: {catalog: x.yaml}")
    code, text = run("segments", "live", "--settings", str(file))
    assert code == 1 and "segments.catalog" in text


@pytest.mark.parametrize(("command", "tells"), [("local", "status"), ("up", "--embedded"), ("demo", "--once")])
def test_programs_of_the_checkout_are_reached_with_their_own_options(tmp_path: Path, command: str, tells: str) -> None:
    result = in_a_process(
        f"import sys; sys.argv = ['rayce', {command!r}, '--help']; from rayce.cli import main; main()", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert tells in result.stdout


def test_a_programs_exit_code_is_the_commands(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['rayce', 'local', 'status', '--root', 'r']; from rayce.cli import main; main()"
    result = in_a_process(code, cwd=tmp_path)
    assert result.returncode == 1  # nothing was ever started there
    assert "run `up`" in result.stdout


@pytest.mark.parametrize("command", ["local", "up", "demo"])
def test_outside_a_checkout_the_error_says_what_to_do(tmp_path: Path, command: str) -> None:
    """As after `pip install` of the wheel: the library is there, the programs are not."""
    installed, elsewhere = tmp_path / "site-packages", tmp_path / "elsewhere"
    installed.mkdir()
    elsewhere.mkdir()
    (installed / "rayce").mkdir()
    (installed / "rayce" / "commands").mkdir()
    library = CHECKOUT / "rayce"
    for file in (library / "__init__.py", library / "cli.py", *sorted((library / "commands").glob("*.py"))):
        (installed / file.relative_to(CHECKOUT)).write_bytes(file.read_bytes())
    code = f"import sys; sys.argv = ['rayce', {command!r}]; from rayce.cli import main; main()"
    result = in_a_process(code, cwd=elsewhere, path=installed)
    assert result.returncode == 2
    assert f"`rayce {command}`" in result.stderr
    assert "checkout" in result.stderr
    assert "Traceback" not in result.stderr


class TestKeys:
    @pytest.fixture(autouse=True)
    def durable(self, monkeypatch: pytest.MonkeyPatch) -> MemoryDurable:
        made = MemoryDurable()
        monkeypatch.setattr(opening, "durable", lambda path: made)
        return made

    def test_a_key_is_printed_once_works_and_can_be_revoked(self, durable: MemoryDurable) -> None:
        code, key = run("keys", "add", "page", "--tenant", "shop", "--scopes", "read", "--rate", "50")
        assert code == 0 and key.startswith("rk_")
        callers = Callers({}, lambda: live_keys(durable))
        assert callers.find(f"Bearer {key.strip()}", "read").tenant == "shop"
        code, listed = run("keys", "list")
        assert (code, listed) == (0, "page: tenant shop, read, 50/s\n")
        assert run("keys", "revoke", "page")[0] == 0
        assert run("keys", "list") == (0, "")

    def test_two_keys_are_never_the_same(self) -> None:
        assert run("keys", "add", "a", "--tenant", "t")[1] != run("keys", "add", "b", "--tenant", "t")[1]

    @pytest.mark.parametrize(
        "arguments",
        [
            ("add", "page page", "--tenant", "shop"),
            ("add", "page", "--tenant", ""),
            ("add", "page", "--tenant", "shop", "--scopes", "all"),
            ("add", "page", "--tenant", "shop", "--priority", "first"),
            ("add", "page", "--tenant", "shop", "--until", "tomorrow"),
            ("revoke", "nobody"),
        ],
    )
    def test_what_cannot_be_done_is_said_and_nothing_changes(self, arguments: tuple[str, ...]) -> None:
        code, said = run("keys", *arguments)
        assert code == 1 and said.strip()
        assert run("keys", "list") == (0, "")
