"""Live generations: every process looks at the pointers and swaps what changed, as a whole, in the background.

It looks when it is told of a flip (`rayce.flip`), and now and then by itself, should it not have been told.
A generation that cannot be loaded is left aside with its reason, and the former one stays. What changes faster than generations
do is laid over the loaded value (`finish`, `revise`), and swapped as a whole too.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rayce.errors import RayceError, Unavailable
from rayce.flip import Flip
from rayce.stores.interfaces import DurableGenerations

Parse = Callable[[Mapping[str, bytes]], Any]
Finish = Callable[[str, Any], Any]
"""From a generation's name and its value as loaded to the value as it is used."""


class Loaded(NamedTuple):
    """A generation in memory."""

    number: int
    value: Any


def generation_name(tenant: str, kind: str) -> str:
    """The name of a tenant's generations of a kind; `segment-model.<name>` for segment models."""
    return f"{tenant}/{kind}"


class LiveGenerations:
    """The live generations of the kinds in `parsers` (a kind is the part before the first dot; None: number only)."""

    def __init__(
        self,
        durable: DurableGenerations,
        parsers: Mapping[str, Parse | None],
        poll_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._looked_s: float | None = None
        self._unseen: set[str] = set()
        self._watchers: list[Callable[[str], None]] = []
        self._wake = threading.Event()
        self._durable = durable
        self._parsers = parsers
        self._poll_s = poll_s
        self._loaded: dict[str, Loaded] = {}
        self._finishing: dict[str, Finish] = {}
        self._swapping = threading.RLock()
        self._refused: dict[str, int] = {}
        self.errors: dict[str, str] = {}
        self.looked = False
        """Whether the pointers have been seen at all."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-generations", daemon=True)

    def start(self) -> None:
        """Load once, as far as the store answers, then go on in the background."""
        self.refresh()
        self._thread.start()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()
        self._wake.set()

    def heard(self, flips: Iterable[Flip]) -> None:
        """These went live: look at once, in the background. May be called on any thread."""
        self._unseen.update(flip.name for flip in flips)
        self._wake.set()

    def watch(self, changed: Callable[[str], None]) -> None:
        """From now on `changed` gets the name of each generation that was swapped, on the thread that has loaded it."""
        self._watchers.append(changed)

    def finish(self, kind: str, finishing: Finish) -> None:
        """From now on generations of the kind are used as `finishing` gives them. Before `start`."""
        self._finishing[kind] = finishing

    def revise(self, name: str, change: Callable[[Any], Any]) -> bool:
        """Swap the value of a loaded generation for what `change` makes of it, and tell who watches; whether it was changed.

        `change` gives back the value itself where nothing is to be swapped. Called on any thread; never together with another
        `change`, nor with a `finishing`.
        """
        with self._swapping:
            known = self._loaded.get(name)
            if known is None or (value := change(known.value)) is known.value:
                return False
            self._loaded[name] = Loaded(known.number, value)
        self._tell(name)
        return True

    def behind(self) -> list[str]:
        """Names that are said to have gone live, while the pointers could not be looked at since."""
        return sorted(name for name in tuple(self._unseen) if _kind(name) in self._parsers)

    def age_s(self) -> float | None:
        """How old the knowledge of what is live is: seconds since the pointers were seen; None: never."""
        return None if self._looked_s is None else max(0.0, self._clock() - self._looked_s)

    def get(self, tenant: str, kind: str) -> Loaded | None:
        """What is live now, or None."""
        return self._loaded.get(generation_name(tenant, kind))

    def of_kind(self, kind: str) -> dict[str, Loaded]:
        """What is live of a kind, by tenant."""
        own = f"/{kind}"
        return {name.removesuffix(own): loaded for name, loaded in list(self._loaded.items()) if name.endswith(own)}

    def numbers(self, tenant: str) -> dict[str, int]:
        """Live generation by kind."""
        prefix = generation_name(tenant, "")
        return {n.removeprefix(prefix): g.number for n, g in self._loaded.items() if n.startswith(prefix)}

    def names(self) -> list[str]:
        """The names of all that are loaded."""
        return list(self._loaded)

    def refresh(self) -> None:
        """Look at the pointers once; errors are kept in `errors`, never raised."""
        unseen, now_s = tuple(self._unseen), self._clock()
        try:
            live = self._durable.live()
            self.errors.pop("", None)
        except RayceError as error:
            self.errors[""] = str(error)
            return
        self._load_changed(live)
        self._unseen.difference_update(unseen)
        self._looked_s = now_s
        self.looked = True

    def _load_changed(self, live: Mapping[str, int]) -> None:
        for name, number in live.items():
            kind = _kind(name)
            known = self._loaded.get(name)
            if (
                kind in self._parsers
                and (known is None or known.number != number)
                and self._refused.get(name) != number
            ):
                self._load(name, kind, number)

    def _load(self, name: str, kind: str, number: int) -> None:
        parse = self._parsers[kind]
        try:
            value = parse(self._durable.load_generation(name, number)) if parse else None
            with self._swapping:
                finishing = self._finishing.get(kind)
                self._loaded[name] = Loaded(number, finishing(name, value) if finishing else value)
        except Unavailable as error:
            self.errors[name] = str(error)
            return
        except Exception as error:  # whatever is wrong with its files must not stop the others: told in `errors`
            self.errors[name] = f"{type(error).__name__}: {error}"
            self._refused[name] = number
            return
        self.errors.pop(name, None)
        self._tell(name)

    def _tell(self, name: str) -> None:
        for changed in self._watchers:
            changed(name)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._poll_s)
            self._wake.clear()
            if not self._stop.is_set():
                self.refresh()


def _kind(name: str) -> str:
    return name.partition("/")[2].partition(".")[0]
