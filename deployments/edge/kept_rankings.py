"""The last live rankings of people, for when the ranker is away: bounded in number, in slots of a person, and in age."""

from collections import OrderedDict
from collections.abc import Callable

from deployments.asks import Ranking

MAX_SLOTS = 8


class KeptRankings:
    """By pseudonym and slot. Who was served least lately is forgotten first."""

    def __init__(self, most: int, max_age_s: float, clock: Callable[[], float]) -> None:
        self._kept: OrderedDict[str, dict[str, tuple[float, Ranking]]] = OrderedDict()
        self._most = most
        self._max_age_s = max_age_s
        self._clock = clock

    def get(self, person: str, slot: str) -> Ranking | None:
        """What was last ranked for the person there; None where that is too long ago."""
        at_s, ranking = self._kept.get(person, {}).get(slot, (float("-inf"), None))
        return ranking if self._clock() - at_s <= self._max_age_s else None

    def keep(self, person: str, slot: str, ranking: Ranking) -> None:
        """In place of what was kept."""
        slots = self._kept.setdefault(person, {})
        self._kept.move_to_end(person)
        if slot in slots or len(slots) < MAX_SLOTS:
            slots[slot] = (self._clock(), ranking)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, person: str) -> None:
        """The person does not allow it any more."""
        self._kept.pop(person, None)
