"""A quicker second start of a Java server: the classes of the first run, kept ready-made (class data sharing).

The virtual machine writes the archive when the first run ends in order, which makes that one stop about two seconds
longer; every later start of the same program finds it and takes about half the time. A run that is killed leaves
nothing, and an archive is only taken over once its process has gone by itself, so half an archive is never used.
Not for DynamoDB Local: its jar names a folder as part of the class path, which such archives do not allow.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cluster.local.jars import cache_folder

_DRAFT = "classes.jsa"


def options(name: str, java: Path, files: Sequence[Path], data: Path) -> list[str]:
    """The options for the virtual machine: use the archive, or write one at the end of this run."""
    archive = _archive(name, java, files)
    (data / "classes.path").write_text(str(archive))
    (data / _DRAFT).unlink(missing_ok=True)
    return [f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={data / _DRAFT}"]


def keep(data: Path) -> None:
    """Take over the archive of a run that has just ended in order, if it wrote one."""
    draft = data / _DRAFT
    if not draft.exists():
        return
    archive = Path((data / "classes.path").read_text())
    archive.parent.mkdir(parents=True, exist_ok=True)
    copy = archive.with_suffix(f".{os.getpid()}.tmp")
    shutil.copyfile(draft, copy)  # The cache may be on another file system.
    os.replace(copy, archive)
    draft.unlink()


def _archive(name: str, java: Path, files: Sequence[Path]) -> Path:
    """An archive belongs to one build of Java and one class path."""
    program = java.resolve()
    parts = [str(program), str(program.stat().st_mtime_ns), *map(str, files)]
    return cache_folder() / f"{name}-{hashlib.sha256(os.pathsep.join(parts).encode()).hexdigest()[:16]}.jsa"
