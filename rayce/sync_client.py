"""The client for programs without an event loop: the same calls, each waiting for its answer. See `rayce.client`."""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rayce.async_client import RayceClient
from rayce.event_queue import Body

P = ParamSpec("P")
R = TypeVar("R")
CLOSING_S = 5.0
"""How much longer than its own deadline a call may take to say so: the loop is a thread among others."""


def _waiting(
    verb: Callable[Concatenate[RayceClient, P], Coroutine[Any, Any, R]],
) -> "Callable[Concatenate[SyncRayceClient, P], R]":
    def call(self: "SyncRayceClient", /, *args: P.args, **kwargs: P.kwargs) -> R:
        client, loop = self._running()
        return asyncio.run_coroutine_threadsafe(verb(client, *args, **kwargs), loop).result()

    call.__name__, call.__doc__ = verb.__name__, verb.__doc__
    return call


class SyncRayceClient:
    """As `RayceClient`, to be shared by all threads of a process: one event loop in a thread of its own, one pool.

    Takes what `RayceClient` takes. After a fork the child gets a loop and connections of its own when it first calls.
    """

    def __init__(self, base_url: str, api_key: str, **options: Any) -> None:
        self._make: Callable[[], RayceClient] = lambda: RayceClient(base_url, api_key, **options)
        self._make()  # a wrong option is a mistake now, not at the first call
        self._lock = threading.Lock()
        self._client: RayceClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Sends the events that wait, closes the connections and ends the thread; used again it starts anew."""
        with self._lock:
            client, loop, thread = self._client, self._loop, self._thread
            mine, self._client = self._pid == os.getpid(), None
        atexit.unregister(self.close)
        if client is None or loop is None or thread is None or not mine:
            return
        asyncio.run_coroutine_threadsafe(client.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(CLOSING_S)

    def track(self, event: Body) -> bool:
        """Queues an event and returns at once; False where the queue is full. What waits is sent when the program ends."""
        client, loop = self._running()
        if not client.events.take(client.events.stamped(event)):
            return False
        loop.call_soon_threadsafe(client.events.start)
        return True

    post_events = _waiting(RayceClient.post_events)
    segments = _waiting(RayceClient.segments)
    lookup_segments = _waiting(RayceClient.lookup_segments)
    explain = _waiting(RayceClient.explain)
    all_segments = _waiting(RayceClient.all_segments)
    segment = _waiting(RayceClient.segment)
    members = _waiting(RayceClient.members)
    profile = _waiting(RayceClient.profile)
    recommendations = _waiting(RayceClient.recommendations)
    rank = _waiting(RayceClient.rank)
    decisions = _waiting(RayceClient.decisions)
    similar = _waiting(RayceClient.similar)
    trending = _waiting(RayceClient.trending)
    put_consent = _waiting(RayceClient.put_consent)
    get_consent = _waiting(RayceClient.get_consent)
    put_items = _waiting(RayceClient.put_items)
    get_item = _waiting(RayceClient.get_item)
    metrics = _waiting(RayceClient.metrics)
    ready = _waiting(RayceClient.ready)

    def all_members(self, name: str, *, page_size: int = 1_000) -> Iterator[str]:
        """See `RayceClient.all_members`."""
        page = self.members(name, limit=page_size)
        while page is not None:
            yield from page.members
            page = self.members(name, cursor=page.next, limit=page_size) if page.next is not None else None

    def _running(self) -> tuple[RayceClient, asyncio.AbstractEventLoop]:
        """The client of this process, and the loop it runs in."""
        with self._lock:
            if self._client is None or self._loop is None or self._pid != os.getpid():
                self._client, self._pid = self._make(), os.getpid()
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="rayce-client", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            return self._client, self._loop
