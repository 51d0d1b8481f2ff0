"""Members of a segment: who is in it now and may be known, of one's own tenant, page by page; and what there is no list of."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotRow, Shown
from tests.deployments.listed_shop import listed_shop, members
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

USERS = ("ada", "bob", "eve")


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ThreadPoolExecutor(4) as executor:
        yield listed_shop(executor)


@pytest.fixture
async def open_shop(shop: Shop) -> Shop:
    """Three who look at something."""
    await shop.consent(*USERS)
    for user in USERS:
        await shop.act("view", "p1", user=user)
    return shop


def people(shop: Shop, *users: str) -> list[str]:
    return sorted(map(shop.person, users))


async def test_who_is_in_the_segment_is_listed_by_pseudonym(open_shop: Shop) -> None:
    reply = await open_shop.call("GET", "/v1/segments/browser/members")
    assert sorted(reply.json["members"]) == people(open_shop, *USERS)
    assert {key: reply.json[key] for key in ("name", "bit", "next", "catalogue_version")} == {
        "name": "browser",
        "bit": 2,
        "next": None,
        "catalogue_version": open_shop.edge.catalogue.version,
    }
    await open_shop.act("purchase", "p1", user="bob")
    assert sorted(await members(open_shop)) == people(open_shop, "ada", "eve")
    assert await members(open_shop, "buyer") == people(open_shop, "bob")


async def test_pages_hold_everybody_once(open_shop: Shop) -> None:
    for limit in (1, 2, 3):
        assert sorted(await members(open_shop, limit=limit)) == people(open_shop, *USERS)


async def test_another_tenant_sees_none_of_them(open_shop: Shop) -> None:
    assert await members(open_shop, key="other-key") == []


async def test_who_withdraws_is_not_listed_any_more_when_that_is_answered(open_shop: Shop) -> None:
    """Nothing was worked off by the stream since."""
    await open_shop.consent("ada", personalization=False)
    assert sorted(await members(open_shop)) == people(open_shop, "bob", "eve")
    assert open_shop.person("ada") not in open_shop.hot._members["shop", 2], "not only left out of the page"
    await open_shop.consent("ada")
    await open_shop.work_off()
    assert sorted(await members(open_shop)) == people(open_shop, "bob", "eve")
    await open_shop.act("view", "p1", user="ada")
    assert sorted(await members(open_shop)) == people(open_shop, *USERS)


async def test_who_withdraws_while_somebody_pages_is_on_no_later_page(open_shop: Shop) -> None:
    first = (await open_shop.call("GET", "/v1/segments/browser/members?limit=1")).json
    (seen,) = first["members"]
    late = next(user for user in USERS if open_shop.person(user) != seen)
    await open_shop.consent(late, personalization=False)
    rest = (await open_shop.call("GET", f"/v1/segments/browser/members?cursor={first['next']}")).json["members"]
    assert open_shop.person(late) not in rest and len(rest) == 1


async def test_who_withdraws_between_the_list_and_the_flags_is_not_on_the_page(
    open_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = open_shop.hot.read_flags

    async def withdrawn(persons: Sequence[str]) -> list[HotRow]:
        await open_shop.hot.put_consent(open_shop.person("eve"), Consent(0, T0 + 9))
        return await read(persons)

    monkeypatch.setattr(open_shop.hot, "read_flags", withdrawn)
    assert sorted(await members(open_shop)) == people(open_shop, "ada", "bob")


async def test_a_list_that_is_behind_the_flags_is_not_believed(open_shop: Shop) -> None:
    """Entries that should not be there: somebody who has left, somebody of whom nothing is known."""
    flags = pack_flags(Profile(last_ms=T0, flags=1 << 9))
    open_shop.hot.show([Shown(open_shop.person("bob"), b"s", flags)])
    open_shop.hot._members["shop", 2].add(open_shop.person("nobody"))
    assert sorted(await members(open_shop)) == people(open_shop, "ada", "eve")


async def test_whose_consent_hot_memory_does_not_know_durable_memory_is_asked_about(open_shop: Shop) -> None:
    """Hot memory was emptied and a worker has shown people again, among them one who withdrew without hot memory hearing."""
    rows = await open_shop.hot.read_flags([open_shop.person(user) for user in USERS])
    open_shop.hot.wipe()
    for user, row in zip(USERS, rows, strict=True):
        listing = Listing("shop", (2,))
        open_shop.hot.show([Shown(open_shop.person(user), b"s", row.value, None, listing)])
    open_shop.durable.save_consent(open_shop.person("ada"), Consent(0, T0 + 99))
    assert sorted(await members(open_shop)) == people(open_shop, "bob", "eve")


async def test_after_hot_memory_was_emptied_a_read_puts_its_person_on_the_lists_again(open_shop: Shop) -> None:
    open_shop.hot.wipe()
    assert await members(open_shop) == []
    assert (await open_shop.call("GET", "/v1/users/ada/segments")).status == 200
    for _ in range(100):
        if found := await members(open_shop):
            break
        await asyncio.sleep(0.01)
    assert found == people(open_shop, "ada")


async def test_a_segment_that_is_not_there_and_one_that_keeps_no_list_are_told_apart(open_shop: Shop) -> None:
    assert (await open_shop.call("GET", "/v1/segments/nobody/members")).status == 404
    refused = await open_shop.call("GET", "/v1/segments/unlisted/members")
    assert refused.status == 409
    assert (refused.json["key"], refused.json["value"]) == ("name", "unlisted")
    assert "`listed: true`" in refused.json["detail"]
    listed = {row["name"]: row["listed"] for row in (await open_shop.call("GET", "/v1/segments")).json["segments"]}
    assert listed == {"browser": True, "buyer": True, "unlisted": False}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "page=2", f"cursor={'9' * 200}"])
async def test_what_is_no_page_is_refused(shop: Shop, query: str) -> None:
    refused = await shop.call("GET", f"/v1/segments/browser/members?{query}")
    assert (refused.status, refused.json["key"]) == (422, query.partition("=")[0])


async def test_a_key_without_the_scope_is_refused(shop: Shop) -> None:
    assert (await shop.call("GET", "/v1/segments/browser/members", key="sender-key")).status == 403


async def test_while_hot_memory_is_away_nobody_can_tell(open_shop: Shop) -> None:
    open_shop.hot.away = True
    assert (await open_shop.call("GET", "/v1/segments/browser/members")).status == 503


async def test_where_neither_memory_can_tell_of_somebody_the_page_says_so_rather_than_leave_somebody_out(
    open_shop: Shop,
) -> None:
    flags = pack_flags(Profile(last_ms=T0, flags=1 << 2))
    open_shop.hot.wipe()
    open_shop.hot.show([Shown(open_shop.person("ada"), b"s", flags, None, Listing("shop", (2,)))])
    open_shop.durable.away = True
    assert (await open_shop.call("GET", "/v1/segments/browser/members")).status == 503
