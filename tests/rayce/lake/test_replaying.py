"""Replay from the lake equals live memory, to the bit: the stream's own worker on one side, the lake on the other."""

from pathlib import Path

from cluster.stream.worker import Worker
from rayce.event import Event, encode_event
from rayce.features.feature_set import ALL
from rayce.fold import fold
from rayce.lake.reading import open_lake
from rayce.lake.replaying import compare, features_of, sample_people
from rayce.lake.table import LakeTable
from rayce.profile import Profile, decode_profile, encode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.settings import StreamSettings
from rayce.stores.interfaces import EVENTS, Save
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from rayce.stores.memory_log import MemoryLog
from tests.rayce.lake.lakes import a_table, append, settings
from tests.samples import T0, event

PEOPLE, PARTITIONS = 60, 3
KINDS = ("view", "click", "add_to_cart", "purchase", "search", "remove_from_cart", "login", "view")


def shop_log() -> MemoryLog:
    """Some weeks of a shop: repeats, late events, withdrawals, an erasure, an override, and what is no event at all."""
    log = MemoryLog(PARTITIONS)
    made: list[Event] = []
    for number in range(1_500):
        who = number * 7 % PEOPLE
        at = T0 + number * 1_300_000 - (number % 11 == 0) * 90_000_000
        made.append(
            event(KINDS[number % 8], f"p{number % 13}", at=at, who=who, event_id=f"e{number - (number % 17 == 0)}")
        )
        if number % 97 == 0:
            made.append(event("consent_changed", at=at, who=who, consent=number % 2, event_id=f"c{number}"))
        if number == 700:
            made.append(event("erased", at=at, who=who, consent=0, event_id="gone"))
    log.write_all_now(EVENTS, [(each.person.encode(), encode_event(each)) for each in made])
    log.write_now(EVENTS, b"junk", key=made[0].person.encode())
    return log


def live(log: MemoryLog) -> MemoryDurable:
    """What the stream makes of the log."""
    durable = MemoryDurable()
    catalogue = load_catalogue()
    worker = Worker(
        reader=log.reader((), 200),
        durable=durable,
        hot=MemoryHot(),
        dead_letter=lambda record, reason: None,
        catalogue_of=lambda: catalogue,
        models_of=lambda tenant: {},
        settings=StreamSettings(cached_users=10),
        partitions=range(PARTITIONS),
        announcer=log.announcer(),
        threaded=False,
    )
    for _ in range(60):
        worker.step()
    worker.stop()
    worker.run()
    return durable


def lake_of(log: MemoryLog, folder: Path, records: int | None = None) -> LakeTable:
    table = a_table(folder)
    for partition in range(PARTITIONS):
        values = [record.value for record in log.read(partition, 0, 1_000_000)][:records]
        for at in range(0, len(values), 100):
            append(table, partition, values[at : at + 100], PARTITIONS)
    return table


def test_a_replay_from_the_lake_gives_the_live_features_to_the_bit(tmp_path: Path) -> None:
    log = shop_log()
    stored = sample_people(live(log), 1_000)
    assert len(stored) == PEOPLE
    assert any(decode_profile(each.state).flags for each in stored.values()), "live memory has segments, too"
    lake_of(log, tmp_path)
    found = compare(open_lake(settings(tmp_path)), stored, ALL)
    assert found == (PEOPLE, [], [])


def test_one_event_that_counts_otherwise_is_found(tmp_path: Path) -> None:
    log = shop_log()
    stored = sample_people(live(log), PEOPLE)
    person, profile = next(item for item in sorted(stored.items()) if decode_profile(item[1].state).events)
    other = fold(decode_profile(profile.state), event("view", "p99", at=T0, event_id="never sent"))
    stored[person] = profile._replace(state=encode_profile(other))
    lake_of(log, tmp_path)
    found = compare(open_lake(settings(tmp_path)), stored, ALL)
    assert found == (PEOPLE - 1, [person], [])


def test_a_row_that_is_missing_or_there_twice_is_found(tmp_path: Path) -> None:
    log = shop_log()
    stored = sample_people(live(log), PEOPLE)
    table = lake_of(log, tmp_path)
    assert table.delete("event_id = 'e1400'") >= 1
    found = compare(open_lake(settings(tmp_path)), stored, ALL)
    assert len(found.different) == 1


def test_who_is_further_than_the_lake_is_told_apart(tmp_path: Path) -> None:
    log = shop_log()
    stored = sample_people(live(log), PEOPLE)
    lake_of(log, tmp_path, records=50)
    found = compare(open_lake(settings(tmp_path)), stored, ALL)
    assert found.different == [] and len(found.behind) + found.same == PEOPLE and len(found.behind) > PEOPLE / 2


def test_only_so_many_are_looked_at() -> None:
    durable = MemoryDurable()
    saves = [Save(event(who=who).person, encode_profile(Profile()), who) for who in range(30)]
    durable.save_profiles(0, durable.acquire(0).epoch, saves)
    assert len(sample_people(durable, 7)) == 7


def test_segments_are_left_out_of_the_comparison() -> None:
    profile = Profile(events=3, flags=5, short_lived=((1, 2),), scores={"m": 0.5}, inputs={"m": 7})
    assert features_of(profile) == features_of(Profile(events=3)) != features_of(Profile(events=4))
