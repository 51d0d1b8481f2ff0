import argparse
from pathlib import Path

import pytest
from msgspec.structs import replace

from jobs.build_affinities import build_affinities
from jobs.job import run
from jobs.pinned_input import PinnedInput
from jobs.sources import LakeEvents
from jobs.train_segment_models import train_segment_models
from rayce.checkpoint import Checkpoint
from rayce.consent import Consent
from rayce.errors import InvalidInput
from rayce.item import Item, encode_item
from rayce.lake.event_rows import event_rows
from rayce.lake.reading import open_lake
from rayce.lake.records import Chunk, Origin
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table
from rayce.shelf import Popular, Shelf
from rayce.stores.memory import MemoryDurable
from tests.jobs.mortal import die_in
from tests.jobs.shop import ITEMS, PAIRS, PEOPLE, filled, history, make_job, records
from tests.samples import person


def shelf_of(durable: MemoryDurable) -> Shelf:
    return Shelf.from_files(durable.load_generation("shop/shelf", durable.live()["shop/shelf"]))


def popular_of(durable: MemoryDurable) -> Popular:
    return Popular.from_files(durable.load_generation("shop/popular", durable.live()["shop/popular"]))


@pytest.fixture(scope="module")
def built() -> MemoryDurable:
    durable = filled()
    assert run("build", build_affinities, make_job(records(history()), durable)) == 0
    return durable


@pytest.mark.parametrize(("one", "other"), [*PAIRS.items(), *((other, one) for one, other in PAIRS.items())])
def test_what_is_bought_together_are_neighbours(built: MemoryDurable, one: str, other: str) -> None:
    shelf = shelf_of(built)
    assert shelf.ids[shelf.neighbours[shelf.number[one], 0]] == other


def test_the_shelf_holds_the_whole_catalogue_in_order_of_id(built: MemoryDurable) -> None:
    assert shelf_of(built).ids == sorted(item.item_id for item in ITEMS)


def test_what_many_buy_is_popular(built: MemoryDurable) -> None:
    everybody = [item for item, _score in popular_of(built).everybody]
    assert everybody[0] == "p00"
    assert everybody.index("p01") < everybody.index("p20")


def test_a_segment_has_the_list_of_what_its_members_bought(built: MemoryDurable) -> None:
    segments = popular_of(built).segments
    assert {"repeat_buyer", "frequent_shopper"} <= segments.keys()
    bought_by_odd_ones_only = {item.item_id for item in ITEMS} & {f"p{30 + who % 10:02}" for who in PEOPLE if who % 2}
    assert not bought_by_odd_ones_only & {item for item, _score in segments["frequent_shopper"]}
    assert bought_by_odd_ones_only <= {item for item, _score in segments["repeat_buyer"]}


def test_a_segment_of_few_people_has_no_list() -> None:
    durable = filled()
    assert run("build", build_affinities, make_job(records(history(people=range(1, 12))), durable)) == 0
    assert popular_of(durable).segments == {}
    assert popular_of(durable).everybody


def test_live_models_decide_on_their_segments() -> None:
    durable = filled()
    log = records(history())
    assert run("train", train_segment_models, make_job(log, durable)) == 0
    assert run("build", build_affinities, make_job(log, durable)) == 0
    assert "likely_to_buy_soon" in popular_of(durable).segments


def test_running_twice_gives_the_same_shelf(built: MemoryDurable) -> None:
    assert run("build", build_affinities, make_job(records(history()), built)) == 0
    assert built.live() == {"shop/shelf": 2, "shop/popular": 2}
    assert built.load_generation("shop/shelf", 1) == built.load_generation("shop/shelf", 2)


def test_a_log_without_events_leaves_what_is_live(built: MemoryDurable) -> None:
    live = built.live()
    assert run("build", build_affinities, make_job([], built)) == 2
    assert built.live() == live


def test_a_job_killed_before_both_are_written_leaves_both() -> None:
    durable = filled()
    log = records(history(days=30))
    assert run("build", build_affinities, make_job(log, durable)) == 0
    live = []
    assert (
        die_in(build_affinities, lambda mortal: make_job(log, mortal), durable, lambda: live.append(durable.live()))
        == 4
    )
    assert live[:3] == [{"shop/shelf": 1, "shop/popular": 1}] * 3


def test_the_generations_hold_the_sessions_and_what_is_trending(built: MemoryDurable) -> None:
    shelf = Shelf.with_sessions(built.load_generation("shop/shelf", built.live()["shop/shelf"]))
    assert shelf.sessions is not None
    assert "screws" in [shelf.ids[n] for n in shelf.sessions.near([shelf.number["nails"]], 3).items]
    trending = popular_of(built).trending
    assert trending.keys() == shelf.trending.keys() and "" in trending
    assert [item for item, _score in trending[""]] == [shelf.ids[n] for n in shelf.trending[""]]


