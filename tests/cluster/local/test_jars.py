"""Maven is asked once; after that its answer is remembered, as long as the files are there."""

from pathlib import Path

import pytest

from cluster.local import jars
from cluster.local.errors import ServerUnavailable

MAVEN = """#!/bin/sh
echo "$@" >> "{calls}"
{body}
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven that writes down how it was called and answers with one existing file."""
    (tmp_path / "some.jar").touch()
    answer = (
        f'for a in "$@"; do case $a in -Dmdep.outputFile=*) printf "{tmp_path}/some.jar" > "${{a#*=}}";; esac; done'
    )
    _install(tmp_path, answer)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "calls"


def _install(folder: Path, body: str) -> None:
    program = folder / "bin" / "mvn"
    program.parent.mkdir(exist_ok=True)
    program.write_text(MAVEN.format(calls=folder / "calls", body=body))
    program.chmod(0o755)


def test_a_second_start_does_not_run_maven(calls: Path, tmp_path: Path) -> None:
    assert jars.class_path("kafka", print) == jars.class_path("kafka", print) == [tmp_path / "some.jar"]
    assert len(calls.read_text().splitlines()) == 1


def test_a_changed_pom_is_asked_for_anew(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jars.class_path("kafka", print)
    (tmp_path / "poms" / "kafka").mkdir(parents=True)
    (tmp_path / "poms" / "kafka" / "pom.xml").write_text("<project/>")
    monkeypatch.setattr(jars, "POMS", tmp_path / "poms")
    jars.class_path("kafka", print)
    assert len(calls.read_text().splitlines()) == 2


def test_a_jar_that_has_vanished_is_fetched_again(calls: Path, tmp_path: Path) -> None:
    jars.class_path("kafka", print)
    (tmp_path / "some.jar").unlink()
    with pytest.raises(ServerUnavailable, match="do not exist"):  # This Maven does not fetch anything.
        jars.class_path("kafka", print)
    assert len(calls.read_text().splitlines()) == 2


def test_a_failure_of_maven_carries_its_own_words_and_is_not_remembered(calls: Path, tmp_path: Path) -> None:
    _install(tmp_path, "echo '[ERROR] no route to the repository'; exit 1")
    for _ in range(2):
        with pytest.raises(ServerUnavailable, match="no route to the repository"):
            jars.class_path("kafka", print)
    assert len(calls.read_text().splitlines()) == 2


def test_without_maven_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ServerUnavailable, match="`mvn`"):
        jars.class_path("kafka", print)


def test_no_pom_names_where_libraries_come_from() -> None:
    """Where Maven fetches from is the user's own setting."""
    poms = sorted(jars.POMS.glob("*/pom.xml"))
    assert len(poms) == 2
    for pom in poms:
        assert "://" not in pom.read_text()
        assert "epositor" not in pom.read_text()
