"""Lists that other weights make worse than the live ones are published only by force."""

from msgspec.structs import replace

from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import run
from rayce.lists.generation import ListsGeneration
from rayce.precomputed import encode_list
from rayce.stores.memory import MemoryDurable
from tests.jobs.shop import filled, history, make_job, records

NAME = "shop/lists"


def with_live_lists(foreseeing: bool) -> MemoryDurable:
    """Live lists as of day 150, made by other weights: of one product, or of what everybody buys afterwards."""
    durable = filled()
    early = records(history(days=150))
    assert run("build", build_affinities, make_job(early, durable)) == 0
    assert run("recommend", build_recommendations, make_job(early, durable)) == 0
    made = ListsGeneration.from_files(durable.load_generation(NAME, 1))
    other = replace(made.manifest, weights=replace(made.manifest.weights, until_ms=1))
    number = durable.publish(NAME, made._replace(manifest=other).to_files())
    since: dict[str, dict[str, float]] = {each.person: {"nails": 1.0} for each in history()}
    for each in history():
        if foreseeing and each.timestamp_ms > made.manifest.as_of_ms:
            since[each.person] = {line.item_id: 1.0 for line in each.items} | since[each.person]
    durable.save_lists(number, [(person, encode_list(list(bought.items()))) for person, bought in since.items()])
    durable.make_live(NAME, number)
    return durable


def test_what_is_worse_is_not_published_without_force() -> None:
    durable, said = with_live_lists(foreseeing=True), list[str]()
    job = make_job(records(history()), durable, say=said.append)
    assert run("recommend", build_recommendations, job) == 3
    assert "worse than the live one: ndcg_at_10" in said[-1]
    assert durable.live()[NAME] == 2 and durable.numbers(NAME) == [1, 2]
    assert run("recommend", build_recommendations, job._replace(force=True)) == 0
    assert durable.live()[NAME] == 3


def test_what_is_better_is_published() -> None:
    durable, said = with_live_lists(foreseeing=False), list[str]()
    assert run("recommend", build_recommendations, make_job(records(history()), durable, say=said.append)) == 0
    assert any("against the live lists: not worse" in line for line in said)
    assert durable.live()[NAME] == 3
