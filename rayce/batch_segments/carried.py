"""Whether lines of the history carry the categories and brands that totals name: a name that no line has counts nothing."""

from collections import Counter
from collections.abc import Mapping

from rayce.batch_segments.definition import Total
from rayce.event import Event

EXAMPLES, MOST_NAMES = 5, 1_000


class Carried:
    """Looks at events and tells which names none of their lines had. `of`: totals by name."""

    def __init__(self, of: Mapping[str, Total]) -> None:
        self._named = {name: {"category": each.categories, "brand": each.brands} for name, each in of.items()}
        self._missing = {
            kind: {word for named in self._named.values() for word in named[kind]} for kind in ("category", "brand")
        }
        self._kinds = [kind for kind, words in self._missing.items() if words]
        self._seen: dict[str, Counter[str]] = {kind: Counter() for kind in self._kinds}

    def look_at(self, event: Event) -> None:
        """One that counts."""
        for kind in self._kinds:
            missing, seen = self._missing[kind], self._seen[kind]
            for line in event.items:
                word: str = getattr(line, kind)
                missing.discard(word)
                if word and (word in seen or len(seen) < MOST_NAMES):
                    seen[word] += 1

    def warnings(self) -> list[str]:
        """One of each total that names what no line had, with the commonest names that lines have."""
        found = []
        for name, named in self._named.items():
            for kind in self._kinds:
                if words := [f"`{word}`" for word in named[kind] if word in self._missing[kind]]:
                    commonest = sorted(self._seen[kind].items(), key=lambda pair: (-pair[1], pair[0]))[:EXAMPLES]
                    has = ", ".join(f"`{word}`" for word, _count in commonest) or "none"
                    more = ", …" if len(self._seen[kind]) > EXAMPLES else ""
                    found.append(
                        f"`{name}`: no line of the history has the {kind} {' or '.join(words)}; lines have {has}{more}"
                    )
        return found
