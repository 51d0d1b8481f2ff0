"""One showing of the demo: brings everything up, fills it or finds it filled, plays, and proves what it promised."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic, time

from msgspec import Struct, structs

from examples.demo.clock import MAX_SPEED, SimulatedClock
from examples.demo.dataset import Dataset, load
from examples.demo.hits import HitRate
from examples.demo.journal import Entry, Journal
from examples.demo.ledger import Discrepancy, Ledger
from examples.demo.loading import give_consent, put_catalogue, replay
from examples.demo.measurements import LISTS, Measurements
from examples.demo.player import OPEN_BASKETS, Player
from examples.demo.programs import JOBS, Address, Cluster, ProgramFailed, run_job, told, up_command
from examples.demo.progress import WAITING, Progress, Stage
from examples.demo.report import Report, build_report
from examples.demo.shop import LANES, Shop
from examples.demo.stream import caught_up, read_stream
from examples.demo.verification import verify
from rayce.client import RayceClient, RayceClientError

STAGES = {
    "start": "Start stores, Kafka, workers and Serve",
    "data": "Read a year of shopping",
    "consent": "Record who consents",
    "catalogue": "Load the catalogue",
    "history": "Replay the past",
    "catch_up": "Wait until the stream has caught up",
    **JOBS,
    "live": "Wait until replies are ranked live",
    "play": "Play the live weeks",
    "verify": "Check that every event arrived once",
}
LIVE_TIMEOUT_S = 90.0
_SAVE_PERIOD_S = 2.0
_LOOKS = 5


class Options(Struct, frozen=True):
    """What was asked for on the command line; `up`, `jobs` and `local` name the programs it starts."""

    root: Path
    weeks: int = 4
    speed: float = 10_000.0
    households: int | None = None
    embedded: bool = False
    once: bool = False
    up: str = "cluster.up"
    jobs: str = "jobs"
    local: str = "cluster.local"


class NothingLeft(Exception):
    """All weeks of this root were played before, so there is nothing to measure. Take a new root, or empty this one."""


class NotLive(Exception):
    """Replies did not become live: the jobs' generations were not taken up. Look at the ranker's log."""


class Show:
    """The parts of one showing; `shop`, `rayce` and `player` are there once their stage has come."""

    def __init__(self, options: Options, progress: Progress, say: Callable[[str], None] = lambda _: None) -> None:
        self.options, self.progress, self._say = options, progress, say
        self.measurements = Measurements()
        self.rayce: RayceClient | None = None
        self.shop: Shop | None = None
        self.player: Player | None = None
        self.found = Discrepancy()
        self._cluster = Cluster(
            up_command(options.up, options.root, embedded=options.embedded), options.root / "demo" / "up.log"
        )
        self._journal = Journal(options.root)
        self._entry = self._journal.read() or self._first_entry()
        self._replayed_per_s: float | None = None
        self._play_s = 0.0

    async def open(self) -> None:
        """Everything up to the moment at which the present can be played."""
        address, dataset = await asyncio.gather(self._start(), self._read())
        rayce = self.rayce = RayceClient(address.url, address.api_key(), timeout_s=30 if self.options.once else 10)
        shop = self._open_shop(dataset)
        if shop.position and not await _still_there(rayce, shop):
            self._say("what an earlier start loaded is gone: loading again")
            self._entry = self._first_entry()
            shop = self._open_shop(await self._read())
        await self._fill(rayce, shop)
        self.player = Player(rayce, shop, patience_s=60.0 if self.options.once else float("inf"))
        await self._train(rayce, shop, address)

    async def play(self) -> None:
        """Plays to the end of the data and keeps the journal meanwhile."""
        shop, player = self._parts[1:]
        end, started = len(shop.dataset), monotonic()
        if self.options.once and shop.position >= end:
            raise NothingLeft(f"{self.options.root} has been played to the end: take another --root, or empty this one")
        with self.progress.stage("play") as stage:
            first = shop.position
            await player.learn(first if first < end else 0)
            shop.clock.resume()
            playing = asyncio.create_task(player.play(end))
            try:
                while not playing.done():
                    stage.advance(shop.position - first, end - first)
                    await asyncio.wait([playing], timeout=_SAVE_PERIOD_S)
                    self.save()
                await playing
            finally:
                playing.cancel()
                await asyncio.wait([playing])
                self._play_s = monotonic() - started
                self.save()
            stage.advance(end - first)

    async def verify(self) -> None:
        """Compares every profile with what was accepted."""
        rayce, shop, _ = self._parts
        with self.progress.stage("verify") as stage:
            await caught_up(rayce)
            self.found = await verify(rayce, shop, stage.advance)
            stage.detail = f"{self.found.lost} lost, {self.found.doubled} doubled"

    def report(self) -> Report:
        """What came out."""
        return build_report(
            self.measurements,
            self.found,
            replay_events_per_s=self._replayed_per_s,
            play_s=self._play_s,
            setup_s={name: s for name, s in self.progress.seconds().items() if name not in ("play", "verify")},
            settings={
                "weeks": self._entry.weeks,
                "households": len(self.shop.households) if self.shop else 0,
                "items": len(self.shop.items) if self.shop else 0,
                "speed": "max" if self.options.speed == MAX_SPEED else self.options.speed,
                "embedded": self.options.embedded,
                "open_baskets": OPEN_BASKETS,
            },
        )

    def save(self) -> None:
        """Writes the journal: how far the shop is, and everything that was accepted up to there."""
        shop = self.shop
        if shop is None:
            return
        accepted = dict(shop.ledger.accepted)
        for entry in self.player.unfinished() if self.player else ():
            user_id = shop.dataset.household(entry).user_id
            if user_id in shop.consenting:
                accepted[user_id] -= 1
        changed = {
            user: user in shop.consenting
            for user, h in shop.households.items()
            if h.consents != (user in shop.consenting)
        }
        self._entry = structs.replace(
            self._entry,
            lanes=list(shop.lanes),
            position=shop.position,
            accepted=accepted,
            changed_consents=changed,
            hits={name: rate.sums for name, rate in self.measurements.hits.items()},
        )
        self._journal.write(self._entry)

    async def close(self) -> None:
        """Stops what was started; says so where that did not go in order."""
        if self.rayce is not None:
            await self.rayce.close()
        try:
            await self._cluster.stop()
        except ProgramFailed as error:
            self._say(f"{error}\nLook with `rayce local status --root {self.options.root}` for what still runs.")

    @property
    def playing_or_after(self) -> bool:
        """Whether everything is set up."""
        return self.progress.stages["play"].state != WAITING

    @property
    def weeks(self) -> int:
        """How many weeks are played live."""
        return self._entry.weeks

    @property
    def cluster_ended(self) -> int | None:
        """The exit code of the cluster, where it has ended by itself."""
        return self._cluster.ended

    @property
    def _parts(self) -> tuple[RayceClient, Shop, Player]:
        assert self.rayce is not None and self.shop is not None and self.player is not None, "open() comes first"
        return self.rayce, self.shop, self.player

    def _first_entry(self) -> Entry:
        return Entry(
            now_ms=int(time() * 1000),
            weeks=self.options.weeks,
            households=self.options.households,
            lanes=[0] * LANES,
            position=0,
            accepted={},
        )

    async def _start(self) -> Address:
        with self.progress.stage("start") as stage:
            address = await self._cluster.start(lambda line: stage.advance(0, detail=line))
            stage.detail = ""
            return address

    async def _read(self) -> Dataset:
        with self.progress.stage("data") as stage:
            entry = self._entry
            dataset = await asyncio.to_thread(load, now_ms=entry.now_ms, households=entry.households)
            stage.detail = f"{dataset.basket_count:,} baskets of {len(dataset.households):,} households"
            return dataset

    def _open_shop(self, dataset: Dataset) -> Shop:
        entry = self._entry
        first_live = dataset.first_live(entry.weeks)
        start = min(max(entry.position, first_live), len(dataset) - 1)
        self.shop = shop = Shop(
            dataset, SimulatedClock(int(dataset.at_ms[start]), self.options.speed), self.measurements
        )
        shop.clock.pause()  # until the play begins
        shop.lanes, shop.position, shop.ledger = list(entry.lanes), entry.position, Ledger(entry.accepted)
        self.measurements.hits = {name: HitRate(entry.hits.get(name)) for name in LISTS}
        for user_id, consents in entry.changed_consents.items():
            (shop.consenting.add if consents else shop.consenting.discard)(user_id)
        if (entry.weeks, entry.households) != (self.options.weeks, self.options.households):
            self._say(
                f"going on with what was begun here: {entry.weeks} live weeks, {len(dataset.households)} households"
            )
        return shop

    async def _fill(self, rayce: RayceClient, shop: Shop) -> None:
        stages, end = self.progress, shop.dataset.first_live(self._entry.weeks)
        if shop.position >= end:
            stages.skip("consent", "catalogue", "history", "catch_up")
            return
        before = (await read_stream(rayce)).events + len(shop.consenting)
        with stages.stage("consent") as stage:
            await give_consent(rayce, shop, stage.advance)
        with stages.stage("catalogue") as stage:
            await put_catalogue(rayce, shop, stage.advance)
        sent, started = self.measurements.events_sent, monotonic()
        with stages.stage("history") as stage:
            await replay(rayce, shop, end, stage.advance, self.save)
        stored = self.measurements.events_sent - sent - self.measurements.not_stored
        with stages.stage("catch_up") as stage:
            await caught_up(
                rayce, beyond=before + stored, on_state=lambda s: stage.advance(0, detail=f"{s.lag:,.0f} events to go")
            )
            stage.detail = ""
        self._replayed_per_s = (self.measurements.events_sent - sent) / (monotonic() - started)
        self.save()

    async def _train(self, rayce: RayceClient, shop: Shop, address: Address) -> None:
        if self._entry.trained:
            self.progress.skip(*JOBS)
        else:
            await run_jobs(self.options.jobs, address, self.progress)
            self._entry = structs.replace(self._entry, trained=True)
            self.save()
        with self.progress.stage("live"):
            await _until_live(rayce, shop)


async def run_jobs(package: str, address: Address, progress: Progress) -> None:
    """Runs every batch job, one after the other: each uses what the one before published."""
    for name in JOBS:
        with progress.stage(name) as stage:
            await run_job(package, name, address, partial(_tell, stage))


def _tell(stage: Stage, line: str) -> None:
    if line.startswith((stage.name, "{")):  # what `ray job submit` says around it is not for the page
        stage.detail = told(stage.name, line)


async def _until_live(rayce: RayceClient, shop: Shop) -> None:
    users = sorted(shop.consenting, key=shop.ledger.count, reverse=True)[:_LOOKS]
    until, served = monotonic() + LIVE_TIMEOUT_S, [""]
    while monotonic() < until:
        try:
            replies = [await rayce.recommendations(user, limit=10, at_ms=shop.clock.now_ms()) for user in users]
            served = [reply.served for reply in replies]
        except RayceClientError as error:
            served = [str(error)]
        if all(rung == "live" for rung in served):
            return
        await asyncio.sleep(0.5)
    raise NotLive(f"after {LIVE_TIMEOUT_S:.0f} s replies are still {', '.join(sorted(set(served)))}")


async def _still_there(rayce: RayceClient, shop: Shop) -> bool:
    """Whether rayce still holds what the ledger says: the households with the most events are looked at."""
    for user_id in sorted(shop.ledger.accepted, key=shop.ledger.count, reverse=True)[:_LOOKS]:
        profile = await rayce.profile(user_id)
        if profile is None or profile.events < shop.ledger.count(user_id):
            return False
    return True
