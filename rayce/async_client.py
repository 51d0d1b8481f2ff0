"""The client for asyncio: one pool of connections to one rayce, as one tenant. See `rayce.client`."""

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from rayce.breaker import Breaker
from rayce.client_errors import Problem, RayceClientError, RayceHTTPError, RayceUnreachable
from rayce.event_queue import Body, EventQueue
from rayce.fallback import SERVED, LastGood
from rayce.replies import (
    ConsentRecord,
    Decisions,
    EventsReply,
    Explained,
    Flags,
    Item,
    ItemList,
    ItemsReply,
    Lookup,
    MembersPage,
    Profile,
    RankedItems,
    Recommendations,
    RecommendedItem,
    SegmentReport,
    SegmentSizes,
    SlotDecision,
)
from rayce.transport import Answer, Transport, anything

Reply = TypeVar("Reply")
Headers = Mapping[str, str]
Shown = Callable[[], Reply] | None
"""What to show instead; None: raise."""

_encode = msgspec.json.encode
OPEN_S, PATIENCE_S = 1.0, 1.0
"""After so long without any good answer calls with a fallback do not wait any more; one in so many seconds still tries."""


class RayceClient:
    """Use it as an async context manager, in one event loop.

    `timeout_s` bounds each call from its start to the last byte; `page_timeout_s` those that have a fallback; `connections`
    bounds the pool. `hedge_after_s`: a `GET` that takes longer is asked once more. `events` is the queue behind `track`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 10.0,
        page_timeout_s: float = 0.5,
        connections: int = 64,
        hedge_after_s: float | None = None,
        max_queued: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._transport = Transport(self.base_url, headers, connections, hedge_after_s)
        self._timeout_s = timeout_s
        self._page_timeout_s = page_timeout_s
        self._breaker = Breaker(clock, OPEN_S, PATIENCE_S)
        self._last_good = LastGood()
        self.events = EventQueue(self.post_events, now_ms, max_queued)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Sends the events that wait, within `timeout_s`, then closes the connections; used again it opens new ones."""
        await self.events.close(self._timeout_s)
        await self._transport.close()

    def track(self, event: Body) -> bool:
        """Queues an event and returns at once; False where the queue is full. It is sent in the background (`EventQueue`)."""
        return self.events.put(event)

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
        user_id: str | None = None,
        *,
        slot: str | None = None,
        limit: int | None = None,
        explain: bool | None = None,
        at_ms: int | None = None,
        session_items: Sequence[str] = (),
        exclude: Sequence[str] = (),
        categories: Sequence[str] = (),
        candidates: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        shopper: Headers | None = None,
        fallback: Sequence[str] | None = None,
        within_s: float | None = None,
    ) -> Recommendations:
        """The list for the user as of `at_ms` (default: now); contextual where consent is missing, or without a user.

        With `fallback` (item ids, maybe none) it never raises and never takes longer than `within_s`: where there is no
        good answer the last good list that was nobody's own is shown, then what was given; `served` is then `client`.
        `shopper`: headers of the shopper's own request (`rayce.forwarding.forwarded`).
        """
        more = _given(session_items=session_items, exclude=exclude, categories=categories, candidates=candidates)
        more |= {"context": context} if context else {}
        if more or user_id is None:
            wish = _given(user_id=user_id, slot=slot, limit=limit, explain=explain) | more
            method, path, body = "POST", "/v1/recommendations", wish | ({} if at_ms is None else {"at": at_ms})
        else:
            query = _query(slot=slot, limit=limit, explain=explain, at=at_ms)
            method, path, body = "GET", f"{_user(user_id)}/recommendations{query}", {}
        key = ("recommendations", slot, tuple(categories), tuple(candidates))
        allowed = [item for item in fallback or () if not candidates or item in candidates]

        def spare() -> Recommendations:
            items = self._last_good.items(key, allowed, limit, frozenset(exclude))
            return Recommendations(items, SERVED, slot=slot)

        shown = None if fallback is None else spare
        reply = await self._page(Recommendations, shown, method, path, body, shopper, within_s)
        if reply.served != SERVED:
            self._last_good.keep(key, reply.items, reply.personal)
        return reply

    async def rank(
        self,
        user_id: str | None,
        items: Sequence[str],
        *,
        slot: str | None = None,
        context: Mapping[str, Any] | None = None,
        explain: bool | None = None,
        at_ms: int | None = None,
        shopper: Headers | None = None,
        fallback: Sequence[str] | None = None,
        within_s: float | None = None,
    ) -> RankedItems:
        """The caller's own items in the best order for the user. `fallback` as in `recommendations`: mostly `items` itself."""
        body = _given(user_id=user_id, slot=slot, context=context, explain=explain, at=at_ms) | {"items": list(items)}

        def spare() -> RankedItems:
            return RankedItems([RecommendedItem(item_id) for item_id in fallback or ()], served=SERVED)

        shown = None if fallback is None else spare
        return await self._page(RankedItems, shown, "POST", "/v1/rank", body, shopper, within_s)

    async def decisions(
        self,
        slots: Sequence[str],
        user_id: str | None = None,
        *,
        context: Mapping[str, Any] | None = None,
        at_ms: int | None = None,
        shopper: Headers | None = None,
        fallback: Mapping[str, Any] | None = None,
        within_s: float | None = None,
    ) -> Decisions:
        """What each slot shows. With `fallback` (the payload by slot, maybe empty) it never raises; see `recommendations`."""
        body = _given(slots=list(slots), user_id=user_id, context=context, at=at_ms)

        def spare() -> Decisions:
            payloads = fallback or {}
            return Decisions({s: SlotDecision(payload=payloads.get(s), reason=SERVED) for s in slots}, SERVED)

        shown = None if fallback is None else spare
        return await self._page(Decisions, shown, "POST", "/v1/decisions", body, shopper, within_s)

    async def similar(
        self,
        item_id: str,
        *,
        limit: int | None = None,
        fallback: Sequence[str] | None = None,
        within_s: float | None = None,
    ) -> ItemList:
        """Items that go with this one. `fallback` as in `recommendations`."""
        path = f"/v1/items/{quote(item_id, safe='')}/similar{_query(limit=limit)}"
        return await self._list(path, ("similar", item_id), limit, fallback, within_s)

    async def trending(
        self,
        *,
        segment: str | None = None,
        country: str | None = None,
        category: str | None = None,
        limit: int | None = None,
        fallback: Sequence[str] | None = None,
        within_s: float | None = None,
    ) -> ItemList:
        """What many look at just now. `fallback` as in `recommendations`."""
        key = ("trending", segment, country, category)
        path = "/v1/trending" + _query(segment=segment, country=country, category=category, limit=limit)
        return await self._list(path, key, limit, fallback, within_s)

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
        return (await self._exchange("GET", "/metrics", self._timeout_s)).good().decode("utf-8", "replace")

    async def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether the server is ready, and what it says of its parts; not being ready is an answer, not an error."""
        answer = await self._exchange("GET", "/readyz", self._timeout_s)
        parts = anything(answer.body)
        return answer.status == 200, parts if isinstance(parts, dict) else {}

    async def _list(
        self,
        path: str,
        key: tuple[str | None, ...],
        limit: int | None,
        fallback: Sequence[str] | None,
        within_s: float | None,
    ) -> ItemList:
        def spare() -> ItemList:
            return ItemList(self._last_good.items(key, fallback or (), limit), SERVED)

        reply = await self._page(ItemList, None if fallback is None else spare, "GET", path, {}, None, within_s)
        if reply.source != SERVED:
            self._last_good.keep(key, reply.items, is_personal=False)
        return reply

    async def _page(
        self,
        kind: type[Reply],
        spare: Shown[Reply],
        method: str,
        path: str,
        body: Mapping[str, Any],
        shopper: Headers | None,
        within_s: float | None,
    ) -> Reply:
        """A call of a page: with a spare it never raises, and it does not wait for a server that has not answered for long."""
        if within_s is None:
            within_s = self._timeout_s if spare is None else self._page_timeout_s
        if spare is not None and not self._breaker.allows():
            return spare()
        headers = {**(shopper or {}), "rayce-deadline-ms": str(max(1, int(within_s * 1000)))}
        data = _encode(body) if method == "POST" else None
        try:
            return _decoded(kind, (await self._exchange(method, path, within_s, data, headers)).good())
        except RayceClientError:
            if spare is None:
                raise
            return spare()

    async def _known(self, kind: type[Reply], method: str, path: str) -> Reply | None:
        try:
            return await self._call(kind, method, path)
        except RayceHTTPError as error:
            if error.status == 404:
                return None
            raise

    async def _call(self, kind: type[Reply], method: str, path: str, body: object = None) -> Reply:
        data = None if body is None else _encode(body)
        return _decoded(kind, (await self._exchange(method, path, self._timeout_s, data)).good())

    async def _exchange(
        self, method: str, path: str, within_s: float, data: bytes | None = None, headers: Headers | None = None
    ) -> Answer:
        try:
            answer = await self._transport.exchange(method, path, within_s, data, headers)
        except RayceUnreachable:
            self._breaker.failed()
            raise
        if answer.status >= 500:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return answer


def _decoded(kind: type[Reply], body: bytes) -> Reply:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise RayceHTTPError(502, Problem(title=f"not a reply of this API: {error}")) from None


def _user(user_id: str) -> str:
    return f"/v1/users/{quote(user_id, safe='')}"


def _given(**values: Any) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in values.items() if value is not None and value != () and value != []}


def _query(**values: str | int | bool | None) -> str:
    given = {k: str(v).lower() if isinstance(v, bool) else v for k, v in values.items() if v is not None}
    return f"?{urlencode(given)}" if given else ""
