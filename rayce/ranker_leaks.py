"""The rows of the ranker's moments from any history, for `rayce.leak_check`: split, remembered and replayed as for training."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rayce.candidates import Wish
from rayce.errors import LeakFound
from rayce.event import Event
from rayce.history import replay, split
from rayce.item import Item
from rayce.leak_check import Make, Moment
from rayce.past import Past, remember
from rayce.ranker_data import REHEARSED, Serving
from rayce.ranking_examples import ASKED, Examples, chance_of

MOMENTS = 1_000
"""About so many are made."""

Remember = Callable[[Iterable[Event], Sequence[Item], int], Past]


class Recall:
    """`remember`, but nothing twice: what the same events tell of the same items is the same, bit for bit.

    Of two histories that differ in what came after the moment it is called with the very same events, unless something let
    through what it should not have; then it remembers anew, and the rows show it. The weights of the lists' parts are never
    learned anew, which takes longer than all the rest: they are those of the training.
    """

    def __init__(self, past: Past, earlier: Sequence[Event], items: Sequence[Item]) -> None:
        """What training remembers of these events and items. `LeakFound` where its weights are of what came later."""
        if past.lists.blend.origin.until_ms > past.at_ms:
            raise LeakFound("the weights of the lists' parts were learned from what came after the moment of the lists")
        self._blend = past.lists.blend
        self._past, self._earlier, self._items = past, list(earlier), items

    def __call__(self, earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
        """See `remember`."""
        events = list(earlier)
        if at_ms != self._past.at_ms or items != self._items or events != self._earlier:
            self._past, self._earlier, self._items = remember(events, items, at_ms, blend=self._blend), events, items
        return self._past


def ranker_moments(
    items: Sequence[Item], start_ms: int, serving: Serving, share: float = 1.0, recall: Remember = remember
) -> Make:
    """Makes the rows of this share of the baskets since `start_ms`; `recall` is what `remember` does."""

    def make(events: Sequence[Event]) -> Mapping[str, Moment]:
        earlier, later = split(events, start_ms)
        past = recall(earlier, items, start_ms)
        maker = Examples(past.shelf, past.lists.of, Wish(suppress_s=serving.suppress_s), serving.candidates)
        found = {}
        for before, event, _after in replay(later, dict(past.people)):
            chance = chance_of(event)
            if event.type not in ASKED or not event.items or chance.random() >= share:
                continue
            example = maker.make(before, event, chance if chance.random() < REHEARSED else None)
            found[f"{event.person}/{event.event_id}"] = Moment(example.items.astype("int64"), example.features)
        return found

    return make
