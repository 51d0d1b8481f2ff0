"""`benchmarks.batch` on a small shop: killed and started again it ends with the same bytes, and finds what was planted."""

from pathlib import Path

import pytest

from benchmarks import batch, batch_killed
from benchmarks.batch_maker import JOB
from benchmarks.planted_lake import TENANT
from benchmarks.planted_shop import Size
from benchmarks.program import say
from rayce.checkpoint import Checkpoint, place_of

SIZE = Size(people=6_100, items=1_000, events=90_000)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("batch")


def test_a_run_that_was_killed_ends_with_the_same_bytes(folder: Path) -> None:
    metrics, settings = batch.measure(folder, SIZE, batch_killed.QUICK)

    assert metrics["resumed_identical"] and metrics["blocks_reused"] >= 1
    assert metrics["steps_killed"] >= 5
    assert metrics["planted_found"] > 0.5
    assert metrics["hit_rate_at_10"] > 2 * metrics["hit_rate_at_10_of_others"]
    assert metrics["peak_rss_gib"] < 2 and settings["length"] == 100


def test_other_weights_would_have_been_noticed(folder: Path) -> None:
    work = folder / "disturbed"
    for path in place_of(work, JOB, TENANT).glob(batch.LISTS):
        path.unlink()
    checkpoint = Checkpoint.begin(work, JOB, TENANT, {"items": SIZE.items}, say)
    checkpoint.put("blend", b"")
    checkpoint.close()

    changed, undisturbed = (batch._run("lists", folder, folder / name, SIZE) for name in ("disturbed", "undisturbed"))

    assert changed["digest"] != undisturbed["digest"]
