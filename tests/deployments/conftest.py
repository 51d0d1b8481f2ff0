"""A shop for each test."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deployments.edge import ladder
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
    """Breakers close at once, so that each request finds out anew."""
    monkeypatch.setattr(ladder, "Breaker", lambda clock: _Closed())


class _Closed:
    def allows(self) -> bool:
        return True

    def succeeded(self) -> None:
        """Nothing to note."""

    def failed(self) -> None:
        """Nothing to note."""
