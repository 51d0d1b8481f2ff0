"""The typed client of rayce's HTTP API, version 1: what a shop holds. It imports nothing of rayce
but the values of its replies (`rayce.replies`), which stand here too.

Every call is one HTTP request; nothing is retried, because only the caller knows what may be sent twice (an event may:
keep its `event_id`). Replies tolerate fields this version does not know. Whatever the server answers with 400 or more is
`RayceHTTPError`; no answer at all is `RayceUnreachable`. Where the API says 404 for "nothing may be known", the call
returns None.

    async with RayceClient("http://127.0.0.1:8000", key) as rayce:
        await rayce.put_consent("ada", personalization=True, training=True)
        await rayce.post_events([{"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]}])
        reply = await rayce.recommendations("ada", limit=10)
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from rayce.replies import (
    Bought,
    ConsentRecord,
    EventsReply,
    Explained,
    Flags,
    Item,
    ItemsReply,
    Lookup,
    MembersPage,
    Profile,
    Recommendations,
    RecommendedItem,
    RowError,
    SegmentOverlap,
    SegmentReport,
    SegmentSize,
    SegmentSizes,
    Why,
)

__all__ = [
    "Bought",
    "ConsentRecord",
    "EventsReply",
    "Explained",
    "Flags",
    "Item",
    "ItemsReply",
    "Lookup",
    "MembersPage",
    "Problem",
    "Profile",
    "RayceClient",
    "RayceClientError",
    "RayceHTTPError",
    "RayceUnreachable",
    "Recommendations",
    "RecommendedItem",
    "RowError",
    "SegmentOverlap",
    "SegmentReport",
    "SegmentSize",
    "SegmentSizes",
    "Why",
]

Reply = TypeVar("Reply")
Body = Mapping[str, Any] | Struct

_encode = msgspec.json.encode
_IDLE_S = 4.0  # less than servers commonly allow (5 s), so no request meets a connection that is just being closed


class Problem(Struct, frozen=True):
    """A problem report (RFC 9457); `key` and `value` name what offended."""

    title: str = ""
    detail: str = ""
    type: str = "about:blank"
    status: int = 0
    key: str | None = None
    value: Any = None


class RayceClientError(Exception):
    """Root of this module's errors."""


