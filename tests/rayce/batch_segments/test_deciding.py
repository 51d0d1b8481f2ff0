"""Batch equals live: the same rule, decided in a job for everybody at once, says of each what it says at an event."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.batch_segments import population
from rayce.batch_segments.deciding import decide, declared, likeness_features, live_leaves, reads_log, totals_of
from rayce.batch_segments.population import PERSON, Asked, part_of, together
from rayce.batch_segments.totals import Totals
from rayce.consent import PERSONALIZATION
from rayce.decay import DAY_MS
from rayce.event import Event, Line, encode_event
from rayce.features.feature_set import ALL
from rayce.profile import Profile, encode_profile
from rayce.segments.catalogue import Catalogue, parse_catalogue
from rayce.segments.compiled import compile_rule
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.rayce.segments.trees import comparisons, trees
from tests.samples import T0, event, folded, histories, person

NOW_MS = T0 + DAY_MS
real = trees(comparisons(tuple(ALL.numbers), tuple(ALL.words)))


def catalogue(batch: dict[str, Any]) -> Catalogue:
    segments = [{"name": "made", "bit": 4, "kind": "batch", "batch": batch}, {"name": "vip", "bit": 3, "kind": "batch"}]
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments}, allow_unicode=True))


def asked_of(durable: MemoryDurable, made: Catalogue, parts: int = 3) -> Asked:
    leaves, features = live_leaves(made.batch), likeness_features(made.batch, ALL)
    return Asked(lambda: durable, "shop", NOW_MS, ALL, leaves, tuple(made.segments), features, parts)


def durable_of(people: dict[str, Profile]) -> MemoryDurable:
    durable = MemoryDurable()
    saves = [Save(name, encode_profile(profile), n) for n, (name, profile) in enumerate(people.items())]
    durable.save_profiles(0, durable.acquire(0).epoch, saves)
    return durable


def decided(people: dict[str, Profile], made: Catalogue, totals: Totals | None = None) -> dict[str, bool]:
    asked = asked_of(durable_of(people), made)
    frame = together(part_of(asked, part) for part in range(asked.parts))
    found = decide("made", made.batch["made"], frame, totals, None, NOW_MS)
    return dict(zip(frame[PERSON].to_list(), found.members.tolist(), strict=True))


@settings(max_examples=60)
@given(real, st.lists(histories(people=1, most=8, person=st.just(person(1))), max_size=4))
def test_a_rule_says_in_a_job_what_it_says_at_an_event(tree: dict[str, Any], logs: list[list[Event]]) -> None:
    everybody = {person(n): folded(*log) for n, log in enumerate(logs)}
    made = catalogue({"when": tree})
    live = compile_rule(made.batch["made"].rule, made.features)  # type: ignore[arg-type]
    allowed = {n: p for n, p in everybody.items() if p.tenant == "shop" and p.events and p.purposes & PERSONALIZATION}
    assert decided(everybody, made) == {n: live(p, NOW_MS) for n, p in allowed.items()}


def test_a_mutant_that_takes_another_moment_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "Moment", lambda profile, now_ms: (profile, now_ms - 3 * DAY_MS))
    people = {person(1): folded(event("purchase", "p1", at=T0))}
    with pytest.raises(AssertionError):
        assert decided(people, catalogue({"when": {"feature": "days_since_purchase", "ge": 1}})) == {person(1): True}


def test_people_are_the_same_however_they_are_parted_and_in_whatever_order_they_were_saved() -> None:
    made = catalogue({"when": {"feature": "purchases", "ge": 1}})
    people = {person(n): folded(event("view", "p1", who=n)) for n in range(50)}
    other = dict(reversed(people.items()))
    frames = []
    for everybody, parts in ((people, 1), (other, 7)):
        asked = asked_of(durable_of(everybody), made, parts)
        frames.append(together(part_of(asked, part) for part in range(parts)))
    assert frames[0].equals(frames[1]) and frames[0][PERSON].is_sorted()
    one, two = (part_of(asked_of(durable_of(each), made), 1) for each in (people, other))
    assert one == two, "to the byte, as a checkpoint keeps it"


def test_a_profile_that_cannot_be_read_is_passed_over() -> None:
    durable = durable_of({person(1): folded(event("view", "p1"))})
    durable.save_profiles(0, durable.acquire(0).epoch, [Save(person(2), b"\xc1", 9)])
    made = catalogue({"when": {"feature": "events", "ge": 1}})
    assert together([part_of(asked_of(durable, made, 1), 0)])[PERSON].to_list() == [person(1)]


def test_scores_by_quantile_are_among_those_who_bought() -> None:
    log = [
        event("purchase", at=T0 - n * DAY_MS, who=n, lines=(Line("p", 1, 100.0 - n),), event_id=str(n))
        for n in range(1, 10)
    ]
    people = {person(n): folded(event("view", "p", who=n)) for n in range(1, 12)}
    made = catalogue(
        {
            "rfm": {"parts": 3},
            "when": {"all": [{"feature": "recency_score", "ge": 3}, {"feature": "monetary_score", "ge": 3}]},
        }
    )
    totals = Totals(totals_of(made.batch), "shop", NOW_MS)
    totals.take(map(encode_event, log))
    found = decided(people, made, totals)
    assert {n for n in range(1, 12) if found[person(n)]} == {1, 2, 3}


def test_what_needs_the_log_is_known() -> None:
    plain = catalogue({"when": {"feature": "purchases", "ge": 1}}).batch
    staged = catalogue({"lifecycle": {}, "when": {"feature": "lifecycle", "eq": "new"}}).batch
    assert not reads_log(plain) and reads_log(staged)
    assert declared(staged["made"].section) == {"lifecycle"} and live_leaves(staged) == ()
    assert list(totals_of(catalogue({"totals": {"a": {}}, "when": {"feature": "a", "ge": 1}}).batch)) == ["made.a"]


def test_two_segments_may_call_different_totals_by_one_name() -> None:
    text = """
    version: 1
    segments:
      - {name: one, bit: 1, kind: batch, batch: {totals: {it: {of: events}}, when: {feature: it, ge: 2}}}
      - {name: two, bit: 2, kind: batch, batch: {totals: {it: {of: pieces}}, when: {feature: it, ge: 2}}}
    """
    made = parse_catalogue(text)
    bought = event("purchase", at=T0, lines=(Line("p", 5),))
    totals = Totals(totals_of(made.batch), "shop", NOW_MS)
    totals.take([encode_event(bought)])
    frame = together([part_of(asked_of(durable_of({person(1): folded(bought)}), made, 1), 0)])
    found = {n: decide(n, d, frame, totals, None, NOW_MS).members.tolist() for n, d in made.batch.items()}
    assert found == {"one": [False], "two": [True]}


def test_seeds_are_the_members_of_another_segment() -> None:
    people = {
        person(n): folded(*(event("purchase", "p", who=n, at=T0 + i, consent=3) for i in range(1 + 5 * (n % 4 == 0))))
        for n in range(600)
    }
    for n in range(0, 600, 8):
        people[person(n)].flags = 1 << 3
    made = catalogue({"lookalike": {"segment": "vip", "size": 50, "features": ["purchases"]}})
    found = decided(people, made)
    members = {int(name[-4:], 16) for name, member in found.items() if member}
    assert len(members) == 50 and all(n % 8 == 4 for n in members)
