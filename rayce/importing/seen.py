"""Which events an import has met before: in this file, in another one, in a killed run. Exact, in bounded memory."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from rayce.importing.ledger import Digests, Ledger, Span

KEPT_DIGESTS = 64 << 20
"""Digests held in memory at the most, eight bytes each; those of other times are read again when they are needed."""
_READ_AT_ONCE = 64


class Seen:
    """The events of a tenant's imports. `arrived` are those found in the log, written by a run that could not say so."""

    def __init__(self, ledger: Ledger, kept: int = KEPT_DIGESTS) -> None:
        self._ledger = ledger
        self._spans = {span.name: span for span in ledger.spans()}
        self._runs: OrderedDict[str, Digests] = OrderedDict()
        self._most = kept

    def among(self, digests: Digests, moments_ms: Digests) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
        """Of events by digest and moment, which have been met."""
        found = np.zeros(len(digests), dtype=bool)
        if not len(digests):
            return found
        first, last = int(moments_ms.min()), int(moments_ms.max())
        names = [s.name for s in self._spans.values() if s.from_ms <= last and first <= s.until_ms]
        for at in range(0, len(names), _READ_AT_ONCE):
            for run in self._loaded(names[at : at + _READ_AT_ONCE]):
                places = np.searchsorted(run, digests)
                places[places == len(run)] = 0
                found |= run[places] == digests
        return found

    def add(self, span: Span, digests: Digests) -> None:
        """Remember a run that the ledger has."""
        self._spans[span.name] = span
        self._keep(span.name, np.sort(digests))

    def _loaded(self, names: Sequence[str]) -> list[Digests]:
        missing = [name for name in names if name not in self._runs]
        loaded = self._ledger.load_digests(missing) if missing else {}
        found = [run for name in names if len(run := self._runs[name] if name in self._runs else loaded[name])]
        for name, run in loaded.items():
            self._keep(name, run)
        return found

    def _keep(self, name: str, run: Digests) -> None:
        self._runs[name] = run
        self._runs.move_to_end(name)
        while len(self._runs) > 1 and sum(map(len, self._runs.values())) > self._most:
            self._runs.popitem(last=False)
