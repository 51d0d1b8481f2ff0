"""The client's calls about segments, against the real edge over memory stores."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rayce.client import RayceClient, RayceHTTPError
from tests.deployments.listed_shop import listed_shop
from tests.deployments.shop import Shop
from tests.examples.fake_api import serving
from tests.examples.loops import in_loop
from tests.samples import T0


class Real:
    """The edge where the fake is expected."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def app(self) -> object:
        return self._shop.app


@in_loop
async def test_sizes_members_and_explanations() -> None:
    with ThreadPoolExecutor(4) as executor:
        shop = listed_shop(executor)
        async with serving(Real(shop)) as url, RayceClient(url, "shop-key") as rayce:  # type: ignore[arg-type]
            users = [f"user {n}" for n in range(7)]
            for user in users:
                await rayce.put_consent(user, personalization=True)
                await rayce.post_events([{"type": "view", "user_id": user, "items": [{"item_id": "p1"}]}])
            await shop.work_off()
            await rayce.post_events([{"type": "login", "user_id": users[0]}])
            await shop.work_off()  # a worker tells what was durable when it began
            sizes = await rayce.all_segments()
            assert {each.name: (each.size, each.listed) for each in sizes.segments} == {
                "browser": (7, True),
                "buyer": (0, True),
                "unlisted": (0, False),
            }
            one = await rayce.segment("browser")
            assert one is not None and (one.size, one.inflow_24h, one.overlaps) == (7, 7, [])
            assert await rayce.segment("nobody") is None and await rayce.members("nobody") is None
            page = await rayce.members("browser", limit=3)
            assert page is not None and len(page.members) == 3 and page.next is not None
            rest = await rayce.members("browser", cursor=page.next)
            assert rest is not None and len(rest.members) == 4 and rest.next is None
            everybody = [person async for person in rayce.all_members("browser", page_size=2)]
            assert sorted(everybody) == sorted(map(shop.person, users)) == sorted(page.members + rest.members)
            assert [person async for person in rayce.all_members("nobody")] == []
            with pytest.raises(RayceHTTPError, match="no list of members is kept") as caught:
                await rayce.members("unlisted")
            assert caught.value.status == 409


@in_loop
async def test_why_somebody_is_in_a_segment() -> None:
    with ThreadPoolExecutor(4) as executor:
        shop = listed_shop(executor)
        async with serving(Real(shop)) as url, RayceClient(url, "shop-key") as rayce:  # type: ignore[arg-type]
            assert await rayce.explain("ada") is None
            await rayce.put_consent("ada", personalization=True)
            await rayce.post_events([{"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]}])
            await shop.work_off()
            found = await rayce.explain("ada", at_ms=T0)
            assert found is not None and found.segments == ["browser"]
            why = {each.name: each for each in found.explanation}
            assert (why["browser"].member, why["browser"].holds_now, why["buyer"].member) == (True, True, False)
            assert why["browser"].rule is not None and why["browser"].rule["value"] == 0
