"""Find a Java that is new enough."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from cluster.local.errors import ServerUnavailable

OLDEST = 17


def find_java() -> Path:
    """The `java` program of `$JAVA_HOME`, or else of PATH. Raises `ServerUnavailable` when missing or too old."""
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home, "bin", "java"))] if home else []
    candidates += [found] if (found := shutil.which("java")) else []
    seen = []
    for candidate in candidates:
        version = java_version(candidate)
        if version is not None and version >= OLDEST:
            return Path(candidate)
        seen.append(f"{candidate} is {version or 'not a Java'}")
    detail = "; ".join(seen) or "there is no `java` on PATH"
    raise ServerUnavailable(f"Java {OLDEST} or newer is needed: {detail}. Install it, or set JAVA_HOME.")


def java_version(program: str) -> int | None:
    """The major version a `java` program reports; None when it cannot be run."""
    try:
        run = subprocess.run([program, "-version"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr + run.stdout)
    return int(found[1]) if found else None
