"""Kinds of requests, as the door tells them apart by method and path: what they are due, and whose replies are alike."""

from typing import Final

from deployments.edge.capacity import Lane
from deployments.edge.priorities import BULK, INTERACTIVE, PREFETCH

ALWAYS: Final = frozenset(("/healthz", "/readyz", "/metrics", "/-/healthz", "/-/routes", "/rayce.js"))
"""Always let in: whoever looks after an overloaded replica has to see it, and a page loads its script once."""

BULK_ROUTES: Final = (("POST", "/v1/segments/lookup"), ("PUT", "/v1/items"))
"""Programs send these, not pages."""
HOT_ROUTES: Final = ("/v1/events", "/v1/recommendations", "/v1/decisions", "/v1/rank", "/v1/trending")
BEACON = "/v1/beacon"
"""Its key is in the body, where the door does not look."""
USERS = "/v1/users/"
HOT_TAILS: Final = ("segments", "recommendations", "profile", "consent")


class Lanes:
    """The lanes of one replica: a closed set, whatever is asked."""

    def __init__(self) -> None:
        self._exact = {path: Lane(INTERACTIVE) for path in HOT_ROUTES}
        self._exact[BEACON] = Lane(INTERACTIVE, keyless=PREFETCH)
        self._bulk = {route: Lane(BULK) for route in BULK_ROUTES}
        self._bulk_paths = frozenset(path for _method, path in BULK_ROUTES)
        self._users = {tail: Lane(INTERACTIVE) for tail in HOT_TAILS}
        self._reads, self._writes = Lane(INTERACTIVE), Lane(INTERACTIVE)
        self.all = (*self._exact.values(), *self._bulk.values(), *self._users.values(), self._reads, self._writes)

    def of(self, method: str, path: str) -> Lane:
        """The lane of a request."""
        if path.startswith(USERS) and method == "GET":
            lane = self._users.get(path[path.rfind("/") + 1 :])
        else:
            lane = self._exact.get(path)
            if lane is None and path in self._bulk_paths:
                lane = self._bulk.get((method, path))
        if lane is not None:
            return lane
        return self._reads if method == "GET" else self._writes
