"""Which headers are believed: of browsers, of proxies, of servers that ask for a shopper; and what a caller may say itself."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.contexts import Contexts, contexts_from
from rayce.consent import MARKETING, PERSONALIZATION, TRAINING
from rayce.errors import InvalidSettings
from rayce.settings import EdgeSettings, PrivacySettings
from tests.country_file import write_country_file
from tests.deployments.shop import Shop
from tests.samples import T0

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
BROWSER = {"user-agent": PHONE, "origin": "https://www.shop.de", "accept-language": "de"}
COUNTRIES = {"203.0.113.0/24": {"country_code": "DE"}, "198.51.100.0/24": {"country_code": "AT"}}


def scope(headers: dict[str, str], client: str = "203.0.113.9") -> dict[str, Any]:
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": (client, 1)}


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(write_country_file(tmp_path / "countries.mmdb", COUNTRIES))


def contexts(file: str = "", **edge: Any) -> Contexts:
    return contexts_from(EdgeSettings(country_file=file, **edge), PrivacySettings())


def words(found: Contexts, headers: dict[str, str], said: Any = None, client: str = "203.0.113.9") -> dict[str, str]:
    return dict(found.of(scope(headers, client), T0, said))


def test_a_browsers_own_address_tells_the_country(file: str) -> None:
    assert words(contexts(file), BROWSER)["country"] == "DE"


def test_a_servers_own_address_says_nothing_but_the_one_it_passes_on_does(file: str) -> None:
    server = {"user-agent": PHONE}
    assert "country" not in words(contexts(file), server)
    assert words(contexts(file), {**server, "rayce-address": "198.51.100.7"})["country"] == "AT"


def test_only_as_many_proxies_are_believed_as_there_are(file: str) -> None:
    chain = {**BROWSER, "x-forwarded-for": "192.0.2.66, 198.51.100.7, 10.0.0.2"}
    assert words(contexts(file), chain)["country"] == "DE", "none is ours: the connection counts"
    assert words(contexts(file, proxies=2), chain)["country"] == "AT"
    assert "country" not in words(contexts(file, proxies=1), chain)
    assert "country" not in words(contexts(file, proxies=9), chain)


def test_a_country_header_is_believed_only_where_that_is_set() -> None:
    told = {**BROWSER, "cf-ipcountry": "CH"}
    assert "country" not in words(contexts(), told)
    assert words(contexts(trusted_country_header="CF-IPCountry"), told)["country"] == "CH"


def test_a_pages_own_address_is_no_referrer_but_what_it_says_is() -> None:
    found = contexts(cors_origins=("https://www.shop.de",))
    assert "referrer" not in words(found, {**BROWSER, "referer": "https://www.shop.de/p/1"})
    assert words(found, {**BROWSER, "rayce-referrer": "www.google.com"})["referrer"] == "search"
    assert words(found, {**BROWSER, "rayce-referrer": ""})["referrer"] == "direct"
    server = {"user-agent": PHONE}
    assert words(found, {**server, "referer": "https://www.shop.de/p/1"})["referrer"] == "internal"
    assert words(found, {**server, "referer": "https://www.bing.com/"})["referrer"] == "search"


def test_what_the_caller_says_counts_more_where_it_is_allow_listed() -> None:
    said = {"device": "tablet", "page_type": "home", "secret": "x", "country": "ada@example.org", "browser": ""}
    found = words(contexts(), BROWSER, said)
    assert (found["device"], found["page_type"], found["browser"]) == ("tablet", "home", "safari")
    assert "secret" not in found and "country" not in found


def test_privacy_control_can_be_said_and_never_unsaid() -> None:
    asked = {**BROWSER, "sec-gpc": "1"}
    assert words(contexts(), asked, {"gpc": False, "device": "phone"})["gpc"] == "1"
    assert words(contexts(), BROWSER, {"gpc": True})["gpc"] == "1"
    assert "gpc" not in words(contexts(), {**BROWSER, "sec-gpc": "0"})
    assert dict(Contexts().of(scope(asked), T0)) == {"gpc": "1"}, "even where nothing else is detected"


def test_a_country_file_that_is_none_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"edge\.country_file"):
        contexts(str(tmp_path / "missing.mmdb"))


FOUND = contexts()
names = st.sampled_from(
    [
        "user-agent",
        "sec-ch-ua",
        "sec-ch-ua-mobile",
        "accept-language",
        "referer",
        "origin",
        "sec-gpc",
        "x-forwarded-for",
        "rayce-address",
        "rayce-timezone",
        "rayce-referrer",
        "sec-ch-ua-platform",
        "cf-ipcountry",
    ]
)
said = st.dictionaries(
    st.sampled_from(["device", "gpc", "slot", "x"]), st.text(max_size=90) | st.booleans() | st.floats()
)


@given(st.lists(st.tuples(names, st.binary(max_size=200))), said)
def test_whatever_the_headers_hold_nothing_raises(headers: list[tuple[str, bytes]], said: Any) -> None:
    raw = {"type": "http", "headers": [(name.encode(), value) for name, value in headers], "client": None}
    for name, word in FOUND.of(raw, T0, said):
        assert name and 0 < len(word) <= 64
    FOUND.of_events(raw, T0)


@pytest.mark.anyio
class TestEvents:
    async def test_a_browsers_events_get_the_context_that_they_lack(self, shop: Shop) -> None:
        await shop.consent("ada")
        await send(shop, {}, **BROWSER)
        await send(shop, {"device": "tablet"}, **BROWSER)
        first, second = (event.context for event in views(shop))
        assert (first["device"], first["browser"], first["language"]) == ("phone", "safari", "de")
        assert (second["device"], second["browser"]) == ("tablet", "safari")
        assert set(first) <= set(shop.settings.privacy.context_fields)

    async def test_a_servers_events_stay_as_they_are(self, shop: Shop) -> None:
        await shop.consent("ada")
        await send(shop, {"country": "DE"}, user_agent="Python/3.11 aiohttp/3.14")
        assert [event.context for event in views(shop)] == [{"country": "DE"}]

    async def test_under_privacy_control_they_are_neither_for_marketing_nor_for_training(self, shop: Shop) -> None:
        await shop.consent("ada", training=True, marketing=True)
        await send(shop, {}, sec_gpc="1", **BROWSER)
        await send(shop, {"gpc": True})
        await send(shop, {})
        every = PERSONALIZATION | TRAINING | MARKETING
        assert [event.consent for event in views(shop)] == [PERSONALIZATION, PERSONALIZATION, every]


async def send(shop: Shop, context: dict[str, Any], **headers: str) -> None:
    body = {"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}], "context": context}
    assert (await shop.call("POST", "/v1/events", body, **headers)).status == 202


def views(shop: Shop) -> list[Any]:
    return [event for event in shop.logged() if event.type == "view"]
