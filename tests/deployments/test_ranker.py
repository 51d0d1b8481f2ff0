"""The ranker: many are answered as one is, each by its own tenant's shelf and model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deployments import ranker as ranker_module
from deployments.asks import RankAsk as Ask
from deployments.asks import RankReply
from deployments.ranker import MAX_SHADOWS, Ranker
from rayce.candidates import Wish
from rayce.documents import MODELS, activate_document, document_parser
from rayce.event import Event
from rayce.generations import LiveGenerations, generation_name
from rayce.metrics import Metrics
from rayce.model_routing import kind_of, parse_routing
from rayce.precomputed import encode_list
from rayce.profile import Profile, encode_profile
from rayce.ranking import Matrix, rank
from rayce.ranking import Ranker as Model
from rayce.segments.catalogue import load_catalogue
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.samples import T0, event, folded, histories
from tests.shops import ITEMS, ByPopularity, make_shelf

STATE = encode_profile(folded(event("view", "p5")))


def ranker_of(*tenants: str, shelf: bool = True, model: bool = True) -> Ranker:
    durable = MemoryDurable()
    for n, tenant in enumerate(tenants):
        for kind, wanted, files in (("shelf", shelf, make_shelf(ITEMS[n:]).to_files()), ("ranker", model, {})):
            if wanted:
                name = generation_name(tenant, kind)
                durable.make_live(name, durable.publish(name, files))
    live = LiveGenerations(durable, {"shelf": Shelf.from_files, "ranker": lambda files: ByPopularity()}, 60)
    live.refresh()
    return Ranker(live, 200, load_catalogue)


def ask(tenant: str = "shop", state: bytes | None = None, listed: bytes | None = None, **wish: object) -> Ask:
    return Ask(tenant, state, listed, Wish(**wish), T0)  # type: ignore[arg-type]


def test_it_ranks_as_the_library_does() -> None:
    (found,) = ranker_of("shop").rank_many([ask(state=STATE, limit=4)])
    assert found is not None
    assert found.items == rank(make_shelf(), ByPopularity(), folded(event("view", "p5")), [], Wish(limit=4), T0, 200)
    assert [item.item_id for item in found.items][:2] == ["p6", "p7"]


@given(st.lists(st.tuples(histories(people=1, most=6), st.integers(1, 5)), max_size=6))
def test_many_are_answered_as_one_is(people: list[tuple[list[Event], int]]) -> None:
    ranker = ranker_of("shop")
    asks = [ask(state=encode_profile(folded(*history)), limit=limit) for history, limit in people]
    assert ranker.rank_many(asks) == [ranker.rank_many([each])[0] for each in asks]


def test_each_tenant_has_its_own_shelf() -> None:
    one, two = ranker_of("shop", "other").rank_many([ask("shop", limit=1), ask("other", limit=1)])
    assert one is not None and two is not None
    assert (one.items[0].item_id, two.items[0].item_id) == ("p0", "p1")


def test_without_shelf_or_model_the_answer_is_none() -> None:
    for ranker in (ranker_of(), ranker_of("shop", model=False), ranker_of("shop", shelf=False)):
        assert ranker.rank_many([ask()]) == [None]


@pytest.mark.parametrize(
    "bad", [ask(state=b"\xc1"), ask(state=encode_profile(Profile(version=99))), ask(state=STATE, listed=b"\xc1")]
)
def test_one_who_cannot_be_read_gets_none_and_the_others_their_replies(bad: Ask) -> None:
    good = ask(state=STATE, listed=encode_list([("p9", 1.0)]))
    found = ranker_of("shop").rank_many([good, bad, good])
    assert found[1] is None and found[0] == found[2] is not None


class Sick(ByPopularity):
    """Falls ill when told to."""

    ill = False

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        return np.full(len(rows), np.nan) if self.ill else super().score_many(rows)


class Upside(ByPopularity):
    """The opposite of what is popular."""

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        return -super().score_many(rows)


class Stage:
    """A tenant with several models and a routing document."""

    def __init__(self, routing: str = "version: 1", **models: Model) -> None:
        self.durable, self.metrics, self.models = MemoryDurable(), Metrics(), models
        self.publish("shelf", make_shelf().to_files())
        for name in models:
            self.publish(kind_of(name), {"model": name.encode()})
        activate_document(self.durable, "shop", MODELS, routing, parse_routing, T0)
        parsers = {
            "shelf": Shelf.from_files,
            "ranker": lambda files: self.models[files["model"].decode()],
            MODELS: document_parser(parse_routing),
        }
        self.live = LiveGenerations(self.durable, parsers, 60)
        self.live.refresh()
        self.ranker = Ranker(self.live, 200, load_catalogue, self.metrics)

    def publish(self, kind: str, files: dict[str, bytes]) -> None:
        name = generation_name("shop", kind)
        self.durable.make_live(name, self.durable.publish(name, files))

    def ask(self, who: str = "k1:a", **more: object) -> RankReply:
        return self.ranker.rank_many([ask(state=STATE)._replace(who=who, **more)])[0]  # type: ignore[arg-type]


def dealt_to(stage: Stage, people: int = 60) -> dict[str, str]:
    found = {}
    for n in range(people):
        reply = stage.ask(f"k1:{n}")
        assert reply is not None
        found[f"k1:{n}"] = reply.model
    return found


def test_traffic_is_split_among_models_and_the_reply_says_which() -> None:
    split = "split: [{model: next, share: 0.3}, {model: shuffle, share: 0.2}, {model: noop, share: 0.2}]"
    stage = Stage(split, default=ByPopularity(), next=ByPopularity())
    found = dealt_to(stage)
    assert set(found.values()) == {"next", "shuffle", "noop", "default"}
    assert dealt_to(stage) == found
    counted = dict(stage.metrics.values("rayce_ranked_total"))
    assert counted[("next",)] == 2 * list(found.values()).count("next")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 6)), min_size=1, max_size=8))
def test_many_are_answered_as_one_is_by_every_model(asked: list[tuple[int, int]]) -> None:
    split = "split: [{model: next, share: 0.3}, {model: shuffle, share: 0.3}, {model: noop, share: 0.2}]"
    stage = Stage(split, default=ByPopularity(), next=ByPopularity())
    asks = [ask(state=STATE, limit=limit)._replace(who=f"k1:{who}") for who, limit in asked]
    together, alone = stage.ranker.rank_many(asks), [stage.ranker.rank_many([each])[0] for each in asks]
    assert together == alone
    assert [reply and reply.model for reply in together] == [reply and reply.model for reply in alone]


def test_a_model_that_is_not_there_is_stood_in_for_by_the_default() -> None:
    stage = Stage("split: [{model: nowhere, share: 1}]", default=ByPopularity())
    reply = stage.ask()
    assert reply is not None and reply.model == "default"


def test_a_model_that_falls_ill_is_stood_in_for_and_then_left() -> None:
    good, sick = ByPopularity(), Sick()
    stage = Stage(default=good)
    assert stage.ask() is not None
    stage.models["default"] = sick
    stage.publish("ranker", {"model": b"default"})
    stage.live.refresh()
    well = stage.ask()
    assert well is not None and well.generation == 2
    sick.ill = True
    replies = [stage.ask() for _ in range(6)]
    assert all(reply is None or reply.items == well.items for reply in replies), "never scores that are no numbers"
    assert replies[-1] is not None and replies[-1].generation == 1
    assert stage.metrics.values("rayce_models_left_total") == [(("default", "returned"), 1)]


def test_of_two_models_the_ill_one_fails_nobody() -> None:
    sick = Sick()
    stage = Stage("split: [{model: next, share: 1}]", default=ByPopularity(), next=sick)
    assert stage.ask() is not None
    sick.ill = True
    reply = stage.ask()
    assert reply is not None and reply.model == "default"


def test_a_bug_in_finding_candidates_is_not_taken_for_a_bad_model(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(default=ByPopularity())
    monkeypatch.setattr(ranker_module, "find_candidates", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stage.ask()


def test_a_shadow_is_scored_when_the_reply_is_out_and_never_shown() -> None:
    stage = Stage("shadow: [{model: next, share: 1}]", default=ByPopularity(), next=Upside())
    shown = stage.ask()
    assert shown is not None and shown.model == "default"
    assert stage.metrics.values("rayce_shadows_total") == []
    assert stage.ranker.has_shadows and stage.ranker.shadow_one() and not stage.ranker.shadow_one()
    assert stage.metrics.values("rayce_shadows_total") == [(("next",), 1)]
    ((_model, correlated),) = stage.metrics.values("rayce_shadow_correlation_total")
    assert correlated == pytest.approx(-1)


def test_shadows_that_nobody_gets_to_are_dropped() -> None:
    stage = Stage("shadow: [{model: next, share: 1}]", default=ByPopularity(), next=Upside())
    for _ in range(MAX_SHADOWS + 10):
        stage.ask()
    scored = 0
    while stage.ranker.shadow_one():
        scored += 1
    assert scored == MAX_SHADOWS


def test_a_shadow_that_raises_harms_nobody() -> None:
    class Raises(ByPopularity):
        def score_many(self, rows: Matrix) -> NDArray[np.float64]:
            raise ValueError

    stage = Stage("shadow: [{model: next, share: 1}]", default=ByPopularity(), next=ByPopularity())
    assert stage.ask() is not None
    stage.models["next"] = Raises()
    stage.publish("ranker.next", {"model": b"next"})
    stage.live.refresh()
    assert stage.ranker.shadow_one()
    assert stage.ask() is not None


def test_who_cannot_be_waiting_any_more_is_not_ranked_for() -> None:
    """The clock moves a millisecond at every look."""
    stage = Stage(default=ByPopularity())
    looks = iter(range(10_000))
    ranker = Ranker(stage.live, 200, load_catalogue, clock=lambda: next(looks) / 1000)
    asks = [ask(limit=n + 1)._replace(within_ms=2) for n in range(5)]
    found = [reply is not None for reply in ranker.rank_many(asks)]
    assert found == [True, True, True, False, False]
