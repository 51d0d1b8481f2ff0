"""One exchange over HTTP: connections are kept, each exchange has one deadline for all of it, nothing is sent twice unasked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import aiohttp
import msgspec
from yarl import URL

from rayce.client_errors import Problem, RayceHTTPError, RayceUnreachable

_IDLE_S = 4.0  # less than servers commonly allow (5 s), so no request meets a connection that is just being closed


class Answer(NamedTuple):
    """What came back."""

    status: int
    retry_after_s: float | None
    body: bytes

    def good(self) -> bytes:
        """The body; `RayceHTTPError` where the status is 400 or more."""
        if self.status >= 400:
            raise RayceHTTPError(self.status, _problem(self.body), self.retry_after_s)
        return self.body


class Transport:
    """A pool of connections to one server. Belongs to one event loop; after `close` it may be used again."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], connections: int, hedge_after_s: float | None = None
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._connections = connections
        self._hedge_after_s = hedge_after_s
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def exchange(
        self,
        method: str,
        path: str,
        within_s: float,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, whatever its status; `RayceUnreachable` where there is none within `within_s`, all included.

        A `GET` that has not answered after `hedge_after_s` is asked once more, and the first answer counts.
        """
        try:
            async with asyncio.timeout(within_s):
                if method != "GET" or self._hedge_after_s is None:
                    return await self._once(method, path, data, headers)
                return await first_answer(lambda: self._once(method, path, data, headers), self._hedge_after_s)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise RayceUnreachable(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error

    async def _once(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str] | None) -> Answer:
        url = URL(self.base_url + path, encoded=True)
        async with self._open().request(method, url, data=data, headers=headers) as reply:
            return Answer(reply.status, _seconds(reply.headers.get("Retry-After")), await reply.read())

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_IDLE_S),
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # `exchange` has one deadline for all
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def first_answer(ask: Callable[[], Awaitable[Answer]], after_s: float) -> Answer:
    """The first answer of one call and, where it takes longer than `after_s`, of a second; the last error where both fail."""
    waiting: set[asyncio.Future[Answer]] = {asyncio.ensure_future(ask())}
    try:
        done, _ = await asyncio.wait(waiting, timeout=after_s)
        if not done:
            waiting.add(asyncio.ensure_future(ask()))
        while True:
            done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            good = [call for call in done if call.exception() is None]
            if good or not rest:
                return (good or list(done))[0].result()
            waiting = rest
    finally:
        for call in waiting:
            call.cancel()


def anything(body: bytes) -> Any:
    """A body of no certain shape; None where it is no JSON."""
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return None


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        return Problem(title=body[:200].decode("utf-8", "replace"))


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
