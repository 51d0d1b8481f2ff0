"""The jobs there are: programs are named by string, and only these."""

from pathlib import Path

_RUNS = 'if __name__ == "__main__":'


def job_modules(folder: Path) -> frozenset[str]:
    """Names of the modules of the folder that can be run."""
    return frozenset(path.stem for path in folder.glob("*.py") if _RUNS in path.read_text(encoding="utf-8"))
