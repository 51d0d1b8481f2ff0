"""The lock of an import: held by one process of a machine, and free again however that ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayce.errors import InvalidInput
from rayce.importing.one_at_a_time import one_at_a_time

HOLD = """
import sys
from pathlib import Path
from rayce.importing.one_at_a_time import one_at_a_time
with one_at_a_time(Path(sys.argv[1]), "shop", "here"):
    print("held", flush=True)
    sys.stdin.read()
"""


def take(folder: Path, tenant: str = "shop", stores: str = "here") -> None:
    with one_at_a_time(folder, tenant, stores):
        pass


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(InvalidInput, match=rf"another import of tenant shop is at work \(pid {process.pid}\)"):
            take(tmp_path)
        take(tmp_path, "other")
        take(tmp_path, stores="elsewhere")
        process.kill()
    take(tmp_path)


def test_who_has_it_next_is_named_and_an_error_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), one_at_a_time(tmp_path / "made", "a/b", ""):
        with pytest.raises(InvalidInput, match=f"pid {os.getpid()}"):
            take(tmp_path / "made", "a/b", "")
        raise ZeroDivisionError
    take(tmp_path / "made", "a/b", "")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput) as caught:
        take(tmp_path / "file")
    assert (caught.value.key, caught.value.value) == ("batch.work_path", str(tmp_path / "file"))
