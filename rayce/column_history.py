"""Interactions from the columns of the lake: what `read_history`, the fold and `gather` find, without an object an event.

Batches come in the log's order (`Lake.batches(…, ordered=True)`). What is permitted is worked out for whole columns. A repeated
event counts once, as in the fold: only of people of whom some id came twice are the ids gone through one by one. Segments and
countries are no columns of the lake: here nobody is in any segment, and no event says its country.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.consent import PERSONALIZATION
from rayce.event import BEHAVIOUR, CONSENT_CHANGED, ERASED
from rayce.features.activity import TOUCHING
from rayce.interactions import BOUGHT_WEIGHT, MAX_EVENT_ITEMS, Interactions
from rayce.recent_ids import count_in, counted
from rayce.session_rows import session_key

JOINED_ROWS = 8_000_000
"""Batches are joined when they have so many rows: large columns are given back when they are let go, small ones stay about."""
COLUMNS = ("person", "type", "event_id", "session", "timestamp_ms", "consent", "item_ids")
"""What is read of the table `events`."""

Longs = NDArray[np.int64]
Numbers = NDArray[np.int32]
Mask = NDArray[np.bool_]
Denied = Callable[[Sequence[str]], Collection[str]]
"""Of these people, those whose consent record does not allow it (any more)."""

_TYPES = {name: n for n, name in enumerate((*BEHAVIOUR, CONSENT_CHANGED, ERASED))}
_PURCHASE = _TYPES["purchase"]
_OTHER = -1
_MIX = np.uint64(0x9E3779B97F4A7C15)
_WEIGHT = np.array([BOUGHT_WEIGHT if t == "purchase" else TOUCHING.get(t, 0.0) for t in _TYPES], np.float32)


class ColumnHistory(NamedTuple):
    """The interactions, how many events may be used, of how many people, and when the last one that the log permits was."""

    interactions: Interactions
    events: int
    people: int
    until_ms: int
    persons: Sequence[str] = ()
    """Everybody of whom an event counts: first those of the interactions by number, then who touched nothing."""


class _Events(NamedTuple):
    """One row an event, in the log's order; `id_hash` tells a person's ids apart, `key` its sessions."""

    person: Numbers
    kind: NDArray[np.int8]
    consent: Numbers
    at_ms: Longs
    id_hash: Longs
    key: NDArray[np.uint64]


class _Lines(NamedTuple):
    """One row for each item of each event."""

    event: Numbers
    item: Numbers


def interactions_of(
    batches: Iterable[Any],
    number: Mapping[str, int],
    purposes: int,
    denied: Denied = lambda persons: (),
) -> ColumnHistory:
    """Of the events in these batches (pyarrow; of one tenant) that may be used for all `purposes`, with the items in `number`.

    `purposes` hold personalization: the fold counts nothing else.
    """
    people: dict[str, int] = {}
    parts, lines = [_nothing()], [_Lines(np.empty(0, np.int32), np.empty(0, np.int32))]
    first, joined, joined_until = 0, 1, 0
    for batch in batches:
        parts.append(_events(batch, people))
        lines.append(_lines(batch.column("item_ids"), number, first))
        first += batch.num_rows
        if first - joined_until >= JOINED_ROWS:
            parts[joined:] = [_Events(*_joined(parts[joined:]))]
            lines[joined:] = [_Lines(*_joined(lines[joined:]))]
            joined, joined_until = joined + 1, first
    events = _Events(*_joined(parts))
    event, item = _joined(lines)
    names = list(people)
    allowed = _permitted(events, purposes)
    refused = [people[name] for name in denied([names[n] for n in _distinct(events.person[allowed]).tolist()])]
    until_ms = int(events.at_ms[allowed].max(initial=0))
    events = events._replace(consent=_nothing().consent)  # what is done with is let go: the columns are large
    allowed &= ~np.isin(events.person, np.array(refused, np.int32))
    counts = allowed & ~_repeats(events, allowed)
    events = events._replace(id_hash=_nothing().id_hash)
    touching = counts & _touching(events.kind)
    kept = touching[event]
    event, item = event[kept], item[kept]
    used, people_left = int(allowed.sum()), len(_distinct(events.person[allowed]))
    met, others = (_order_met(events.person[rows]) for rows in (touching, counts))
    persons = [names[n] for n in np.concatenate([met, others[~np.isin(others, met)]]).tolist()]
    return ColumnHistory(_interactions(events, touching, event, item), used, people_left, until_ms, persons)


def _events(batch: Any, people: dict[str, int]) -> _Events:
    kind = np.array([_TYPES.get(name, _OTHER) for name in _encoded(batch.column("type"), lambda name: name)], np.int8)
    persons = batch.column("person").to_pylist()
    named = [name if name is not None else "" for name in persons]
    ids = [name or "" for name in batch.column("event_id").to_pylist()]
    sessions = batch.column("session").to_pylist()
    keys: dict[tuple[str, str], int] = {}
    key = np.zeros(len(kind), np.uint64)
    for row in np.flatnonzero(_touching(kind)).tolist():
        which = named[row], sessions[row] or ids[row]
        known = keys.get(which)
        if known is None:
            known = keys[which] = session_key(*which)
        key[row] = known
    return _Events(
        person=np.fromiter((people.setdefault(name, len(people)) for name in named), np.int32, len(named)),
        kind=kind,
        consent=np.asarray(batch.column("consent").fill_null(0)).astype(np.int32),
        at_ms=np.asarray(batch.column("timestamp_ms").fill_null(0)).astype(np.int64),
        id_hash=np.fromiter(map(hash, ids), np.int64, len(ids)),
        key=key,
    )


def _joined(parts: list[Any]) -> Iterator[Any]:
    """The columns of parts, one after another: of each the pieces are let go before the next. Empties `parts`."""
    columns = [list(column) for column in zip(*parts, strict=True)]
    parts.clear()
    while columns:
        yield np.concatenate(columns.pop(0))


def _encoded(column: Any, made: Callable[[str | None], Any]) -> list[Any]:
    """Each value as `made` gives it, made once for each that is different."""
    coded = column.dictionary_encode()
    values = [made(value) for value in coded.dictionary.to_pylist()]
    return [None if n is None else values[n] for n in coded.indices.to_pylist()]


def _lines(column: Any, number: Mapping[str, int], first: int) -> _Lines:
    """Of the items that are in `number`, each once an event, ascending; events count from `first`."""
    lengths = np.asarray(column.value_lengths().fill_null(0)).astype(np.int64)
    coded = column.flatten().dictionary_encode()
    numbers = np.array([number.get(value, -1) for value in coded.dictionary.to_pylist()], np.int32)
    item = numbers[np.asarray(coded.indices)] if len(coded) else np.empty(0, np.int32)
    event = np.repeat(np.arange(first, first + len(lengths), dtype=np.int32), lengths)
    place = np.arange(len(event)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    good = (item >= 0) & (place < MAX_EVENT_ITEMS)
    event, item = event[good], item[good]
    order = np.lexsort((item, event))
    event, item = event[order], item[order]
    once = np.ones(len(event), np.bool_)
    once[1:] = (np.diff(event) != 0) | (np.diff(item) != 0)
    return _Lines(event[once], item[once])


def _permitted(events: _Events, purposes: int) -> Mask:
    """As `rayce.history.read_history`: by the moment of acceptance and by what the log has told until its end.

    Most people never change their mind: what they said with each event is all there is to it. The others are gone into.
    """
    control = events.kind >= _TYPES[CONSENT_CHANGED]
    permitted: Mask = (events.kind >= 0) & ~control & (events.consent & purposes == purposes)
    first_word = np.zeros(int(events.person.max(initial=-1)) + 1, np.int32)
    first_word[events.person] = events.consent
    changing = np.zeros(len(first_word), np.bool_)
    changing[events.person[control | (events.consent != first_word[events.person])]] = True
    some = np.flatnonzero(changing[events.person])
    if len(some):
        of_some: list[Any] = [column[some] for column in events]
        permitted[some] = _permitted_of_changing(_Events(*of_some), purposes)
    return permitted


def _permitted_of_changing(events: _Events, purposes: int) -> Mask:
    order = np.argsort(events.person, kind="stable")
    person, kind, consent = events.person[order], events.kind[order], events.consent[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.diff(person) != 0
    group = np.cumsum(begins) - 1
    control = kind >= _TYPES[CONSENT_CHANGED]
    says = np.where(kind == _TYPES[ERASED], 0, consent)
    # What is known before a row: the last control event's word, or else that of the first event that allows personalization.
    at = np.arange(len(order))
    last_control = np.maximum.accumulate(np.where(control, at, -1)) if len(at) else at
    start = np.flatnonzero(begins)[group] if len(at) else at
    told = last_control >= start
    allows = (kind >= 0) & ~control & (consent & PERSONALIZATION > 0) & ~told
    earliest = np.full(int(group[-1]) + 1 if len(at) else 0, len(order))
    np.minimum.at(earliest, group[allows], at[allows])
    since = earliest[group] if len(at) else at
    first_word = (
        np.where(since < at, consent[np.minimum(since, max(len(order) - 1, 0))], consent) if len(at) else consent
    )
    known = np.where(told, says[np.maximum(last_control, 0)], first_word) if len(at) else consent
    good = (kind >= 0) & ~control & (consent & known & purposes == purposes)
    withdrawn = np.where(control & (says & purposes != purposes), at, -1)
    latest = np.full(len(earliest), -1)
    np.maximum.at(latest, group, withdrawn)
    good &= at > latest[group] if len(at) else good
    permitted = np.zeros(len(order), np.bool_)
    permitted[order] = good
    return permitted


def _repeats(events: _Events, allowed: Mask) -> Mask:
    """Which events were counted before, as the fold tells."""
    repeats = np.zeros(len(allowed), np.bool_)
    # one number of both: what falls together by chance is told apart below
    both = events.person[allowed].astype(np.uint64)
    both *= _MIX
    both += events.id_hash[allowed].view(np.uint64)
    ordered = np.sort(both)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if not len(again):
        return repeats
    rows = np.flatnonzero(allowed)
    twice = _distinct(events.person[rows[np.isin(both, again)]])
    suspects = rows[np.isin(events.person[rows], twice)]
    kept: dict[int, tuple[bytes, int]] = {}
    for row in suspects.tolist():
        who = int(events.person[row])
        ids, last_ms = kept.get(who, (b"", 0))
        digest = int(events.id_hash[row]).to_bytes(8, "big", signed=True)[2:]
        if counted(ids, digest):
            repeats[row] = True
            continue
        last_ms = max(last_ms, int(events.at_ms[row]))
        kept[who] = count_in(ids, digest, last_ms), last_ms
    return repeats


def _interactions(events: _Events, touching: Mask, event: Numbers, item: Numbers) -> Interactions:
    """Of these lines, all of `touching` events. People and sessions are numbered as they are met in touching events, whether
    their items are known or not, as `gather` does.
    """
    of = (np.cumsum(touching, dtype=np.int32) - 1)[event]
    session, keys = _as_met(events.key[touching])
    session = session[of]
    met = _order_met(person := events.person[touching])
    number = np.empty(int(met.max(initial=-1)) + 1, np.int32)
    number[met] = np.arange(len(met), dtype=np.int32)
    person, kind = number[person[of]], events.kind[event]
    zeros = np.zeros(len(event), np.int32)
    return Interactions(
        person=person,
        session=session,
        item=item,
        at_ms=events.at_ms[event],
        bought=kind == _PURCHASE,
        kind=zeros,
        member_bits=[frozenset()],
        weight=_WEIGHT[kind],
        country=zeros,
        countries=[""],
        session_keys=keys,
    )


def _touching(kind: NDArray[np.int8]) -> Mask:
    return (kind >= 0) & (_WEIGHT[kind] > 0)


def _as_met(values: NDArray[np.uint64]) -> tuple[Numbers, NDArray[np.uint64]]:
    """Numbers from 0 in the order in which the values are met, and the values by number. In little memory: they are many."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begins = np.ones(len(values), np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    first, distinct = order[begins], ordered[begins]
    del ordered
    by_first = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int32)
    rank[by_first] = np.arange(len(first), dtype=np.int32)
    number = np.empty(len(values), np.int32)
    number[order] = rank[np.cumsum(begins, dtype=np.int32) - 1]
    return number, distinct[by_first]


def _order_met(values: Numbers) -> Longs:
    """The distinct values, which are small, in the order in which they are met."""
    first = np.full(int(values.max(initial=-1)) + 1, len(values))
    first[values[::-1]] = np.arange(len(values))[::-1]
    return np.argsort(first, kind="stable")[: int((first < len(values)).sum())]


def _distinct(values: Numbers) -> Longs:
    """The distinct values, which are small, ascending."""
    there = np.zeros(int(values.max(initial=-1)) + 1, np.bool_)
    there[values] = True
    return np.flatnonzero(there)


def _nothing() -> _Events:
    return _Events(
        person=np.empty(0, np.int32),
        kind=np.empty(0, np.int8),
        consent=np.empty(0, np.int32),
        at_ms=np.empty(0, np.int64),
        id_hash=np.empty(0, np.int64),
        key=np.empty(0, np.uint64),
    )
