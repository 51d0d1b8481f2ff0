"""What the stream says of itself."""

import pytest

from examples.demo.stream import NotCaughtUp, caught_up, stream_state
from rayce.client import RayceUnreachable
from tests.examples.loops import in_loop


def text(lag: float = 0, durable: float = 0, events: float = 10) -> str:
    return (
        f'rayce_stream_events_total{{partition="0"}} {events}\nrayce_stream_events_total{{partition="1"}} 1\n'
        f'rayce_stream_lag_events{{partition="0"}} {lag}\nrayce_stream_lag_events{{partition="1"}} 2\n'
        f'rayce_stream_durable_lag_events{{partition="0"}} {durable}\n'
    )


class Answers:
    """A rayce that answers `/metrics` with one text after the other, the last one for ever."""

    def __init__(self, *texts: str | Exception) -> None:
        self.texts = list(texts)

    async def metrics(self) -> str:
        found = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        if isinstance(found, Exception):
            raise found
        return found


IDLE = text().replace(" 2\n", " 0\n")


def test_partitions_are_summed() -> None:
    state = stream_state(text(lag=3, durable=4))
    assert (state.events, state.lag, state.durable_lag, state.idle) == (11, 5, 4, False)


def test_an_unknown_lag_is_not_no_lag() -> None:
    assert not stream_state(text(lag=-2).replace(" 2\n", " 0\n")).idle
    assert not stream_state("").idle
    assert stream_state(IDLE).idle


@in_loop
async def test_it_has_caught_up_when_two_looks_agree_and_all_are_folded() -> None:
    late = IDLE.replace(" 10\n", " 4\n")
    rayce = Answers(RayceUnreachable("away"), text(lag=9), late, late, IDLE, IDLE)
    state = await caught_up(rayce, beyond=11, poll_s=0.001)  # type: ignore[arg-type]
    assert state.events == 11


@in_loop
async def test_it_says_how_far_behind_it_is_when_time_is_up() -> None:
    with pytest.raises(NotCaughtUp, match="still 5 events behind"):
        await caught_up(Answers(text(lag=3)), timeout_s=0.05, poll_s=0.005)  # type: ignore[arg-type]
