"""The audience of a rule or a decision slot: whom it is for, on which slots, in which context, and when. Empty: everybody."""

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from rayce.circumstances import Circumstances
from rayce.errors import InvalidDocument
from rayce.rules.known_words import KNOWN_WORDS, described, is_known
from rayce.rules.window import Refused, Window, parse_window, window_mistakes
from rayce.segments.catalogue import Catalogue

Word = Annotated[str, Meta(min_length=1, max_length=64)]
Slot = Annotated[str, Meta(min_length=1, max_length=64, pattern="^[A-Za-z0-9_.-]+$")]
"""A slot of a page, as the HTTP API takes it."""
Words = Annotated[tuple[Word, ...], Meta(max_length=50)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

Holds = Callable[[Circumstances, int, int], bool]
"""Of circumstances, segments in force (as bits) and the moment (ms): whether the audience holds."""


class InSegments(Struct, frozen=True, forbid_unknown_fields=True):
    """At least one of `any`, each of `all`, none of `none`; an empty list asks for nothing."""

    any: Words = ()
    all: Words = ()
    none: Words = ()


class Audience(Struct, frozen=True, forbid_unknown_fields=True):
    """All parts must hold. `context`: by feature, the words that will do; what is not known matches no word."""

    segments: InSegments = InSegments()
    slots: Annotated[tuple[Slot, ...], Meta(max_length=50)] = ()
    context: dict[str, Annotated[tuple[Word, ...], Meta(min_length=1, max_length=250)]] = {}
    from_: str | None = msgspec.field(default=None, name="from")
    until: str | None = None
    zone: str = "UTC"
    days: tuple[Day, ...] = ()
    hours: Annotated[tuple[Word, ...], Meta(max_length=20)] = ()

    def check(self, key: str, catalogue: Catalogue | None, refused: type[InvalidDocument] = InvalidDocument) -> None:
        """`refused` names the key below `key` and the value that offends. Without a catalogue any segment is believed."""
        for mistake in self.mistakes(key, catalogue, refused):
            raise mistake

    def mistakes(self, key: str, catalogue: Catalogue | None, refused: type[Refused]) -> Iterator[Refused]:
        """All that `check` refuses."""
        yield from window_mistakes(self.from_, self.until, self.zone, self.hours, key, refused)
        for feature, words in self.context.items():
            path = f"{key}.context.{feature}"
            if feature not in KNOWN_WORDS:
                known = ", ".join(KNOWN_WORDS)
                yield refused(f"{path}: unknown context feature; known: {known}", path, feature)
                continue
            for i, word in enumerate(words):
                if not is_known(feature, word):
                    yield refused(
                        f"{path}[{i}]: no {feature} is {word!r}; known: {described(feature)}", f"{path}[{i}]", word
                    )
        if catalogue is None:
            return
        for part in ("any", "all", "none"):
            for i, name in enumerate(getattr(self.segments, part)):
                if name not in catalogue.by_name:
                    path = f"{key}.segments.{part}[{i}]"
                    yield refused(f"{path}: unknown segment {name!r}", path, name)

    def compile(self, catalogue: Catalogue) -> Holds:
        """The test of a request, about half a microsecond. A segment that the catalogue no longer has has no members."""
        bit = {segment.name: 1 << segment.bit for segment in catalogue.segments}
        some = sum(bit.get(name, 0) for name in set(self.segments.any))
        every = sum(bit.get(name, 0) for name in set(self.segments.all))
        none = sum(bit.get(name, 0) for name in set(self.segments.none))
        if any(name not in bit for name in self.segments.all) or (self.segments.any and not some):
            return lambda _circumstances, _bits, _now_ms: False
        slots = frozenset(self.slots)
        context = tuple((feature, frozenset(words)) for feature, words in self.context.items())
        in_window = self._window("audience", InvalidDocument).compile()

        def holds(circumstances: Circumstances, bits: int, now_ms: int) -> bool:
            if slots and circumstances.slot not in slots:
                return False
            if (some and not bits & some) or bits & every != every or bits & none:
                return False
            for feature, words in context:
                if circumstances.word(feature) not in words:
                    return False
            return in_window is None or in_window(now_ms)

        return holds

    def _window(self, key: str, refused: type[InvalidDocument]) -> Window:
        return parse_window(self.from_, self.until, self.zone, self.days, self.hours, key, refused)
