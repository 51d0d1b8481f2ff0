"""The coalescer: one batch a tick, one answer a key, and nobody waits for ever."""

import asyncio
from collections.abc import Sequence

import pytest

from rayce.coalesce import Coalescer

pytestmark = pytest.mark.anyio


class Loads:
    """A load that keeps what it was asked; a batch is answered when its gate opens."""

    def __init__(self, open_at_once: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.under_way = self.most_under_way = 0
        self.gate = asyncio.Event()
        self.error: BaseException | None = None
        if open_at_once:
            self.gate.set()

    async def __call__(self, keys: Sequence[str]) -> list[str]:
        self.batches.append(list(keys))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            return [key.upper() for key in keys]
        finally:
            self.under_way -= 1


async def _ticks(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_asks_in_one_tick_shares_one_batch() -> None:
    load = Loads()
    ask = Coalescer(load, in_flight=1, max_batch=10).get
    assert await asyncio.gather(ask("a"), ask("b"), ask("c")) == ["A", "B", "C"]
    assert load.batches == [["a", "b", "c"]]


async def test_a_thousand_who_ask_for_one_key_are_one_question() -> None:
    load = Loads()
    ask = Coalescer(load, in_flight=8, max_batch=10).get
    assert set(await asyncio.gather(*(ask("a") for _ in range(1000)))) == {"A"}
    assert load.batches == [["a"]]


async def test_batches_are_bounded_and_so_are_those_under_way() -> None:
    load = Loads(open_at_once=False)
    ask = Coalescer(load, in_flight=2, max_batch=3).get
    waiting = [ask(f"k{n}") for n in range(20)]
    await _ticks()
    assert [len(batch) for batch in load.batches] == [3, 3]
    load.gate.set()
    assert await asyncio.gather(*waiting) == [f"K{n}" for n in range(20)]
    assert load.most_under_way == 2
    assert max(len(batch) for batch in load.batches) == 3


async def test_an_error_reaches_everybody_of_its_batch_and_nobody_of_the_next() -> None:
    load = Loads()
    ask = Coalescer(load, in_flight=1, max_batch=10).get
    load.error = OSError("gone")
    found = await asyncio.gather(ask("a"), ask("b"), return_exceptions=True)
    assert [str(error) for error in found] == ["gone", "gone"]
    load.error = None
    assert await ask("a") == "A"


async def test_one_who_gives_up_does_not_disturb_the_others() -> None:
    load = Loads(open_at_once=False)
    ask = Coalescer(load, in_flight=1, max_batch=10).get

    async def wait() -> str:
        return await ask("a")

    patient, hasty = asyncio.ensure_future(wait()), asyncio.ensure_future(wait())
    await _ticks()
    hasty.cancel()
    await _ticks()
    load.gate.set()
    assert await patient == "A"
    assert hasty.cancelled()


async def test_when_all_give_up_the_next_ones_are_answered() -> None:
    load = Loads(open_at_once=False)
    coalescer = Coalescer(load, in_flight=1, max_batch=10)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await coalescer.get("a")
    load.gate.set()
    assert await coalescer.get("b") == "B"


async def test_an_error_nobody_waits_for_is_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    load = Loads(open_at_once=False)
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    coalescer = Coalescer(load, in_flight=1, max_batch=10)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await coalescer.get("a")
    load.error = OSError("gone")
    load.gate.set()
    await _ticks()
    assert reported == [] and not recwarn.list


@pytest.mark.parametrize("values", [[], ["A"], ["A", "B", "C"]])
async def test_a_load_that_answers_too_little_or_too_much_is_an_error_for_all(values: list[str]) -> None:
    async def load(keys: Sequence[str]) -> list[str]:
        return values

    coalescer = Coalescer(load, in_flight=1, max_batch=10)
    async with asyncio.timeout(5):
        found = await asyncio.gather(coalescer.get("a"), coalescer.get("b"), return_exceptions=True)
    assert all(isinstance(error, ValueError) for error in found)


async def test_a_load_that_is_cancelled_leaves_nobody_waiting() -> None:
    load = Loads()
    load.error = asyncio.CancelledError()
    coalescer = Coalescer(load, in_flight=1, max_batch=10)
    async with asyncio.timeout(5):
        found = await asyncio.gather(coalescer.get("a"), return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    load.error = None
    assert await coalescer.get("a") == "A"
