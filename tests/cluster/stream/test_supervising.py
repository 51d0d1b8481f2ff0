"""Supervising: all that can happen to workers, on a crew that is acted; the supervisor itself may be lost at any time."""

from collections.abc import Iterable

import pytest

from cluster.stream.sharing import Claims
from cluster.stream.supervising import START_WITHIN_S, Report, Supervising
from cluster.stream.telling import Standing
from rayce.settings import StreamSettings

PARTITIONS = 6


class Actor:
    """A worker as its supervisor sees it."""

    def __init__(self) -> None:
        self.owned: dict[int, int] = {}
        self.leaving: set[int] = set()
        self.state = "up"
        self.silent_since_s: float | None = None
        self.lag = 0
        self.halted: dict[int, str] = {}


class Stage:
    """A crew. Epochs count as in the durable store."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.actors: dict[str, Actor] = {}
        self.epochs = dict.fromkeys(range(PARTITIONS), 0)
        self.replaced: list[str] = []
        self.moved = 0
        self.slow_to_start = False

    def members(self) -> list[str]:
        return sorted(self.actors)

    def ask(self, names: Iterable[str]) -> dict[str, Report | None]:
        said: dict[str, Report | None] = {}
        for name in names:
            actor = self.actors[name]
            if actor.state == "dead":
                continue
            silent_s = self.now_s - actor.silent_since_s if actor.silent_since_s is not None else 0.1
            standings = {n: Standing(e, actor.lag, actor.halted.get(n)) for n, e in actor.owned.items()}
            report = Report(silent_s, Claims(dict(actor.owned), list(actor.leaving)), standings)
            said[name] = report if actor.state == "up" else None
        return said

    def tell(self, name: str, take: list[int], release: list[int]) -> None:
        actor = self.actors[name]
        for number in release:
            self.moved += 1
            del actor.owned[number]
            actor.leaving.add(number)
        for number in take:
            self.epochs[number] += 1
            actor.owned[number] = self.epochs[number]

    def hire(self, name: str) -> None:
        self.actors[name] = Actor()
        self.actors[name].state = "starting" if self.slow_to_start else "up"

    def replace(self, name: str) -> None:
        self.replaced.append(name)
        self.actors[name] = Actor()

    def dismiss(self, name: str) -> None:
        assert not self.actors[name].owned and not self.actors[name].leaving
        del self.actors[name]

    def owners(self) -> dict[int, str]:
        """Who owns what, by the highest epoch."""
        found: dict[int, str] = {}
        for name, actor in self.actors.items():
            for number, epoch in actor.owned.items():
                if actor.state != "dead" and epoch == self.epochs[number]:
                    found[number] = name
        return found


class Play:
    """A stage and its supervisor."""

    def __init__(self, **knobs: int) -> None:
        self.stage = Stage()
        self.knobs = StreamSettings(**{"min_workers": 2, "max_workers": 4, "hang_timeout_s": 15, **knobs})
        self.lose_supervisor()

    def lose_supervisor(self) -> None:
        self.supervising = Supervising(self.stage, PARTITIONS, self.knobs, lambda: self.stage.now_s, lambda n: f"w{n}")

    def run(self, seconds: float = 5.0) -> None:
        """A look a second; what is being released is gone a look later."""
        for _ in range(int(seconds)):
            self.supervising.look()
            self.stage.now_s += 1
            for actor in self.stage.actors.values():
                if actor.state == "up":
                    actor.leaving.clear()

    def loads(self) -> list[int]:
        owners = self.stage.owners()
        return sorted(list(owners.values()).count(name) for name in self.stage.actors)


@pytest.fixture
def play() -> Play:
    made = Play()
    made.run()
    return made


def test_it_starts_the_least_number_and_shares_out_all(play: Play) -> None:
    assert play.loads() == [3, 3] and play.supervising.complete


def test_who_is_dead_loses_his_partitions_at_once_and_gets_some_back_later(play: Play) -> None:
    play.stage.actors["w0"].state = "dead"
    play.run(2)
    assert set(play.stage.owners().values()) == {"w1"} and len(play.stage.owners()) == PARTITIONS
    play.stage.actors["w0"] = Actor()
    play.run()
    assert play.loads() == [3, 3]


def test_who_hangs_is_replaced_after_the_time_limit_and_not_before(play: Play) -> None:
    play.stage.actors["w0"].state = "hanging"
    play.run(14)
    assert play.stage.replaced == [] and set(play.stage.owners().values()) == {"w0", "w1"}
    play.run(5)
    assert play.stage.replaced == ["w0"]
    assert play.loads() == [3, 3]


def test_a_loop_that_hangs_in_a_process_that_answers_is_replaced_too(play: Play) -> None:
    play.stage.actors["w1"].silent_since_s = play.stage.now_s
    play.run(20)
    assert play.stage.replaced == ["w1"]


def test_a_lost_supervisor_moves_nothing_when_it_comes_back(play: Play) -> None:
    before = play.stage.owners()
    play.lose_supervisor()
    play.run()
    assert play.stage.owners() == before and play.stage.moved == 0


def test_a_new_supervisor_gives_nothing_away_before_everybody_has_said_what_he_has(play: Play) -> None:
    before = dict(play.stage.epochs)
    play.stage.actors["w0"].state = "hanging"
    play.lose_supervisor()
    play.run(10)
    assert play.stage.epochs == before
    play.stage.actors["w0"].state = "up"
    play.run(3)
    assert play.stage.epochs == before and play.loads() == [3, 3]


def test_a_supervisor_lost_between_release_and_take_leaves_nothing_lying(play: Play) -> None:
    play.stage.tell("w0", [], [0, 2])
    play.lose_supervisor()
    play.run()
    assert len(play.stage.owners()) == PARTITIONS and play.loads() == [3, 3]


def test_a_worker_that_is_slow_to_start_holds_up_nobody(play: Play) -> None:
    play.stage.slow_to_start = True
    for actor in play.stage.actors.values():
        actor.lag = 10**6
    play.run(12)
    assert "w2" in play.stage.actors and len(play.stage.owners()) == PARTITIONS
    play.stage.actors["w0"].state = "dead"
    play.run(2)
    assert set(play.stage.owners().values()) == {"w1"} and len(play.stage.owners()) == PARTITIONS
    play.run(START_WITHIN_S / 2)
    assert play.stage.replaced == []


def test_lag_brings_workers_and_quiet_takes_them_away_in_order() -> None:
    play = Play(scale_after_s=2, max_workers=3)
    play.run()
    for actor in play.stage.actors.values():
        actor.lag = 10**6
    play.run(10)
    assert play.loads() == [2, 2, 2]
    assert play.stage.moved == 2, "only what the third one got"
    for actor in play.stage.actors.values():
        actor.lag = 0
    play.run(60)
    assert play.loads() == [3, 3] and sorted(play.stage.actors) == ["w0", "w1"]


def test_halted_partitions_are_known_and_their_lag_brings_nobody() -> None:
    play = Play(scale_after_s=2)
    play.run()
    actor = play.stage.actors["w0"]
    actor.lag, actor.halted = 10**9, dict.fromkeys(actor.owned, "bad deploy")
    play.run(20)
    assert play.supervising.halted == dict.fromkeys(actor.owned, "bad deploy")
    assert len(play.stage.actors) == 2


def test_of_two_that_own_the_same_the_former_one_lets_go(play: Play) -> None:
    (other, *_rest) = play.stage.actors["w1"].owned
    play.stage.actors["w0"].owned[other] = 0
    play.run(3)
    assert play.loads() == [3, 3]
    assert sum(other in actor.owned for actor in play.stage.actors.values()) == 1
