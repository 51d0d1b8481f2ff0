"""A small sample of the real data, read once."""

import pytest

from examples.demo.dataset import Dataset, load

NOW_MS = 1_795_161_600_000  # 2026-11-20 08:00 UTC


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """Thirty households; a tenth of them gives no consent."""
    return load(now_ms=NOW_MS, households=30, refusing=0.1)
