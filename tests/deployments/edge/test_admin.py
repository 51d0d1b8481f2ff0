"""The administration: documents are tried, go live and are taken back; other keys, own tenant, and stores away."""

import asyncio
import threading
from typing import Any

import pytest
from structlog.testing import capture_logs

from deployments.edge.admin.desk import MAX_WAITING, Desk
from deployments.edge.admin.documents import MAX_BYTES
from deployments.edge.admin.examples import EXAMPLES
from deployments.edge.admin.routes import admin_routes
from deployments.edge.problems import Problem
from deployments.edge.routes import Route
from rayce.documents import activate_document
from rayce.flip import Flip, decode_flip
from rayce.rules.rule_set import parse_rules
from rayce.stores.interfaces import MODELS as TOPIC
from tests.cluster.stream.world import PARTITIONS
from tests.deployments.administration import DOCUMENTS, NO_RULES, RULES, SEGMENTS, manage, put
from tests.deployments.asgi import call
from tests.deployments.edge.test_examples import shape
from tests.deployments.shop import Shop, items_of

pytestmark = pytest.mark.anyio

ROUTES = admin_routes(Desk(), bytes)


def target_of(route: Route) -> str:
    return EXAMPLES[route.method, route.path].target


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def told(shop: Shop) -> list[Flip]:
    """What the topic says went live."""
    records = [record for p in range(PARTITIONS) for record in shop.log.read(p, 0, 1_000, TOPIC)]
    return [flip for record in records if (flip := decode_flip(record.value)) is not None]


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_document_goes_live_is_read_back_as_it_was_sent_and_every_process_is_told(
    shop: Shop, kind: str
) -> None:
    assert (await manage(shop, "GET", f"/admin/{kind}")).status == 404
    reply = await manage(shop, "PUT", f"/admin/{kind}", DOCUMENTS[kind], "operator-key")
    assert (reply.status, reply.json["generation"], reply.json["before"]) == (200, 1, 0), reply
    assert reply.json["is_live"] and reply.headers["cache-control"] == "no-store"
    owner = "_/segment-catalogue" if kind == "segments" else f"shop/{kind}"
    assert [(flip.name, flip.number) for flip in told(shop)] == [(owner, 1)]
    assert shop.live.behind() == [owner], "this replica looks at once, should the topic be away"
    back = await manage(shop, "GET", f"/admin/{kind}")
    assert (back.status, back.body.decode()) == (200, DOCUMENTS[kind])
    assert (back.headers["rayce-generation"], back.headers["content-type"]) == ("1", "application/yaml")


async def test_rules_that_are_put_are_in_force_and_taken_back_they_are_not(shop: Shop) -> None:
    await shop.consent("ada")
    assert {"p2", "p5"} <= set(items_of(await shop.recommend()))
    await put(shop, "rules", NO_RULES)
    assert await put(shop, "rules", RULES) == 2
    assert not {"p2", "p5", "p8"} & set(items_of(await shop.recommend()))
    reply = await manage(shop, "POST", "/admin/rules/rollback")
    assert (reply.status, reply.json["generation"], reply.json["before"]) == (200, 1, 2)
    shop.live.refresh()
    assert {"p2", "p5"} <= set(items_of(await shop.recommend()))
    assert [flip.number for flip in told(shop)] == [1, 2, 1]


async def test_what_is_live_already_is_not_activated_again(shop: Shop) -> None:
    assert [await put(shop, "rules", RULES) for _again in range(2)] == [1, 1]
    assert len(told(shop)) == 1


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_dry_run_says_the_same_and_changes_nothing(shop: Shop, kind: str) -> None:
    dry = await manage(shop, "PUT", f"/admin/{kind}?dry_run=true", DOCUMENTS[kind], "operator-key")
    assert (dry.status, dry.json["is_live"], dry.json["generation"]) == (200, False, 0)
    assert shop.durable.live(f"shop/{kind}") == {} == shop.durable.live("_/")
    wet = await manage(shop, "PUT", f"/admin/{kind}", DOCUMENTS[kind], "operator-key")
    assert wet.json["notes"] == dry.json["notes"] != []


