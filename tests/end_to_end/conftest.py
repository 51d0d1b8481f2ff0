"""One whole rayce for all end-to-end tests: real servers, real Ray, real Serve, on free loopback ports."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.stand_in_model import publish_stand_in_model
from cluster.local.errors import LocalStackError
from cluster.local_cluster import LocalCluster
from tests.end_to_end.small_shop import publish_small_shop

CATALOGUE = Path(__file__).parent.parent.parent / "benchmarks" / "catalogue.yaml"

OVERRIDES = {
    "segments": {"catalogue": str(CATALOGUE)},
    # Which rung answers must not depend on how busy the machine is that runs the tests.
    "edge": {"read_deadline_ms": 3_000, "rank_deadline_ms": 3_000},
    "redis": {"read_timeout_ms": 1_000},
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running cluster with a segment model, a shelf and a ranker live."""
    running = LocalCluster(tmp_path_factory.mktemp("rayce"), mode="real", overrides=OVERRIDES)
    try:
        running.up()
    except LocalStackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the real servers cannot be started here: {error}")
    try:
        publish_stand_in_model(running.settings, "demo")
        publish_small_shop(running.settings, "demo")
        yield running
    finally:
        running.down()
