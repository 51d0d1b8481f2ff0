"""The stream and the live catalogue: taken up between batches, waited for while uncertain; jobs set what is theirs."""

import asyncio

from rayce.errors import Unavailable
from rayce.generations import LiveGenerations
from rayce.live_catalogue import KIND, LiveCatalogue, activate, catalogue_parser
from rayce.profile import decode_profile
from rayce.segments.catalogue import Catalogue, parse_catalogue
from rayce.segments.flags import unpack_flags
from rayce.segments.tally import Tally
from tests.cluster.stream.world import World, wait_until
from tests.samples import T0, event, person

OLD = parse_catalogue("""
version: 1
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 1}}
""")
NEW = """
version: 2
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 1}}
  - {name: looker, bit: 1, kind: rule, triggers: [view], when: {feature: views, ge: 1}}
  - {name: chosen, bit: 2, kind: batch}
"""


def flags_of(world: World, who: int = 1) -> int:
    return decode_profile(world.states()[person(who)]).flags


def test_a_catalogue_is_taken_up_between_two_batches_without_a_restart() -> None:
    world = World(OLD)
    live = LiveGenerations(world.durable, {KIND: catalogue_parser()}, 60)
    live.start()
    catalogue = LiveCatalogue(live, OLD)
    world.catalogue_of = catalogue.certain
    running = world.start()
    world.send([event("view", at=T0)])
    world.work_off(running)
    assert flags_of(world) == 0
    activate(world.durable, NEW, OLD, T0)
    live.refresh()
    world.send([event("view", at=T0 + 1)])
    world.work_off(running)
    running.stop()
    live.stop()
    assert running.error is None and flags_of(world) == 1 << 1


def test_while_it_is_not_known_which_is_live_nothing_is_folded_and_nothing_is_lost() -> None:
    world = World(OLD)
    asked, known = [0], [False]

    def catalogue_of() -> Catalogue:
        asked[0] += 1
        if not known[0]:
            raise Unavailable("dynamodb", "not known yet")
        return parse_catalogue(NEW)

    world.catalogue_of = catalogue_of
    running = world.start()
    world.send([event("view", at=T0)])
    wait_until(lambda: asked[0] > 3)
    assert world.states() == {} and world.shown() == {}
    known[0] = True
    world.work_off(running)
    running.stop()
    assert flags_of(world) == 1 << 1


def test_a_job_sets_a_segment_through_the_log_and_it_is_shown_counted_and_kept() -> None:
    world = World(parse_catalogue(NEW))
    world.send(
        [
            event("view", at=T0),
            event("segment_override", at=T0 + 1, properties={"chosen": True, "buyer": True}),
            event("segment_override", at=T0 + 2, who=2, properties={"chosen": True}),
        ]
    )
    world.work_off_in_order()
    assert flags_of(world) == 0b110, "and only what is of the kind batch"
    (row,) = asyncio.run(world.hot.read_flags([person(1)]))
    assert unpack_flags(row.value or b"", T0 // 1000).permanent == 0b110
    tallies = [Tally.from_bytes(world.durable.acquire(p).tally) for p in range(2)]
    assert sum(tally.size(2, T0 // 1000, "shop") for tally in tallies) == 1
    assert world.dead == []


def test_the_same_override_again_changes_nothing() -> None:
    world = World(parse_catalogue(NEW))
    over = event("segment_override", at=T0 + 1, properties={"2": True})
    world.send([event("view", at=T0), over, over])
    world.work_off_in_order()
    assert flags_of(world) == 0b110
    world.send([event("segment_override", at=T0 + 2, properties={"chosen": False})])
    world.work_off_in_order()
    assert flags_of(world) == 0b010
