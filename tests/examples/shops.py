"""A shop in front of the fake API, ready to load and to play."""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from examples.demo.clock import MAX_SPEED, SimulatedClock
from examples.demo.dataset import Dataset
from examples.demo.loading import give_consent, put_catalogue, replay
from examples.demo.measurements import Measurements
from examples.demo.player import Player
from examples.demo.shop import Shop
from rayce.client import RayceClient
from tests.examples.fake_api import KEY, FakeApi, serving

WEEKS = 2


class Opened(NamedTuple):
    """What a test of the demo works with."""

    api: FakeApi
    rayce: RayceClient
    shop: Shop
    player: Player


def ignore(*_: object) -> None:
    """Progress that nobody watches."""


@contextlib.asynccontextmanager
async def opened(dataset: Dataset, *, filled: bool = True, sample_every: int = 5) -> AsyncIterator[Opened]:
    """The shop; where `filled`, with consent, catalogue and history loaded."""
    api = FakeApi()
    async with serving(api) as url, RayceClient(url, KEY, timeout_s=5) as rayce:
        first = dataset.first_live(WEEKS)
        shop = Shop(dataset, SimulatedClock(int(dataset.at_ms[first]), MAX_SPEED), Measurements())
        if filled:
            await give_consent(rayce, shop, ignore)
            await put_catalogue(rayce, shop, ignore)
            await replay(rayce, shop, first, ignore)
        yield Opened(api, rayce, shop, Player(rayce, shop, sample_every=sample_every, patience_s=5))