@pytest.mark.parametrize(
    "kind, text, key",
    [
        ("rules", RULES.replace("drop", "hide"), "rules[0].filter"),
        ("rules", RULES.replace("filter:", "audience: {segments: {any: [nobody]}}\n    filter:"), "rules[0].audience"),
        ("slots", DOCUMENTS["slots"].replace("show: loud", "show: other"), "slots[0].rules[0].show"),
        ("models", "version: 1\nsplit: [{model: a, share: 2}]", "split[0].share"),
        ("segments", SEGMENTS.replace("200", "-1"), "segments["),
        ("segments", SEGMENTS.replace("chosen", "renamed"), "segments.renamed.bit"),
        ("segments", SEGMENTS.replace("bit: 200", "bit: 0"), "segments["),
        ("rules", "{", ""),
        ("rules", "", ""),
        ("rules", "version: 1\nrules: 2020-01-01", "rules"),
    ],
)
async def test_what_does_not_hold_together_is_refused_by_key_and_changes_nothing(
    shop: Shop, kind: str, text: str, key: str
) -> None:
    await put(shop, kind, DOCUMENTS[kind])
    for query in ("", "?dry_run=true"):
        reply = await manage(shop, "PUT", f"/admin/{kind}{query}", text, "operator-key")
        assert reply.status == 422 and reply.json["key"].startswith(key), reply
    assert (await manage(shop, "GET", f"/admin/{kind}")).headers["rayce-generation"] == "1"


async def test_models_that_are_not_there_yet_are_noted(shop: Shop) -> None:
    reply = await manage(shop, "PUT", "/admin/models", DOCUMENTS["models"])
    assert reply.json["notes"] == ["`next` is not live: until it is, `default` ranks in its place"]


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_without_a_way_back_there_is_none(shop: Shop, kind: str) -> None:
    assert (await manage(shop, "POST", f"/admin/{kind}/rollback", key="operator-key")).status == 409
    await put(shop, kind, DOCUMENTS[kind])
    assert (await manage(shop, "POST", f"/admin/{kind}/rollback", key="operator-key")).status == 409


async def test_a_document_that_no_longer_holds_together_is_not_gone_back_to(shop: Shop) -> None:
    activate_document(shop.durable, "shop", "rules", "no: rules", lambda text: None, 0)
    await put(shop, "rules", RULES)
    reply = await manage(shop, "POST", "/admin/rules/rollback")
    assert reply.status == 409 and "cannot be used" in reply.json["detail"]
    assert (await manage(shop, "PUT", "/admin/generations/rules", {"number": 1})).status == 503
    assert shop.durable.live("shop/rules") == {"shop/rules": 2}


async def test_generations_are_listed_and_one_that_is_kept_can_be_made_live(shop: Shop) -> None:
    shop.publish()
    found = (await manage(shop, "GET", "/admin/generations")).json
    by_kind = {each["kind"]: each for each in found["generations"]}
    assert by_kind["shelf"] == {"kind": "shelf", "live": 2, "kept": [1, 2], "loaded": 2, "error": None}
    reply = await manage(shop, "PUT", "/admin/generations/shelf", {"number": 1})
    assert (reply.status, reply.json) == (200, {"kind": "shelf", "generation": 1, "before": 2})
    assert shop.durable.live("shop/shelf") == {"shop/shelf": 1}
    assert [(flip.name, flip.number) for flip in told(shop)] == [("shop/shelf", 1)]


@pytest.mark.parametrize(
    "kind, body, status",
    [
        ("shelf", {"number": 99}, 404),
        ("nothing", {"number": 1}, 404),
        ("segment-catalogue", {"number": 1}, 404),
        ("keys", {"number": 1}, 404),
        ("purge", {"number": 1}, 409),
        ("%2E%2E%2Fother%2Fshelf", {"number": 1}, 404),
        ("shelf", {"number": 0}, 422),
        ("shelf", {"number": 10**30}, 422),
        ("shelf", {}, 422),
    ],
)
async def test_no_other_generation_can_be_made_live(shop: Shop, kind: str, body: Any, status: int) -> None:
    before = shop.durable.live()
    headers = {"authorization": "Bearer admin-key"}
    reply = await call(shop.app, "PUT", f"/admin/generations/{kind}", str(body).replace("'", '"').encode(), headers)
    assert reply.status == status, reply
    assert shop.durable.live() == before


