"""A shop for each test."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments import dependency
from tests.deployments.shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Open, with a shelf, top lists and a ranker; nobody has consented yet."""
    with ThreadPoolExecutor(4) as executor:
        made = Shop(executor)
        made.publish()
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left alone after failures, so that each request finds out anew."""
    monkeypatch.setattr(dependency, "Gate", lambda breaker: _AlwaysOpen())


class _AlwaysOpen:
    is_open = False

    def allows(self, probe: object) -> bool:
        return True

    def succeeded(self) -> None:
        """Nothing to note."""

    def failed(self) -> None:
        """Nothing to note."""
