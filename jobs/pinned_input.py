"""A job's input: pinned at its first use, and the same again where the job goes on after it was killed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from jobs.sources import Pin, Source
from rayce.checkpoint import Former


class PinnedInput:
    """The records of a source up to the moment at which the job, or the run that it goes on with, has begun."""

    def __init__(self, source: Source, former: Former | None, say: Callable[[str], None]) -> None:
        """`former` is the run that may be gone on with."""
        self.source = source
        self._former = former
        self._say = say
        self._pin: Pin | None = None
        self._read = False

    def records(self) -> Iterator[bytes]:
        """All records, anew at each call."""
        self._read = True
        return self.source.records(self.pin())

    def total(self) -> int | None:
        """How many these are, at the most; None where that is not known."""
        return self.source.total(self.pin())

    def pin(self) -> Pin:
        """What the input is."""
        if self._pin is None:
            self._pin = self._former_pin() or self.source.now()
        return self._pin

    def pin_for(self, inputs_with: Callable[[Pin], object]) -> Pin:
        """The same; but where nothing was read yet and the former run had other inputs beside, that of today."""
        if not self._read and self._former is not None and inputs_with(self.pin()) != self._former.inputs:
            self._former = None
            self._pin = self.source.now()
        return self.pin()

    def _former_pin(self) -> Pin | None:
        if self._former is None:
            return None
        pin: Pin | None = self._former.inputs.get("input")
        begun = datetime.fromtimestamp(self._former.begun_s, UTC).isoformat(" ", "seconds")
        if not pin or not self.source.holds(pin):
            self._say(f"a run of {begun} did not end, but its input is no longer there as it was: beginning anew")
            return None
        how = "was refused and is insisted on" if self._former.refused else "did not end"
        self._say(f"a run of {begun} {how}: reading the same input")
        return pin
