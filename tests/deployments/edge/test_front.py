"""`GET /v1/users/{user_id}/segments` from memory: what is answered is what hot memory has, and nobody else's business."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from copy import copy

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.schemas import Segments
from deployments.edge.segment_bodies import SegmentBodies
from rayce.profile import Profile
from rayce.segments.catalogue import load_catalogue
from rayce.segments.flags import pack_flags, unpack_flags
from rayce.stores.interfaces import HotRow
from tests.deployments.shop import Shop
from tests.samples import T0

pytestmark = pytest.mark.anyio

CATALOGUE = load_catalogue()
PATIENCE_S = 10.0


@asynccontextmanager
async def listening(*shops: Shop) -> AsyncIterator[None]:
    """The shops' edges hear of changes."""
    tasks = [asyncio.ensure_future(shop.hot.listen(bus_of(shop))) for shop in shops]
    await asyncio.sleep(0)
    yield
    for task in tasks:
        task.cancel()


def bus_of(shop: Shop):  # type: ignore[no-untyped-def]
    assert shop.edge.caches is not None
    return shop.edge.caches.bus


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.fixture
def other(shop: Shop) -> Iterator[Shop]:
    """Another edge replica over the same stores."""
    with ThreadPoolExecutor(2) as executor:
        yield Shop(executor, world=shop.world)


async def segments(shop: Shop, user: str = "ada", **more: str):  # type: ignore[no-untyped-def]
    return await shop.call("GET", f"/v1/users/{user}/segments", **more)


def reads(shop: Shop) -> list[str]:
    """From now on, whom hot memory is asked for."""
    asked: list[str] = []
    read = shop.hot.read_flags

    async def counted(persons: list[str]) -> list[HotRow]:
        asked.extend(persons)
        return await read(persons)

    shop.hot.read_flags = counted  # type: ignore[method-assign,assignment]
    return asked


async def test_who_is_asked_for_again_is_answered_without_a_read_and_word_for_word(shop: Shop) -> None:
    await shop.consent("ada")
    await shop.act("add_to_cart", "tea")
    async with listening(shop):
        asked = reads(shop)
        first, second = await segments(shop), await segments(shop)
        assert len(asked) == 1
        assert first.body == second.body
        assert first.json["segments"]
        assert {*first.headers} == {*second.headers}
        routed = await shop.call("GET", "/v1/users/ada/segments?explain=false")
        assert routed.body == first.body
        assert first.headers["rayce-served"] == routed.headers["rayce-served"] == "live"
    counted = dict(shop.edge.metrics.values("rayce_requests_total"))
    assert counted["/v1/users/{user_id}/segments", "200"] == 3


async def test_nobody_hears_nothing_is_kept(shop: Shop) -> None:
    await shop.consent("ada")
    await shop.act("add_to_cart", "tea")
    asked = reads(shop)
    await segments(shop)
    await segments(shop)
    assert len(asked) == 2


async def test_the_next_reply_everywhere_knows_what_was_done(shop: Shop, other: Shop) -> None:
    await shop.consent("ada")
    await shop.act("view", "tea")
    async with listening(shop, other):
        before = [(await segments(edge)).json["segments"] for edge in (shop, other)]
        await shop.act("add_to_cart", "tea")
        after = [(await segments(edge)).json["segments"] for edge in (shop, other)]
        assert before[0] == before[1] != after[0] == after[1]


async def test_a_withdrawal_is_in_force_here_at_once_and_elsewhere_as_soon_as_it_is_told(
    shop: Shop, other: Shop
) -> None:
    await shop.consent("ada")
    await shop.act("view", "tea")
    async with listening(shop, other):
        assert [(await segments(edge)).status for edge in (shop, other)] == [200, 200]
        reply = await shop.call("PUT", "/v1/users/ada/consent", {"personalization": False})
        assert reply.status == 200
        assert shop.edge.people.kept_flags(shop.person("ada")) is None
        assert (await segments(shop)).status == 404
        await until(lambda: other.edge.people.kept_flags(other.person("ada")) is None)
        assert (await segments(other)).status == 404


async def test_a_kept_flag_ends_to_the_second(shop: Shop) -> None:
    await shop.consent("ada")
    await shop.act("add_to_cart", "tea")
    async with listening(shop):
        asked = reads(shop)
        assert "shopping_now" in (await segments(shop)).json["segments"]
        ends_ms = next(s.ttl_s for s in CATALOGUE.segments if s.name == "shopping_now") * 1000  # type: ignore[operator]
        shop.now_ms = T0 + ends_ms - 1_000
        assert "shopping_now" in (await segments(shop)).json["segments"]
        shop.now_ms = T0 + ends_ms + 1_000
        assert "shopping_now" not in (await segments(shop)).json["segments"]
        assert len(asked) == 1


async def test_what_is_kept_is_for_callers_of_the_tenant_that_may_read(shop: Shop) -> None:
    await shop.consent("ada")
    await shop.act("view", "tea")
    async with listening(shop):
        assert (await segments(shop)).status == 200
        keys: dict[str | None, int] = {None: 401, "no-key": 401, "sender-key": 403, "other-key": 404, "page-key": 200}
        assert {key: (await segments(shop, key=key)).status for key in keys} == keys  # type: ignore[arg-type]


def moments() -> st.SearchStrategy[int]:
    return st.integers(T0 - 10**7, T0 + 10**7)


PROFILES = st.builds(
    Profile,
    last_ms=moments(),
    flags=st.integers(0, 2**12),
    short_lived=st.lists(
        st.tuples(st.integers(0, 12), st.integers(T0 // 1000 - 100, T0 // 1000 + 100)), max_size=3
    ).map(tuple),
)


@given(st.lists(st.tuples(st.sampled_from(["ada", 'a"b', "ü\\"]), PROFILES, moments()), min_size=1, max_size=8))
def test_bodies_are_those_that_encoding_would_give(asked: list[tuple[str, Profile, int]]) -> None:
    bodies = SegmentBodies()
    for user, profile, now_ms in asked * 2:
        flags = pack_flags(profile)
        found = unpack_flags(flags, now_ms // 1000)
        bits = [bit for bit in found.bits(now_ms) if bit in CATALOGUE.names]
        age_s = max(0.0, now_ms / 1000 - found.as_of_s)
        whole = Segments(user, [CATALOGUE.names[bit] for bit in bits], bits, CATALOGUE.version, age_s)
        assert bodies.body(user, flags, CATALOGUE, now_ms) == msgspec.json.encode(whole)


def test_another_catalogue_is_another_body() -> None:
    bodies, flags = SegmentBodies(), pack_flags(Profile(last_ms=T0, flags=1 << 2))
    one = bodies.body("ada", flags, CATALOGUE, T0)
    renamed = copy(CATALOGUE)
    renamed.version = "another"
    assert bodies.body("ada", flags, renamed, T0) != one
