"""A showing from start to end, and the second one that goes on where the first was stopped."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from examples.demo.clock import MAX_SPEED
from examples.demo.journal import Journal
from examples.demo.programs import JOBS
from examples.demo.progress import DONE, FAILED, SKIPPED, Progress
from examples.demo.show import STAGES, NothingLeft, Options, Show
from tests.examples.fake_api import FakeApi, serving
from tests.examples.loops import in_loop


def a_show(root: Path, *, once: bool = True) -> Show:
    options = Options(
        root,
        weeks=3,
        speed=MAX_SPEED,
        households=12,
        once=once,
        up="tests.examples.fake_api",
        jobs="tests.examples.fake_jobs",
        local="",
    )
    return Show(options, Progress(STAGES))


def state(show: Show, name: str) -> str:
    return show.progress.stages[name].state


@contextlib.asynccontextmanager
async def cleanly(show: Show):  # type: ignore[no-untyped-def]
    try:
        yield show
    finally:
        await show.close()


@in_loop
async def test_a_second_start_goes_on_after_the_last_basket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeApi()
    async with serving(api) as url:
        monkeypatch.setenv("FAKE_API_URL", url)
        async with cleanly(a_show(tmp_path)) as show:
            await show.open()
            assert all(
                state(show, name) == DONE for name in ("consent", "catalogue", "history", "catch_up", *JOBS, "live")
            )
            assert show.shop is not None
            api.latency_s = 0.01
            playing = asyncio.create_task(show.play())
            await asyncio.sleep(0.15)
            playing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await playing
            first = show.measurements.events_sent
            assert first < len(show.shop.dataset)
        api.latency_s = 0
        async with cleanly(a_show(tmp_path)) as show:
            await show.open()
            assert all(state(show, name) == SKIPPED for name in ("consent", "catalogue", "history", "catch_up", *JOBS))
            await show.play()
            await show.verify()
            assert show.shop is not None
            assert (show.found.households, show.found.lost, show.found.doubled) == (12, 0, 0)
            assert first + show.measurements.events_sent == len(show.shop.dataset)
            played = sum(
                bool(show.shop.dataset.products(e))
                for e in range(show.shop.dataset.first_live(3), len(show.shop.dataset))
            )
            assert show.measurements.hits["most_popular"].baskets == played
            assert show.report().ok()
        async with cleanly(a_show(tmp_path)) as show:
            await show.open()
            with pytest.raises(NothingLeft, match="--root"):
                await show.play()
        async with cleanly(a_show(tmp_path, once=False)) as show:
            await show.open()
            await show.play()
            assert state(show, "play") == DONE


@in_loop
async def test_loading_that_was_cut_off_goes_on_and_nothing_is_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeApi()
    async with serving(api) as url:
        monkeypatch.setenv("FAKE_API_URL", url)
        api.latency_s = 0.05
        async with cleanly(a_show(tmp_path)) as show:
            opening = asyncio.create_task(show.open())
            while show.shop is None or not any(show.shop.lanes):
                await asyncio.sleep(0.01)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            assert state(show, "history") == FAILED
        api.latency_s = 0
        assert api.accepted > 0
        async with cleanly(a_show(tmp_path)) as show:
            await show.open()
            await show.play()
            await show.verify()
            assert (show.found.lost, show.found.doubled) == (0, 0)


@in_loop
async def test_when_the_stores_were_emptied_everything_is_loaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        async with serving(FakeApi()) as url, cleanly(a_show(tmp_path)) as show:
            monkeypatch.setenv("FAKE_API_URL", url)
            await show.open()
            assert state(show, "history") == DONE
            await show.play()
            await show.verify()
            assert show.report().ok()


def test_a_journal_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.read() is None
    journal.path.parent.mkdir()
    journal.path.write_text('{"now_ms": "yesterday"}')
    assert journal.read() is None