def test_an_item_that_came_after_the_former_shelf_is_new_and_the_others_are_as_old_as_before() -> None:
    durable = filled()
    log = records(history(days=30))
    assert run("build", build_affinities, make_job(log, durable)) == 0
    before = shelf_of(durable)
    durable.save_items("shop", {"zebra": encode_item(Item("zebra"))})
    assert run("build", build_affinities, make_job(log, durable)) == 0
    after = shelf_of(durable)
    assert after.ids[after.newest[0]] == "zebra"
    assert after.added_ms[:-1].tolist() == before.added_ms.tolist()


def test_a_live_shelf_that_cannot_be_read_does_not_stop_the_next() -> None:
    durable = filled()
    durable.make_live("shop/shelf", durable.publish("shop/shelf", {"items.json": b"no"}))
    assert run("build", build_affinities, make_job(records(history(days=30)), durable)) == 0
    assert shelf_of(durable).ids


def test_it_says_which_blend_was_chosen_and_how_good_it_is() -> None:
    said: list[str] = []
    assert run("build", build_affinities, make_job(records(history()), filled(), say=said.append)) == 0
    line = next(each for each in said if each.startswith("neighbours: "))
    assert "cosine of sessions" in line and "MRR@20" in line and "cosine alone" in line


def test_an_item_that_nobody_touched_has_neighbours(built: MemoryDurable) -> None:
    durable = filled()
    durable.save_items("shop", {"zebra": encode_item(Item("zebra", "Product 7", ("shop", "group 2"), "brand 1", 1.7))})
    assert run("build", build_affinities, make_job(records(history(days=60)), durable)) == 0
    shelf = shelf_of(durable)
    assert shelf.ids[shelf.neighbours[shelf.number["zebra"], 0]] == "p07"
    assert "zebra" not in shelf_of(built).number


class KilledInside(BaseException):
    """The process is gone."""


def test_killed_at_every_step_and_started_again_it_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, durable, log = filled(), filled(), records(history(days=60))
    assert run("build", build_affinities, make_job(log, straight)) == 0
    job = make_job(log, durable)
    job = job._replace(settings=replace(job.settings, batch=replace(job.settings.batch, work_path=str(tmp_path))))
    put, made = Checkpoint.put, list[str]()

    def mortal(self: Checkpoint, name: str, body: bytes) -> None:
        put(self, name, body)
        made.append(name)
        raise KilledInside

    monkeypatch.setattr(Checkpoint, "put", mortal)
    for _ in range(20):
        try:
            assert run("build", build_affinities, job._replace(begun=[])) == 0
            break
        except KilledInside:
            assert durable.live() == {}
    assert len(made) == len(set(made)) == 4, "each step was made once"
    assert shelf_files(durable) == shelf_files(straight)


def shelf_files(durable: MemoryDurable) -> dict[str, bytes]:
    return durable.load_generation("shop/shelf", durable.live()["shop/shelf"])


def test_the_columns_of_the_lake_tell_what_the_fold_tells(tmp_path: Path) -> None:
    durable, log = filled(), records(history(days=60))
    assert run("build", build_affinities, make_job(log, durable)) == 0
    by_fold = Shelf.with_sessions(durable.load_generation("shop/shelf", 1))
    settings = LakeSettings(path=str(tmp_path / "lake"))
    create_table("events", settings)
    rows = event_rows(Chunk(0, range(len(log)), log, lambda n: Origin(b"k1:x", 0)))
    LakeTable("events", settings).append([rows], {0: len(log)}, 1)
    source = LakeEvents(open_lake(settings), "shop")
    job = make_job(log, durable)._replace(
        input=PinnedInput(source, None, lambda _: None), options=argparse.Namespace(columns=True)
    )
    assert run("build", build_affinities, job) == 0
    by_columns = Shelf.with_sessions(durable.load_generation("shop/shelf", 2))
    for name in ("neighbours", "neighbour_scores", "popularity", "added_ms", "popular"):
        assert getattr(by_columns, name).tolist() == getattr(by_fold, name).tolist(), name
    assert by_columns.sessions is not None and by_fold.sessions is not None
    assert by_columns.sessions.to_bytes() == by_fold.sessions.to_bytes()
    assert popular_of(durable).segments == {} and popular_of(durable).everybody, "nothing of segments"
    durable.save_consent(person(1), Consent(0, 2))
    assert run("build", build_affinities, job) == 0
    fewer = Shelf.from_files(durable.load_generation("shop/shelf", 3))
    assert fewer.popularity.sum() < by_fold.popularity.sum(), "who has withdrawn counts no more"


def test_columns_want_a_lake() -> None:
    job = make_job(records(history(days=30)))._replace(options=argparse.Namespace(columns=True))
    with pytest.raises(InvalidInput, match="lake"):
        build_affinities(job)
