"""Every example in a docstring runs and tells the truth."""

import doctest
import importlib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
FOLDERS = ("rayce", "cluster", "deployments", "jobs", "examples")

MODULES = [
    path.relative_to(CHECKOUT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for folder in FOLDERS
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0, "an example that doctest does not find"
    assert result.failed == 0


def test_there_are_examples() -> None:
    assert "rayce.pseudonym" in MODULES
