"""The rows of the ranker's moments from any history, for `rayce.leak_check`: split, remembered and replayed as for training."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rayce.candidates import Wish
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
