"""Stacks for the tests of the local stack, each in a folder of its own; and what to do where Java is missing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.local.errors import ServerUnavailable
from cluster.local.jars import class_path
from cluster.local.java import find_java
from cluster.local.stack import LocalStack

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def java_servers() -> None:
    """Demand Java and Maven: without them skip on a laptop, and fail where CI is true."""
    try:
        find_java()
        for name in ("kafka", "dynamodb"):
            class_path(name, print)
    except ServerUnavailable as reason:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI has to have the real servers: {reason}")
        pytest.skip(str(reason))


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., LocalStack]]:
    """Make stacks of this test's root; whatever runs in it at the end is stopped."""

    def make(**options: Any) -> LocalStack:
        return LocalStack(tmp_path / "root", **options)

    yield make
    make().down()


@pytest.fixture
def python() -> Callable[..., "subprocess.Popen[str]"]:
    """Start this Python with the repository importable, its output readable as text."""

    def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
