"""The batch jobs, killed (SIGKILL) in the middle of each of their steps, one after the other: what is made is the same.

A step is what the job keeps in its checkpoint, and what it reads before. In a run that is left alone it is seen when each block
appears, and so how long it takes. Then the job is started again and again: each process makes the block at which the one before
was killed, goes on, and is killed halfway into the next one. The last one is left alone.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from benchmarks.batch_job import JOBS
from benchmarks.planted_lake import TENANT, write_lake
from benchmarks.planted_shop import Size
from benchmarks.program import say
from rayce.checkpoint import place_of

SIZE, QUICK = Size(6_000, 1_000, 150_000), Size(2_500, 500, 60_000)
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_LOOK_S = 0.002
_TRIES = 5
"""A step that was over when the kill came is taken back, and tried again a little sooner."""


class Step(NamedTuple):
    """A block of a checkpoint, and the seconds since the one before, or since the job began."""

    name: str
    took_s: float


class Kills(NamedTuple):
    """Steps by job in whose middle it was killed, steps it was not, and whether what was made was the same each time."""

    killed: list[str]
    missed: list[str]
    identical: bool


def kill_everywhere(folder: Path, size: Size = SIZE) -> Kills:
    """All jobs in an empty folder; what each makes live is there for the next."""
    write_lake(folder, size)
    killed, missed, identical = list[str](), list[str](), True
    for name in JOBS:
        alone = _Job(name, folder, "undisturbed", size)
        steps = alone.watched()
        again = _Job(name, folder, "disturbed", size)
        for number, step in enumerate(steps):
            hit = again.killed_within(number, step)
            (killed if hit else missed).append(f"{name} {step.name}")
            say(f"{name}: {'killed in' if hit else 'could not be killed in'} {step.name}")
        again.left_alone()
        identical &= alone.digest() == again.digest()
        for kind in alone.made.iterdir():
            shutil.copytree(kind, folder / "live" / kind.name)
    return Kills(killed, missed, identical)


class _Job:
    """One job with a checkpoint and a place for what it makes, and its processes."""

    def __init__(self, name: str, folder: Path, which: str, size: Size) -> None:
        work = folder / which
        self.made = work / f"made-{name}"
        self._name, self._place = name, place_of(work, name, TENANT)
        numbers = [str(number) for number in size]
        self._command = [sys.executable, "-m", "benchmarks.batch_job", name, folder, work, self.made, *numbers]

    def digest(self) -> str:
        """Of all files that the job has made."""
        digest = blake2b(digest_size=16)
        for path in sorted(path for path in self.made.rglob("*") if path.is_file()):
            digest.update(str(path.relative_to(self.made)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def left_alone(self) -> None:
        """Runs it to its end."""
        subprocess.run(self._command, stdout=subprocess.DEVNULL, env=os.environ | ONE_CORE, check=True)

    def watched(self) -> list[Step]:
        """Runs it to its end, and returns its steps in the order in which they ended."""
        process, steps, since_s = self._start(), dict[str, float](), 0.0
        while process.poll() is None:
            time.sleep(_LOOK_S)
            if not since_s and (self._place / "begun.json").exists():
                since_s = time.monotonic()
            for name in self._blocks():
                if name not in steps:
                    steps[name], since_s = time.monotonic() - since_s, time.monotonic()
        if process.returncode:
            raise RuntimeError(f"{self._name} has failed: {process.returncode}")
        return [Step(*each) for each in steps.items()]

    def killed_within(self, number: int, step: Step) -> bool:
        """Starts it where the one before was killed; kills it half a step after `number` blocks are there."""
        before = {name: self._made_ns(name) for name in self._blocks()}
        for attempt in range(_TRIES):
            process = self._start()
            while process.poll() is None and (len(before) < number) == (len(self._blocks()) < number):
                if len(before) >= number and (self._place / "begun.json").exists():
                    break
                time.sleep(_LOOK_S)
            time.sleep(step.took_s / 2 / (attempt + 1))
            process.send_signal(signal.SIGKILL)
            process.wait()
            kept = all(self._made_ns(name) == made_ns for name, made_ns in before.items())
            found = sorted(self._blocks(), key=self._made_ns)
            if process.returncode == -signal.SIGKILL and len(found) == number and kept:
                return True
            for name in found[len(before) :]:
                (self._place / name).unlink()
        return False

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=subprocess.DEVNULL, env=os.environ | ONE_CORE)

    def _blocks(self) -> list[str]:
        return list(self._names()) if self._place.is_dir() else []

    def _names(self) -> Iterator[str]:
        for path in self._place.iterdir():
            if path.name not in ("begun.json", "lock") and not path.name.endswith(".being-written"):
                yield path.name

    def _made_ns(self, name: str) -> int:
        return (self._place / name).stat().st_mtime_ns
