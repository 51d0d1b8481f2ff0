"""Java is taken when it is new enough."""

from pathlib import Path

import pytest

from cluster.local.errors import ServerUnavailable
from cluster.local.java import find_java, java_version


def pretend(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("version", "major"), [("1.8.0_402", 8), ("17.0.15", 17), ("25", 25), ("21-ea", 21)])
def test_the_major_version_is_read(tmp_path: Path, version: str, major: int) -> None:
    assert java_version(str(pretend(tmp_path, version))) == major


def test_java_home_comes_first_but_not_when_it_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = pretend(tmp_path / "old", "11.0.2"), pretend(tmp_path / "new", "21.0.1")
    monkeypatch.setenv("PATH", f"{new.parent}:/usr/bin:/bin")
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    assert find_java() == new


def test_the_refusal_names_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = pretend(tmp_path, "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ServerUnavailable, match=f"{old} is 11"):
        find_java()


def test_without_any_java_the_refusal_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerUnavailable, match="no `java`"):
        find_java()
