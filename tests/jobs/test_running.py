import json
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from jobs.bounds import GIB, SHARE, MemoryBound, allowed, bound_bytes, resident_bytes, taken
from jobs.job import Outcome
from jobs.running import run_kept
from rayce.errors import InvalidArtifact, NotEnoughData, Unavailable, WorseThanLive
from rayce.job_runs import Run, runs_of
from rayce.metrics import Metrics
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot


def kept_run(work: Callable[[], Outcome], notes: MemoryDurable, hot: MemoryHot | None = None) -> tuple[int, list[str]]:
    said: list[str] = []
    code = run_kept("train", "shop", work, notes, lambda: hot or MemoryHot(), said.append, 0.0)
    return code, said


def last(notes: MemoryDurable) -> Run:
    return runs_of(notes)["shop", "train"][0]


def test_a_run_is_written_down_when_it_begins_and_when_it_has_ended() -> None:
    notes = MemoryDurable()
    during: list[Run] = []

    def work() -> Outcome:
        during.append(last(notes))
        return Outcome({"shop/ranker": 4}, {"ndcg": 0.5})

    assert kept_run(work, notes) == (0, [])
    assert during[0].exit_code is None
    run = last(notes)
    assert (run.exit_code, run.generation, run.started_ms) == (0, {"shop/ranker": 4}, during[0].started_ms)
    assert run.metrics["ndcg"] == 0.5
    assert {"cpu_s", "peak_rss_gib"} <= run.metrics.keys()
    assert len(runs_of(notes)["shop", "train"]) == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotEnoughData("3 baskets"), 2),
        (WorseThanLive("ndcg .3 against .4"), 3),
        (Unavailable("dynamodb", "no answer"), 1),
        (InvalidArtifact("damaged"), 1),
        (OSError(28, "No space left on device"), 1),
        (MemoryError(), 1),
    ],
)
def test_how_it_failed_is_written_down_and_said(error: Exception, code: int) -> None:
    notes = MemoryDurable()

    def work() -> Outcome:
        raise error

    found, said = kept_run(work, notes)
    assert found == last(notes).exit_code == code
    assert said == [f"{last(notes).why}; what is live stays"]
    assert str(error) in said[0]


def test_a_run_that_was_killed_is_one_that_has_no_end() -> None:
    notes = MemoryDurable()

    def work() -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_run(work, notes)
    assert last(notes).exit_code is None


@pytest.mark.parametrize("away", ["notes", "hot"])
def test_that_nobody_could_be_told_fails_nothing(away: str) -> None:
    notes, hot = MemoryDurable(), MemoryHot()
    (notes if away == "notes" else hot).away = True
    code, said = kept_run(lambda: Outcome({}, {}), notes, hot)
    assert code == 0
    assert all("not everybody will hear of this run" in line for line in said)
    assert len(said) == 2


@pytest.mark.anyio
async def test_the_metrics_are_told_to_whoever_answers_for_metrics() -> None:
    hot = MemoryHot()
    kept_run(lambda: Outcome({}, {}), MemoryDurable(), hot)
    merged = Metrics()
    for snapshot in (await hot.read_status()).values():
        merged.merge(snapshot)
    assert 'rayce_job_exit_code{tenant="shop",job="train"} 0' in merged.text()
    assert "rayce_job_success_timestamp" in merged.text()


def test_the_bound_is_told_once_when_it_is_passed() -> None:
    passed, resident, told = threading.Event(), [5], []

    def exceeded(found: int) -> None:
        told.append(found)
        passed.set()

    with MemoryBound(10, exceeded, lambda: resident[0]) as bound:
        assert not passed.wait(0.2)
        resident[0] = 11
        assert passed.wait(10)
        bound._thread.join(10)
    assert told == [11]


def test_a_bound_of_nothing_is_a_share_of_what_is_allowed() -> None:
    assert bound_bytes(2.5) == int(2.5 * GIB)
    assert bound_bytes(0.0, 100 * GIB) == int(100 * GIB * SHARE)
    assert 0 < resident_bytes() < bound_bytes(0.0) < allowed()


def test_what_was_taken_is_plausible() -> None:
    found = taken()
    assert found["cpu_s"] > 0
    assert found["peak_rss_gib"] * GIB >= resident_bytes() * 0.5


GREEDY = """
import sys
from jobs.running import run_kept
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot

def work():
    import time
    held = [bytes(50_000_000) for _ in range(1)]
    while len(held) < 100:
        held.append(bytearray(b"x") * 50_000_000)
        time.sleep(0.02)
    raise AssertionError("it was not stopped")

sys.exit(run_kept("train", "shop", work, MemoryDurable(), MemoryHot, lambda text: print(text, file=sys.stderr), 0.4))
"""


def test_a_job_that_takes_too_much_ends_with_a_message_before_it_is_killed() -> None:
    ended = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "out of memory" in ended.stderr
    assert "0.4 GiB are allowed; raise batch.memory_gib" in ended.stderr
    assert "what is live stays" in ended.stderr
    assert ended.stdout == ""


def test_the_last_line_tells_what_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    kept_run(lambda: Outcome({"shop/ranker": 1}, {"rows": 3.0}), MemoryDurable())
    line = json.loads(capsys.readouterr().out)
    assert line["generation"] == {"shop/ranker": 1}
    assert line["metrics"].keys() == {"rows", "cpu_s", "peak_rss_gib"}
