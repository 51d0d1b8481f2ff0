"""The command `rayce`, as a user meets it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayce import __version__
from rayce.cli import app
from rayce.settings import knobs
from rayce.settings_page import variable

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


@pytest.mark.parametrize("content", [None, b"segments: [", b"- 1\n- 2\n", b"\xff\xfe\x00"])
def test_what_is_no_catalogue_fails_naming_the_file(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "catalogue.yaml"
    if content is not None:
        file.write_bytes(content)
    code, text = run("segments", "check", str(file))
    assert code == 1
    assert str(file) in text
    assert "Traceback" not in text


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
    for name in ("__init__.py", "cli.py"):
        (installed / "rayce" / name).write_bytes((CHECKOUT / "rayce" / name).read_bytes())
    code = f"import sys; sys.argv = ['rayce', {command!r}]; from rayce.cli import main; main()"
    result = in_a_process(code, cwd=elsewhere, path=installed)
    assert result.returncode == 2
    assert f"`rayce {command}`" in result.stderr
    assert "checkout" in result.stderr
    assert "Traceback" not in result.stderr
