"""Blocks of work, shared out as Ray tasks where the job runs under Ray, done one after another in this process otherwise.

Either way the results come in the order of the blocks and are the same, so a job need not know where it runs. A block whose
worker or node is lost is done again, elsewhere; one that fails by itself fails the job.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rayce.checkpoint import Checkpoint
from rayce.errors import RayceError, Unavailable

Shared = TypeVar("Shared")
Block = TypeVar("Block")
Made = TypeVar("Made")

LOST_AT_MOST = 5
"""How often one block may lose its worker: one that takes its worker along each time has to end the job."""


def shared_out(
    make: Callable[[Shared, Block], Made], blocks: Iterable[Block], shared: Shared, parallel: int
) -> Iterator[Made]:
    """`make(shared, block)` of each block, in order. At most `parallel` blocks, and their results, are under way.

    `make` is a function of a module, so that workers find it; `shared` is sent to each node once. `Unavailable` where a block
    has lost its worker again and again.
    """
    start, at_once = _starter(make, shared, parallel)
    return _in_order((start(block) for block in blocks), at_once)


def kept_blocks(
    make: Callable[[Shared, Block], bytes],
    blocks: Iterable[tuple[str, Block]],
    shared: Shared,
    parallel: int,
    checkpoint: Checkpoint,
) -> Iterator[bytes]:
    """The same for named blocks whose bytes a checkpoint keeps: those that a former run has made are not made again."""
    start, at_once = _starter(make, shared, parallel)

    def begun(name: str, block: Block) -> Callable[[], bytes]:
        kept = checkpoint.get(name)
        if kept is not None:
            return lambda: kept
        result = start(block)

        def made() -> bytes:
            found = result()
            checkpoint.put(name, found)
            return found

        return made

    return _in_order((begun(name, block) for name, block in blocks), at_once)


def under_ray() -> bool:
    """Whether this job was submitted to a Ray cluster, which then gives its address."""
    return "RAY_ADDRESS" in os.environ


def _in_order(begun: Iterable[Callable[[], Made]], at_once: int) -> Iterator[Made]:
    waiting: deque[Callable[[], Made]] = deque()
    for result in begun:
        waiting.append(result)
        if len(waiting) >= at_once:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


def _starter(
    make: Callable[[Shared, Block], Made], shared: Shared, parallel: int
) -> tuple[Callable[[Block], Callable[[], Made]], int]:
    """What begins a block and gives what waits for its result; and how many may be under way."""
    if under_ray():
        return _by_ray(make, shared), parallel
    return lambda block: lambda: make(shared, block), 1


def _by_ray(make: Callable[[Any, Any], Made], shared: object) -> Callable[[Any], Callable[[], Made]]:
    import ray  # it takes a second and 100 MB, which a job that runs alone need not spend
    from ray.exceptions import RayError, RayTaskError

    ray.init(ignore_reinit_error=True)
    on_every_node = ray.put(shared)
    task = ray.remote(max_retries=LOST_AT_MOST)(make)

    def start(block: Any) -> Callable[[], Made]:
        reference = task.remote(on_every_node, block)

        def result() -> Made:
            try:
                return ray.get(reference)  # type: ignore[no-any-return]
            except RayTaskError as error:
                if isinstance(error.cause, (RayceError, OSError)):
                    raise error.cause from None
                raise
            except RayError as error:
                raise Unavailable("ray", f"a block lost its worker {LOST_AT_MOST + 1} times ({error})") from None

        return result

    return start
