"""Makefile and hooks: what a newcomer types first."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parent.parent
VERBS = ("setup", "demo", "test", "test-slow", "fuzz", "check", "bench", "docs")
MAKE = shutil.which("make")

needs_make = pytest.mark.skipif(MAKE is None, reason="make is not there")


def make(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # these tests may themselves run under `make test`
        environment.pop(inherited, None)
    return subprocess.run(
        [str(MAKE), *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )


@needs_make
def test_help_names_every_verb() -> None:
    shown = make("help").stdout
    assert all(re.search(rf"^  make {verb} ", shown, re.MULTILINE) for verb in VERBS)


@needs_make
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_sees_to_the_environment_first(tmp_path: Path, verb: str) -> None:
    planned = make("--dry-run", verb, f"VENV={tmp_path}/.venv").stdout
    assert "--require-hashes -r requirements/all.txt" in planned
    assert planned.index("-m venv") < planned.index("--require-hashes")
    if verb != "setup":
        assert planned.strip().splitlines()[-1].startswith(f"{tmp_path}/.venv/bin/")


@needs_make
def test_arguments_are_handed_on(tmp_path: Path) -> None:
    planned = make("--dry-run", "demo", "ARGS=--once --weeks 1", f"VENV={tmp_path}/.venv").stdout
    assert planned.strip().endswith("/bin/python -m examples.demo --once --weeks 1")


def pythons(folder: Path, **exits: int) -> str:
    """A PATH on which these interpreters answer with these exit codes and tell how they were called."""
    folder.mkdir()
    for name, code in exits.items():
        program = folder / name.replace("_", ".")
        program.write_text(f'#!/bin/bash\n[[ $1 == -c ]] && exit {code}\necho "{program.name} $*"\n')
        program.chmod(0o755)
    return str(folder)


@needs_make
def test_without_a_new_enough_python_the_error_says_what_to_do(tmp_path: Path) -> None:
    """A Python that is too old, and a shim that leads nowhere."""
    path = pythons(tmp_path / "bin", python3=1, python3_11=127)
    result = make("setup", f"VENV={tmp_path}/.venv", path=path)
    assert result.returncode != 0
    assert "Python 3.11 or newer" in result.stderr
    assert "PYTHON=" in result.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
@pytest.mark.parametrize(
    ("exits", "wanted", "taken"),
    [
        ({"python3": 0, "python3_12": 0}, (), "python3.12"),
        ({"python3": 0, "python3_11": 127}, (), "python3"),
        ({"python3": 0, "mine": 0}, ("PYTHON=mine",), "mine"),
    ],
)
def test_the_first_python_that_is_new_enough_makes_the_environment(
    tmp_path: Path, exits: dict[str, int], wanted: tuple[str, ...], taken: str
) -> None:
    path = pythons(tmp_path / "bin", **exits)
    result = make("setup", f"VENV={tmp_path}/.venv", *wanted, path=path)
    assert f"{taken} -m venv --clear {tmp_path}/.venv" in result.stdout  # nothing was made, so the next step fails


def test_hooks_are_local_and_run_what_check_runs() -> None:
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)
    programs = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    checked = set(
        re.findall(r"^\t\$\(BIN\)/(ruff|mypy)", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert programs == checked


@pytest.mark.parametrize("name", ["all.txt", "cluster.txt"])
def test_requirements_are_pinned_with_hashes_and_name_no_place_to_fetch_them(name: str) -> None:
    text = (CHECKOUT / "requirements" / name).read_text(encoding="utf-8")
    assert (
        re.findall(r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)
        == []
    )
    assert "://" not in text
    entries = re.split(r"(?<!\\)\n(?=\S)", text.strip())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert pinned
    assert all(re.match(r"[\w.\[\],-]+==\S+", entry) and "--hash=sha256:" in entry for entry in pinned)