class RayceHTTPError(RayceClientError):
    """The server answered with `status` 400 or more. Below 500: mend the call. 429 and 503: wait `retry_after_s`, retry."""

    def __init__(self, status: int, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(status, problem, retry_after_s)
        self.status, self.problem, self.retry_after_s = status, problem, retry_after_s

    def __str__(self) -> str:
        at = f" ({self.problem.key}: {self.problem.value!r})" if self.problem.key else ""
        return f"{self.status} {self.problem.detail or self.problem.title}{at}"


class RayceUnreachable(RayceClientError):
    """No answer: refused, reset, or not within `timeout_s`. What was sent may or may not have arrived."""


class RayceClient:
    """One pool of connections to one rayce, as one tenant. Use it as an async context manager, in one event loop.

    `timeout_s` bounds each request from its start to the last byte of the reply; `connections` bounds the pool.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float = 10.0, connections: int = 64) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; the client opens new ones where it is used again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post_events(self, events: Sequence[Body]) -> EventsReply:
        """Sends events (objects of the API's form). When it returns, the log has every accepted one."""
        return await self._call(EventsReply, "POST", "/v1/events", events)

    async def segments(self, user_id: str, *, at_ms: int | None = None) -> Flags | None:
        """The user's segments as of `at_ms` (default: now); None where nothing may be known."""
        return await self._known(Flags, "GET", f"{_user(user_id)}/segments" + _query(at=at_ms))

    async def lookup_segments(self, user_ids: Iterable[str], *, at_ms: int | None = None) -> Lookup:
        """The segments of many users at once, as of `at_ms` (default: now)."""
        body = {"user_ids": list(user_ids), **({} if at_ms is None else {"at": at_ms})}
        return await self._call(Lookup, "POST", "/v1/segments/lookup", body)

    async def explain(self, user_id: str, *, at_ms: int | None = None) -> Explained | None:
        """The user's segments as of `at_ms` (default: now), and why; None where nothing may be known."""
        return await self._known(Explained, "GET", f"{_user(user_id)}/segments" + _query(explain=True, at=at_ms))

    async def all_segments(self) -> SegmentSizes:
        """Every segment of the live catalogue with its size and movements."""
        return await self._call(SegmentSizes, "GET", "/v1/segments")

    async def segment(self, name: str) -> SegmentReport | None:
        """One segment with its overlaps; None where the live catalogue has none of that name."""
        return await self._known(SegmentReport, "GET", f"/v1/segments/{quote(name, safe='')}")

    async def members(self, name: str, *, cursor: str | None = None, limit: int | None = None) -> MembersPage | None:
        """One page of a segment's members, from its beginning or from `next` of the page before; None: no such segment.

        A page may hold fewer than `limit`, or none, with more to come. `RayceHTTPError` 409 where the segment keeps no list.
        """
        path = f"/v1/segments/{quote(name, safe='')}/members"
        return await self._known(MembersPage, "GET", path + _query(cursor=cursor, limit=limit))

    async def all_members(self, name: str, *, page_size: int = 1_000) -> AsyncIterator[str]:
        """Every member of a segment, page by page (who comes or goes meanwhile maybe, somebody maybe twice). See `members`."""
        page = await self.members(name, limit=page_size)
        while page is not None:
            for person in page.members:
                yield person
            page = await self.members(name, cursor=page.next, limit=page_size) if page.next is not None else None

    async def profile(self, user_id: str, *, at_ms: int | None = None) -> Profile | None:
        """What is known of the user as of `at_ms` (default: now); None where nothing may be known."""
        return await self._known(Profile, "GET", f"{_user(user_id)}/profile" + _query(at=at_ms))

    async def recommendations(
        self,
        user_id: str,
        *,
        slot: str | None = None,
        limit: int | None = None,
        explain: bool | None = None,
        at_ms: int | None = None,
    ) -> Recommendations:
        """The list for the user as of `at_ms` (default: now); contextual where consent is missing, never an error."""
        query = _query(slot=slot, limit=limit, explain=explain, at=at_ms)
        return await self._call(Recommendations, "GET", f"{_user(user_id)}/recommendations{query}")

    async def put_consent(
        self, user_id: str, *, personalization: bool, training: bool = False, marketing: bool = False
    ) -> ConsentRecord:
        """Records what the person allows; in force when it returns."""
        body = {"personalization": personalization, "training": training, "marketing": marketing}
        return await self._call(ConsentRecord, "PUT", f"{_user(user_id)}/consent", body)

    async def get_consent(self, user_id: str) -> ConsentRecord | None:
        """The person's record; None where none was given, which counts as no."""
        return await self._known(ConsentRecord, "GET", f"{_user(user_id)}/consent")

    async def put_items(self, items: Sequence[Item]) -> ItemsReply:
        """Stores products, new or changed."""
        return await self._call(ItemsReply, "PUT", "/v1/items", items)

    async def get_item(self, item_id: str) -> Item | None:
        """One product; None where the catalogue has none of that id."""
        return await self._known(Item, "GET", f"/v1/items/{quote(item_id, safe='')}")

    async def metrics(self) -> str:
        """The server's metrics in Prometheus' text format."""
        return (await self._answer("GET", "/metrics")).decode("utf-8", "replace")

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the server is ready, and what it says of its parts; not being ready is an answer, not an error."""
        status, _, body = await self._exchange("GET", "/readyz")
        parts = _anything(body)
        return status == 200, parts if isinstance(parts, dict) else {}

    async def _known(self, kind: type[Reply], method: str, path: str) -> Reply | None:
        try:
            return await self._call(kind, method, path)
        except RayceHTTPError as error:
            if error.status == 404:
                return None
            raise

    async def _call(self, kind: type[Reply], method: str, path: str, body: object = None) -> Reply:
        data = await self._answer(method, path, None if body is None else _encode(body))
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.MsgspecError as error:
            raise RayceHTTPError(502, Problem(title=f"not a reply of this API: {error}")) from None

    async def _answer(self, method: str, path: str, data: bytes | None = None) -> bytes:
        status, retry_after, body = await self._exchange(method, path, data)
        if status >= 400:
            raise RayceHTTPError(status, _problem(body), _seconds(retry_after))
        return body

    async def _exchange(self, method: str, path: str, data: bytes | None = None) -> tuple[int, str | None, bytes]:
        url = URL(self.base_url + path, encoded=True)
        try:
            async with self._open().request(method, url, data=data) as reply:
                return reply.status, reply.headers.get("Retry-After"), await reply.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise RayceUnreachable(f"{method} {path}: {type(error).__name__} {error}".rstrip()) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_IDLE_S),
                headers=self._headers,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _user(user_id: str) -> str:
    return f"/v1/users/{quote(user_id, safe='')}"


def _query(**values: str | int | bool | None) -> str:
    given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items() if v is not None}
    return f"?{urlencode(given)}" if given else ""


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        return Problem(title=body[:200].decode("utf-8", "replace"))


def _anything(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return None


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
