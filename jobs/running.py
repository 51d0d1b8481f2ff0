"""One run of a job: bounded, written down when it begins and when it ends, and ended with an exit code and a last line."""

import os
import time
from collections.abc import Callable
from typing import Protocol

from jobs.bounds import GIB, MemoryBound, bound_bytes, taken
from jobs.frame import end
from rayce.errors import NotEnoughData, RayceError, WorseThanLive
from rayce.job_runs import Run, RunKeeper
from rayce.stores.interfaces import DurableNotes, HotWriter

FAILED, NOT_ENOUGH_DATA, WORSE = 1, 2, 3
_STAYS = "what is live stays"


class Made(Protocol):
    """What a job made live, by name, and what it measured."""

    @property
    def generation(self) -> dict[str, int]:
        """Numbers by name."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """Values by name."""
        ...


def run_kept(
    name: str,
    tenant: str,
    work: Callable[[], Made],
    notes: DurableNotes,
    open_hot: Callable[[], HotWriter],
    say: Callable[[str], None],
    memory_gib: float,
) -> int:
    """Runs the work and returns the exit code. Passing the memory bound ends the process, with exit code 1."""
    started_s, run = time.monotonic(), Run(name, tenant, _now_ms())
    keeper = RunKeeper(notes, open_hot, say)
    keeper.keep(run)
    bound = bound_bytes(memory_gib)

    def over(resident: int) -> None:
        why = (
            f"out of memory: {resident / GIB:.1f} GiB are taken, {bound / GIB:.1f} GiB are allowed; raise"
            " batch.memory_gib where there is more, or lower batch.block_users"
        )
        say(f"failed: {why}; {_STAYS}")
        keeper.keep(run.ended(_now_ms(), FAILED, why, metrics=taken()))
        os._exit(FAILED)  # the thread at work may be deep in a library that asks for more

    try:
        with MemoryBound(bound, over):
            made = work()
    except NotEnoughData as error:
        return _failed(keeper, run, NOT_ENOUGH_DATA, f"not enough data: {error}", say)
    except MemoryError:
        return _failed(keeper, run, FAILED, "failed: out of memory", say)
    except WorseThanLive as error:
        return _failed(keeper, run, WORSE, str(error), say)
    except (RayceError, OSError) as error:
        return _failed(keeper, run, FAILED, f"failed: {error}", say)
    metrics = {**made.metrics, **taken()}
    keeper.keep(run.ended(_now_ms(), 0, "", made.generation, metrics))
    end(name, started_s, metrics=metrics, generation=made.generation)
    return 0


def _failed(keeper: RunKeeper, run: Run, exit_code: int, why: str, say: Callable[[str], None]) -> int:
    say(f"{why}; {_STAYS}")
    keeper.keep(run.ended(_now_ms(), exit_code, why, metrics=taken()))
    return exit_code


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
