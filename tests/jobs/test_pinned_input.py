from typing import Any

from jobs.pinned_input import PinnedInput
from rayce.checkpoint import Former
from tests.jobs.test_sources import FakeBroker, Log, values


def former(**inputs: Any) -> Former:
    return Former(inputs, 1_000.0)


def grown() -> tuple[Log, dict[str, Any]]:
    """A log, and a pin of it from before it has grown."""
    broker = FakeBroker(2)
    log = Log(broker.reader, 1)
    pin = log.now()
    broker.end[0] = 5
    return log, pin


def test_it_is_pinned_at_its_first_use_and_the_same_ever_after() -> None:
    broker = FakeBroker(2)
    pinned = PinnedInput(Log(broker.reader, 1), None, print)
    broker.end[0] = 3
    assert list(pinned.records()) == values((0, 0, 3))
    broker.end[0] = 9
    assert list(pinned.records()) == values((0, 0, 3))
    assert pinned.total() == 3


def test_a_run_that_goes_on_reads_what_the_former_one_read() -> None:
    log, pin = grown()
    said: list[str] = []
    pinned = PinnedInput(log, former(input=pin), said.append)
    assert list(pinned.records()) == values((0, 0, 2))
    assert said == ["a run of 1970-01-01 00:16:40+00:00 did not end: reading the same input"]


def test_where_the_former_input_is_gone_it_is_pinned_anew() -> None:
    log, pin = grown()
    said: list[str] = []
    pinned = PinnedInput(log, former(input={**pin, "partitions": [[0, 0, 99]]}), said.append)
    assert list(pinned.records()) == values((0, 0, 5))
    assert "no longer there as it was" in said[0]


def test_where_the_other_inputs_are_others_the_events_are_those_of_today() -> None:
    log, pin = grown()
    pinned = PinnedInput(log, former(input=pin, shelf=1), print)
    assert pinned.pin_for(lambda pin: {"input": pin, "shelf": 2}) == log.now()
    assert list(pinned.records()) == values((0, 0, 5))


def test_where_they_are_the_same_it_goes_on() -> None:
    log, pin = grown()
    pinned = PinnedInput(log, former(input=pin, shelf=1), print)
    assert pinned.pin_for(lambda pin: {"input": pin, "shelf": 1}) == pin


def test_what_was_read_stays_the_input_whatever_is_learnt_later() -> None:
    log, pin = grown()
    pinned = PinnedInput(log, former(input=pin, shelf=1), print)
    pinned.records()
    assert pinned.pin_for(lambda pin: {"input": pin, "shelf": 2}) == pin
