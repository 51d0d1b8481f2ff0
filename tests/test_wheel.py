"""The wheel holds the library and nothing else; the programs travel as a checkout."""

import os
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

from rayce import __version__

CHECKOUT = Path(__file__).parent.parent
DATA_FILES = {".py", ".yaml", ".lua", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built here, with what is installed: no network, no other environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    return HeaderParser().parsestr(wheel.read(f"rayce-{__version__}.dist-info/METADATA").decode())


def test_it_holds_every_file_of_the_library_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "rayce").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {name for name in wheel.namelist() if not name.startswith(f"rayce-{__version__}.dist-info/")}
    assert found == expected
    assert {Path(name).suffix for name in found} == DATA_FILES
    wanted = {"rayce/py.typed", "rayce/segments/starter.yaml", "rayce/features/starter.yaml", "rayce/stores/decide.lua"}
    assert wanted <= found


def test_what_surrounds_it_is_metadata_with_the_licence(wheel: zipfile.ZipFile) -> None:
    prefix = f"rayce-{__version__}.dist-info/"
    found = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    assert found == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert wheel.read(prefix + "licenses/LICENSE") == (CHECKOUT / "LICENSE").read_bytes()


def test_the_metadata_say_what_the_project_says(metadata: Message) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["Version"] == project["version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra", [])) == {"demo", "dev", "docs"}


def test_installed_from_the_wheel_the_library_and_its_command_work(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        "import sys; sys.argv = ['rayce', 'version']\n"
        "import rayce, rayce.stores.redis_view, rayce.client\n"
        "from rayce.segments.catalogue import load_catalogue\n"
        "assert load_catalogue().segments and rayce.__file__.startswith(sys.path[1])\n"
        "from rayce.cli import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment
    )
    assert (result.returncode, result.stdout) == (0, f"rayce {__version__}\n"), result.stderr
