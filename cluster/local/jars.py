"""Java libraries, fetched by the ordinary Maven client from a `pom.xml` and remembered for the user.

The answer (a class path into Maven's own repository) is kept under the user's cache folder, keyed by the content of the
`pom.xml`. Maven therefore runs once; every later start finds the answer, checks that the files exist, and goes on.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

from cluster.local.errors import ServerUnavailable

POMS = Path(__file__).with_name("maven")
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath"
_MAVEN_S = 900


def cache_folder() -> Path:
    """Where answers are kept for the user, over all projects."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rayce" / "jars"


def class_path(name: str, say: Callable[[str], None]) -> list[Path]:
    """The files that `maven/<name>/pom.xml` asks for. Raises `ServerUnavailable` with Maven's own complaint."""
    pom = POMS / name / "pom.xml"
    answer = cache_folder() / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}.classpath"
    if found := _remembered(answer):
        return found
    answer.parent.mkdir(parents=True, exist_ok=True)
    with answer.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two stacks that start together: one asks Maven, the other waits for it.
        if found := _remembered(answer):
            return found
        say(f"{name}: asking Maven for the libraries (once; kept in {answer.parent})")
        _resolve(pom, answer)
    if found := _remembered(answer):
        return found
    raise ServerUnavailable(f"Maven answered for {pom}, but files it named do not exist. Try again.")


def _remembered(answer: Path) -> list[Path] | None:
    try:
        files = [Path(part) for part in answer.read_text().strip().split(os.pathsep)]
    except OSError:
        return None
    return files if all(file.is_file() for file in files) else None


def _resolve(pom: Path, answer: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerUnavailable("Maven is needed once to fetch the server: there is no `mvn` on PATH. Install it.")
    draft = answer.with_suffix(f".{uuid.uuid4().hex}.tmp")
    command = [maven, "-B", "-q", "-U", "-ntp", "-f", str(pom), _GOAL, f"-Dmdep.outputFile={draft}"]
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=_MAVEN_S
        )
        if run.returncode != 0 or not draft.is_file():
            complaint = [line for line in run.stdout.splitlines() if "ERROR" in line][:3] or [run.stderr.strip()]
            raise ServerUnavailable("Maven failed on " + str(pom) + ":\n  " + "\n  ".join(complaint))
        os.replace(draft, answer)
    except subprocess.TimeoutExpired:
        raise ServerUnavailable(f"Maven did not finish within {_MAVEN_S} s on {pom}. Is the network slow?") from None
    finally:
        draft.unlink(missing_ok=True)