async def test_a_purge_reaches_every_replica_by_its_generation_and_names_keys_of_the_own_tenant_only(
    shop: Shop,
) -> None:
    mine = await manage(shop, "POST", "/admin/purge", {"items": ["p1"], "slots": ["home"]})
    other = await manage(shop, "POST", "/admin/purge", {"items": ["p1"], "slots": ["home"]}, "other-admin-key")
    assert mine.status == other.status == 200
    assert not set(mine.json["surrogate_keys"]) & set(other.json["surrogate_keys"])
    by_key = await manage(shop, "POST", "/admin/purge", {"items": ["p1"], "keys": mine.json["surrogate_keys"]})
    assert set(by_key.json["surrogate_keys"]) == set(mine.json["surrogate_keys"])
    assert shop.durable.live("shop/purge") == {"shop/purge": by_key.json["generation"]}
    everything = await manage(shop, "POST", "/admin/purge", {"everything": True})
    assert (everything.json["surrogate_keys"], everything.json["generation"]) == ([], by_key.json["generation"] + 1)


@pytest.mark.parametrize("body", [{}, {"everything": True, "items": ["p1"]}, {"keys": ["no key"]}, {"items": [""]}])
async def test_a_purge_says_what(shop: Shop, body: Any) -> None:
    assert (await manage(shop, "POST", "/admin/purge", body)).status == 422
    assert shop.durable.live("shop/purge") == {}


@pytest.mark.parametrize("route", ROUTES, ids=named)
@pytest.mark.parametrize("key, status", [(None, 401), ("wrong", 401), ("shop-key", 403), ("browser-key", 403)])
async def test_other_keys_open_nothing(shop: Shop, route: Route, key: str | None, status: int) -> None:
    reply = await manage(shop, route.method, target_of(route), b"{}", key)
    assert reply.status == status


async def test_an_admin_key_opens_nothing_else(shop: Shop) -> None:
    for method, target in (("GET", "/v1/users/ada/profile"), ("POST", "/v1/events"), ("GET", "/v1/items?ids=a")):
        for key in ("admin-key", "operator-key"):
            assert (await shop.call(method, target, b"{}", key=key)).status == 403


async def test_what_all_tenants_share_only_an_operator_changes(shop: Shop) -> None:
    for method, target in (("PUT", "/admin/segments"), ("POST", "/admin/segments/rollback")):
        reply = await manage(shop, method, target, SEGMENTS)
        assert (reply.status, reply.json["value"]) == (403, "operator")
    assert (await manage(shop, "GET", "/admin/segments")).status == 404, "but everybody may read it"


@pytest.mark.parametrize("kind", ["rules", "slots", "models"])
async def test_a_tenant_reaches_its_own_documents_only(shop: Shop, kind: str) -> None:
    await put(shop, kind, DOCUMENTS[kind], "admin-key")
    assert (await manage(shop, "GET", f"/admin/{kind}", key="other-admin-key")).status == 404
    assert (await manage(shop, "POST", f"/admin/{kind}/rollback", key="other-admin-key")).status == 409
    found = (await manage(shop, "GET", "/admin/generations", key="other-admin-key")).json
    assert found["generations"] == []
    reply = await manage(shop, "PUT", f"/admin/generations/{kind}", {"number": 1}, "other-admin-key")
    assert reply.status == 404
    assert await put(shop, kind, DOCUMENTS[kind], "other-admin-key") == 1
    assert shop.durable.live(f"shop/{kind}") == {f"shop/{kind}": 1}


