"""`python -m examples.shop`: the example shop, beside a running `rayce up`, or with `--url` and `--key` beside any rayce."""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path
from random import Random

import uvicorn
import uvloop

from examples.shop import beside, crowd
from examples.shop.app import Pages
from examples.shop.catalogue import Catalogue, read_catalogue
from rayce.client import RayceClient, RayceClientError, RayceHTTPError

HOST, PORT = "127.0.0.1", 8800
KNOWN_WITHIN_S, AGAIN_S = 15.0, 5.0
SEED = 60


def main() -> int:
    """Sets up, stores the products, opens the shop, and stays until Ctrl-C."""
    options = _options()
    try:
        return uvloop.run(_main(options))
    except KeyboardInterrupt:
        return 130
    except (beside.SetUpFailed, RayceClientError) as error:
        print(error, file=sys.stderr)
        return 1


async def _main(options: argparse.Namespace) -> int:
    url, key, page_key, running = options.url, options.key, options.page_key, None
    if not url:
        running = beside.running_in(options.root)
        if running is None:
            print(f"no rayce in {options.root}: `rayce up` first, or --url and --key", file=sys.stderr)
            return 1
        _say("keys, slots and rules")
        url, (key, page_key) = running.url, await beside.set_up(running)
    catalogue = read_catalogue()
    async with RayceClient(url, key) as rayce:
        if running is not None:
            await _until_known(rayce)
        stored = asyncio.create_task(_store(rayce, catalogue))
        if options.crowd:
            await stored
            await _teach(rayce, catalogue, options.crowd, running)
        pages = Pages(rayce, catalogue, page_key, _now_ms)
        server = uvicorn.Server(uvicorn.Config(pages.app(), host=HOST, port=options.port, log_level="warning"))
        _say(f"open: http://{HOST}:{options.port}/" + ("" if page_key else " (no key for pages, so without rayce.js)"))
        await server.serve()
        stored.cancel()
    return 0


async def _until_known(rayce: RayceClient) -> None:
    """Until the edges know the new key, within a second or so."""
    until_s = time.monotonic() + KNOWN_WITHIN_S
    while True:
        try:
            await rayce.all_segments()
            return
        except RayceHTTPError as error:
            if error.status != 401 or time.monotonic() > until_s:
                raise
        await asyncio.sleep(0.2)


async def _store(rayce: RayceClient, catalogue: Catalogue) -> None:
    """The products into rayce's catalogue; while rayce is away the shop sells all the same, and tries again."""
    while True:
        try:
            await rayce.put_items(list(catalogue.items.values()))
            return
        except RayceClientError as error:
            _say(f"rayce has not taken the products yet: {error}")
        await asyncio.sleep(AGAIN_S)


async def _teach(rayce: RayceClient, catalogue: Catalogue, people: int, running: beside.Running | None) -> None:
    taken = await crowd.send(rayce, crowd.shoppers(catalogue, people, _now_ms(), Random(SEED)))
    _say(f"{people} made-up shoppers: {taken:,} events")
    if running is None:
        _say("to learn from them run the jobs of docs/jobs.md for the shop's tenant")
        return
    _say(f"learnt: {', '.join(await beside.learn(running)) or 'nothing yet'}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.shop", description=__doc__)
    parser.add_argument("--url", default="", help="where rayce is; default: the `rayce up` that runs here")
    parser.add_argument(
        "--key", default=os.environ.get("RAYCE_KEY", ""), help="the server's key (scopes events, read, write)"
    )
    parser.add_argument(
        "--page-key",
        default=os.environ.get("RAYCE_PAGE_KEY", ""),
        help="the key for pages (scopes events, page, consent); without it there is no rayce.js",
    )
    parser.add_argument(
        "--root", type=Path, default=Path(".rayce"), help="root folder of the `rayce up` that runs here"
    )
    parser.add_argument(
        "--crowd", type=int, default=0, metavar="N", help="first so many made-up shoppers, and learn from them"
    )
    parser.add_argument("--port", type=int, default=PORT)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
