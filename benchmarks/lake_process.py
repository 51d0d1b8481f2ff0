"""The lake's writer in another process, seen from outside. See `lake_program`."""

from pathlib import Path

from benchmarks.worker_process import ProgramProcess


class LakeProcess(ProgramProcess):
    """A context manager: ends the process if it is still there."""

    def __init__(self, settings: Path, *more: str) -> None:
        super().__init__("benchmarks.lake_program", "--settings", str(settings), *more)