async def test_it_is_written_down_who_did_what_and_no_secret(shop: Shop) -> None:
    with capture_logs() as events:
        await put(shop, "rules", NO_RULES, "admin-key")
        await put(shop, "rules", RULES, "admin-key")
        await manage(shop, "POST", "/admin/rules/rollback")
        key = (await manage(shop, "POST", "/admin/keys", {"name": "app", "scopes": ["page"]})).json["key"]
        await manage(shop, "DELETE", "/admin/keys/app")
        await manage(shop, "POST", "/admin/purge", {"everything": True})
        await manage(shop, "PUT", "/admin/rules?dry_run=true", RULES)
        await manage(shop, "PUT", "/admin/rules", "no rules")
    assert [(event["event"], event["name"], event["number"]) for event in events] == [
        ("administered", "shop/rules", 1),
        ("administered", "shop/rules", 2),
        ("administered", "shop/rules", 1),
        ("administered", "_/keys", 1),
        ("administered", "_/keys", 2),
        ("administered", "shop/purge", 1),
    ]
    assert {event["key"] for event in events} == {"settings:admin"}
    assert key not in str(events)


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_with_dynamodb_away_every_call_says_so(shop: Shop, route: Route) -> None:
    shop.durable.away = True
    example = EXAMPLES[route.method, route.path]
    reply = await manage(shop, route.method, example.target, example.body or b"", "operator-key")
    assert reply.status == 503 and reply.headers["retry-after"]
    shop.durable.away = False
    assert shop.durable.live("shop/rules") == {}


async def test_with_kafka_away_documents_go_live_all_the_same(shop: Shop) -> None:
    shop.log.away = True
    assert await put(shop, "rules", RULES) == 1
    assert shop.live.get("shop", "rules") is not None


@pytest.mark.parametrize("body", [b"\xff\xfe", b"\x00", b"a: \x00", "version: 1".encode("utf-16"), b"\xed\xa0\x80"])
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_what_is_no_text_is_refused(shop: Shop, kind: str, body: bytes) -> None:
    assert (await manage(shop, "PUT", f"/admin/{kind}", body, "operator-key")).status == 422


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_a_long_document_is_refused_unread(shop: Shop, kind: str) -> None:
    reply = await manage(shop, "PUT", f"/admin/{kind}", b"#" * (MAX_BYTES + 1), "operator-key")
    assert reply.status == 413


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_what_is_shown_is_what_comes_back(shop: Shop, route: Route) -> None:
    example = EXAMPLES[route.method, route.path]
    shop.publish()
    activate_document(shop.durable, "shop", "rules", NO_RULES, parse_rules, 0)
    if route.path.endswith("rollback"):
        await put(shop, "rules", RULES)
    await manage(shop, "POST", "/admin/keys", {"name": "shop-page", "scopes": ["page"]})
    reply = await manage(shop, route.method, example.target, example.body or b"")
    assert reply.status == route.status, reply
    if example.reply is not None:
        assert shape(reply.json) == shape(example.reply)


def test_every_call_has_its_example() -> None:
    assert EXAMPLES.keys() == {(route.method, route.path) for route in ROUTES}


async def test_a_desk_that_is_stuck_sends_away_in_time_and_takes_no_more_than_it_can_hold() -> None:
    begun, go = threading.Event(), threading.Event()

    def stuck() -> None:
        begun.set()
        go.wait()

    desk = Desk(within_s=0.05)
    with pytest.raises(Problem, match="look before you send it again"):
        await desk.do(stuck)
    assert begun.is_set()
    done: list[int] = []
    for n in range(MAX_WAITING + 5):
        with pytest.raises(Problem, match="not done in time"):
            await desk.do(lambda n=n: done.append(n))  # type: ignore[misc]
    go.set()
    assert await Desk.do(desk, lambda: "next") == "next"
    assert done == [], "who was sent away while waiting is not done later"
    waiting = Desk()
    go.clear()
    calls = [asyncio.ensure_future(waiting.do(stuck)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Problem, match="too many"):
        await waiting.do(lambda: None)
    go.set()
    await asyncio.gather(*calls)
