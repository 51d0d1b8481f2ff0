"""Devices and browsers by what real ones send, and by what nobody should send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.device import Device, Devices

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0"
AGENTS = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1": ("phone", "safari"),
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36": ("phone", "chrome"),
    f"Mozilla/5.0 (Linux; Android 10; CUBOT X19) {CHROME} Mobile Safari/537.36": ("phone", "chrome"),
    "Mozilla/5.0 (Android 14; Mobile; rv:126.0) Gecko/126.0 Firefox/126.0": ("phone", "firefox"),
    "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0"
    " Chrome/121.0.0.0 Mobile Safari/537.36": ("phone", "samsung"),
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {CHROME} Safari/537.36": ("tablet", "chrome"),
    "Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148"
    " Safari/604.1": ("tablet", "safari"),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/125.0.0.0": ("desktop", "edge"),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 OPR/111.0.0.0": ("desktop", "opera"),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Safari/605.1.15": ("desktop", "safari"),
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0": ("desktop", "firefox"),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": ("bot", "other"),
    f"Mozilla/5.0 (X11; Linux x86_64) {CHROME.replace('Chrome', 'HeadlessChrome')} Safari/537.36": ("bot", "other"),
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)": ("bot", "other"),
    "Python/3.11 aiohttp/3.14": ("", ""),
    "curl/8.5.0": ("", ""),
    "": ("", ""),
}


@pytest.fixture(scope="module")
def devices() -> Devices:
    return Devices(100)


@pytest.mark.parametrize("agent", AGENTS)
def test_real_user_agents_are_told(devices: Devices, agent: str) -> None:
    assert devices.of(agent, "", "", "") == Device(*AGENTS[agent])


def test_client_hints_count_more_than_a_frozen_user_agent(devices: Devices) -> None:
    frozen = f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Safari/537.36"
    brands = '"Chromium";v="125", "Not.A/Brand";v="24"'
    assert devices.of(frozen, brands, "?1", '"Android"').kind == "phone"
    assert devices.of(frozen, brands, "?0", '"Android"').kind == "tablet"
    assert devices.of(frozen, brands, "?0", '"Windows"').kind == "desktop"
    assert devices.of("", '"Microsoft Edge";v="125"', "?0", '"Windows"') == Device("desktop", "edge")


def test_a_robot_stays_one_whatever_it_hints(devices: Devices) -> None:
    assert devices.of("Googlebot/2.1", "", "?1", '"Android"').kind == "bot"


def test_what_is_remembered_is_bounded() -> None:
    devices = Devices(3)
    for n in range(10):
        devices.of(f"agent {n}", "", "", "")
    assert devices.of.cache_info().currsize == 3


texts = st.text(max_size=600) | st.text(st.characters(min_codepoint=0, max_codepoint=0xFFFF), max_size=100)


@given(texts, texts, texts, texts)
def test_nothing_that_is_sent_raises(agent: str, brands: str, mobile: str, platform: str) -> None:
    found = FUZZED.of(agent, brands, mobile, platform)
    assert found.kind in ("", "phone", "tablet", "desktop", "bot")
    assert found.browser in ("", "chrome", "safari", "firefox", "edge", "opera", "samsung", "other")


FUZZED = Devices(10)
