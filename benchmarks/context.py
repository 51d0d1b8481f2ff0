"""The context of a request: CPU time of telling device, browser, country, language, part of day and referrer from its headers.

1,000 different shoppers (user agent, address, language, page before), asked for in the proportions of a shop: few user agents
are common, many are rare (Zipf). `us_per_request` is that; cold is when each user agent is met for the first time, as after a
start.
"""

import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.program import arguments, finish, say
from deployments.edge.contexts import Contexts, contexts_from
from rayce.settings import EdgeSettings, PrivacySettings
from tests.country_file import write_country_file

NOW_MS = 1_767_225_600_000
SHOPPERS, NETWORKS, ROUNDS = 1_000, 20_000, 7
COUNTRIES = ("DE", "AT", "CH", "FR", "NL", "US", "GB", "PL")
LANGUAGES = ("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "en-US,en;q=0.9", "fr-FR,fr;q=0.9", "nl", "pl-PL,pl;q=0.8,en;q=0.3")
PAGES = ("", "www.google.com", "l.facebook.com", "www.shop.de", "news.example.org")
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.{b}.{c}"
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{s} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{s}"
    " Mobile/15E{b} Safari/604.1",
    "Mozilla/5.0 (Linux; Android 1{s}; SM-S9{b}B) " + CHROME + " Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + CHROME + " Safari/537.36 Edg/{v}.0.{b}.{c}",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) " + CHROME + " Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.{s}",
    "Mozilla/5.0 (Linux; Android 1{s}; SAMSUNG SM-T{b}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2{s}.0"
    " Chrome/{v}.0.0.{c} Safari/537.36",
)


def country_file(folder: Path, chance: Random) -> Path:
    """So many networks of the address space."""
    networks = [f"{1 + n % 200}.{n // 200}.0.0/16" for n in range(NETWORKS)]
    records = {network: {"country_code": chance.choice(COUNTRIES)} for network in networks}
    return write_country_file(folder / "countries.mmdb", records)


def shopper(number: int, chance: Random) -> dict[str, Any]:
    """What the edge gets of one: headers as on the wire, with those that say nothing of the context."""
    numbers = {"v": 100 + number % 30, "b": 1000 + number, "c": number % 200, "s": number % 7}
    headers = {
        "host": "reco.shop.de",
        "user-agent": AGENTS[number % len(AGENTS)].format(**numbers),
        "accept": "*/*",
        "accept-language": chance.choice(LANGUAGES),
        "accept-encoding": "gzip, deflate, br",
        "authorization": "Bearer 0123456789abcdef",
        "content-type": "application/json",
        "origin": "https://www.shop.de",
        "referer": "https://www.shop.de/p/1",
        "rayce-referrer": chance.choice(PAGES),
        "rayce-timezone": chance.choice(("Europe/Berlin", "Europe/Paris", "America/New_York")),
    } | ({"sec-gpc": "1"} if chance.random() < 0.1 else {})
    address = f"{chance.randrange(1, 201)}.{chance.randrange(100)}.{chance.randrange(256)}.{chance.randrange(256)}"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": raw, "client": (address, 1)}


def cpu_us(contexts: Contexts, scopes: list[dict[str, Any]]) -> float:
    """Of one request, in microseconds."""
    of, began_s = contexts.of, time.process_time()
    for scope in scopes:
        of(scope, NOW_MS)
    return (time.process_time() - began_s) / len(scopes) * 1e6


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--country-file", default="", help="a real one, instead of a made one")
    options = parser.parse_args()
    requests = 20_000 if options.quick else options.requests
    chance = Random(7)
    with tempfile.TemporaryDirectory() as folder:
        say("writing a country file")
        file = options.country_file or str(country_file(Path(folder), chance))
        settings = EdgeSettings(country_file=file, cors_origins=("https://www.shop.de",), zone="Europe/Berlin")
        scopes = [shopper(number, chance) for number in range(SHOPPERS)]
        weights = [1 / (rank + 1) for rank in range(SHOPPERS)]
        asked = chance.choices(scopes, weights, k=requests // ROUNDS)
        say("measuring")
        cold = sorted(cpu_us(contexts_from(settings, PrivacySettings()), scopes) for _round in range(ROUNDS))
        contexts = contexts_from(settings, PrivacySettings())
        first = cpu_us(contexts, asked)
        warm = sorted(cpu_us(contexts, asked) for _round in range(ROUNDS))
        known = sum("country" in dict(contexts.of(scope, NOW_MS)) for scope in scopes)
        features = sorted({name for scope in scopes for name, _word in contexts.of(scope, NOW_MS)})
    metrics = {
        "us_per_request": round(warm[ROUNDS // 2], 2),
        "us_per_request_after_start": round(first, 2),
        "us_per_request_cold": round(cold[ROUNDS // 2], 2),
        "features": len(features),
        "country_known_share": round(known / SHOPPERS, 3),
    }
    finish("context", metrics, {"shoppers": SHOPPERS, "requests": requests, "networks": NETWORKS})


if __name__ == "__main__":
    main()
