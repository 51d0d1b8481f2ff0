"""An example of every call: what is sent and what comes back. They stand in `/openapi.json`, and tests send each of them."""

from typing import Any, NamedTuple


class Example(NamedTuple):
    """A call that works: the path with its ids and query, the body, and a reply (None: plain text)."""

    target: str
    body: Any = None
    reply: Any = None


_SIZE = {
    "name": "buyer",
    "bit": 1,
    "kind": "rule",
    "description": "Has bought in the last 30 days",
    "ttl_s": None,
    "listed": True,
    "size": 1042,
    "inflow_1h": 12,
    "outflow_1h": 3,
    "inflow_24h": 240,
    "outflow_24h": 75,
}
_ITEM = {
    "item_id": "p1",
    "title": "Milk",
    "categories": ["Dairy", "Milk"],
    "brand": "Alm",
    "price": 1.99,
    "available": True,
    "attributes": {"litres": 1},
}
_EVENT = {
    "event_id": "019a9f3e-5c00-7000-8000-000000000001",
    "type": "add_to_cart",
    "user_id": "ada",
    "session_id": "s1",
    "items": [{"item_id": "p1", "quantity": 2, "price": 1.99}],
    "context": {"device": "phone"},
}
_ACCEPTED = {"accepted": 1, "not_stored": 0, "errors": []}
_LIST = {
    "user_id": "ada",
    "slot": "home",
    "items": [{"item_id": "p2", "score": 0.91}, {"item_id": "p3", "score": 0.4}],
    "served": "live",
    "personal": True,
    "generations": {"lists": 12, "popular": 30, "ranker": 7, "shelf": 30},
    "decision_id": "019a9f3e-5c00-7000-8000-000000000003",
    "model": "default",
}
_DECISION = {
    "variant": "winter",
    "payload": {"image": "/winter.jpg"},
    "reason": "experiment",
    "experiment": "winter-banner",
    "arm": "b",
    "propensity": 0.5,
    "policy_id": "slots@4",
    "decision_id": "019a9f3e-5c00-7000-8000-000000000002",
}
_CONSENT = {
    "user_id": "ada",
    "personalization": True,
    "training": True,
    "marketing": False,
    "changed_ms": 1_767_225_600_000,
}
_SCORED = [{"item_id": "p2", "score": 3.2}, {"item_id": "p3", "score": 1.1}]

EXAMPLES: dict[tuple[str, str], Example] = {
    ("POST", "/v1/events"): Example("/v1/events", _EVENT, _ACCEPTED),
    ("POST", "/v1/beacon"): Example(
        "/v1/beacon",
        {"key": "browser-key", "events": [_EVENT], "timezone": "Europe/Berlin", "referrer": "www.google.com"},
        _ACCEPTED,
    ),
    ("GET", "/v1/users/{user_id}/segments"): Example(
        "/v1/users/ada/segments",
        None,
        {"user_id": "ada", "segments": ["buyer"], "bits": [1], "catalogue_version": "2026-11-20", "age_s": 0.2},
    ),
    ("POST", "/v1/segments/lookup"): Example(
        "/v1/segments/lookup",
        {"user_ids": ["ada", "nobody"]},
        {
            "users": {"ada": {"segments": ["buyer"], "bits": [1], "age_s": 0.2}, "nobody": None},
            "catalogue_version": "2026-11-20",
        },
    ),
    ("GET", "/v1/segments"): Example(
        "/v1/segments",
        None,
        {"segments": [_SIZE], "catalogue_version": "2026-11-20", "partitions_told": 4, "partitions": 4},
    ),
    ("GET", "/v1/segments/{name}"): Example(
        "/v1/segments/buyer",
        None,
        {
            **_SIZE,
            "overlaps": [{"name": "browser", "bit": 2, "users": 800, "jaccard": 0.41}],
            "catalogue_version": "2026-11-20",
            "partitions_told": 4,
            "partitions": 4,
        },
    ),
    ("GET", "/v1/segments/{name}/members"): Example(
        "/v1/segments/buyer/members?limit=100",
        None,
        {
            "name": "buyer",
            "bit": 1,
            "members": ["k1:0f3b9c52d1e84a7796c1d2e3f4a5b6c7"],
            "next": None,
            "catalogue_version": "2026-11-20",
        },
    ),
    ("GET", "/v1/users/{user_id}/profile"): Example(
        "/v1/users/ada/profile",
        None,
        {
            "user_id": "ada",
            "events": 4,
            "features": {"purchases_30d": 1.0},
            "words": {"device": "phone"},
            "session_items": ["p1"],
            "cart": {"p1": 2},
            "bought": [{"item_id": "p9", "count": 1, "first_ms": 1_767_225_600_000, "last_ms": 1_767_225_600_000}],
            "scores": {},
            "age_s": 0.2,
        },
    ),
    ("GET", "/v1/users/{user_id}/recommendations"): Example(
        "/v1/users/ada/recommendations?slot=home&limit=2", None, _LIST
    ),
    ("POST", "/v1/recommendations"): Example(
        "/v1/recommendations",
        {"user_id": "ada", "slot": "home", "limit": 2, "exclude": ["p7"], "context": {"device": "phone"}},
        _LIST,
    ),
    ("POST", "/v1/rank"): Example(
        "/v1/rank",
        {"user_id": "ada", "slot": "search", "items": ["p3", "p2", "p1"]},
        {
            "user_id": "ada",
            "slot": "search",
            "items": [{"item_id": "p2", "score": 0.91}, {"item_id": "p3", "score": 0.4}],
            "left_out": ["p1"],
            "served": "live",
            "personal": True,
            "model": "default",
        },
    ),
    ("POST", "/v1/decisions"): Example(
        "/v1/decisions",
        {"user_id": "ada", "slots": ["banner"], "context": {"page_type": "home"}},
        {"user_id": "ada", "decisions": {"banner": _DECISION}, "served": "live", "personal": True},
    ),
    ("GET", "/v1/users/{user_id}/consent"): Example("/v1/users/ada/consent", None, _CONSENT),
    ("PUT", "/v1/users/{user_id}/consent"): Example(
        "/v1/users/ada/consent", {"personalization": True, "training": True, "marketing": False}, _CONSENT
    ),
    ("PUT", "/v1/items"): Example("/v1/items", [_ITEM], {"stored": 1, "errors": []}),
    ("GET", "/v1/items"): Example("/v1/items?ids=p1", None, {"items": [_ITEM]}),
    ("PUT", "/v1/items/{item_id}"): Example(
        "/v1/items/p1", {name: value for name, value in _ITEM.items() if name != "item_id"}, _ITEM
    ),
    ("GET", "/v1/items/{item_id}"): Example("/v1/items/p1", None, _ITEM),
    ("DELETE", "/v1/items/{item_id}"): Example("/v1/items/p1", None, {**_ITEM, "available": False}),
    ("GET", "/v1/items/{item_id}/similar"): Example(
        "/v1/items/p1/similar?limit=2", None, {"item_id": "p1", "items": _SCORED, "source": "neighbours"}
    ),
    ("GET", "/v1/affinities"): Example(
        "/v1/affinities?category=dairy-0&limit=2",
        None,
        {"of": "category", "name": "dairy-0", "near": [{"name": "bakery-0", "score": 0.5}]},
    ),
    ("GET", "/v1/trending"): Example(
        "/v1/trending?limit=2", None, {"items": _SCORED, "of": "everybody", "category": ""}
    ),
    ("GET", "/v1/cohort"): Example("/v1/cohort", None, {"cohort": "v1", "served": "live", "personal": False}),
    ("GET", "/v1/users/{user_id}/cohort"): Example(
        "/v1/users/ada/cohort", None, {"cohort": "v1", "served": "live", "personal": True}
    ),
    ("GET", "/v1/cohorts/{cohort}/recommendations"): Example(
        "/v1/cohorts/v1/recommendations?slot=home&limit=2",
        None,
        {"slot": "home", "items": _SCORED, "served": "global", "generations": {"popular": 30, "shelf": 30}},
    ),
    ("GET", "/v1/cohorts/{cohort}/decisions"): Example(
        "/v1/cohorts/v1/decisions?slots=banner",
        None,
        {
            "decisions": {
                "banner": {
                    "variant": "winter",
                    "payload": {"image": "/w.jpg"},
                    "reason": "rule",
                    "policy_id": "slots@4",
                }
            }
        },
    ),
    ("GET", "/healthz"): Example("/healthz"),
    ("GET", "/readyz"): Example(
        "/readyz",
        None,
        {
            "status": "ready",
            "away": [],
            "stores": {"redis": "up", "dynamodb": "up", "kafka": "up"},
        },
    ),
    ("GET", "/metrics"): Example("/metrics"),
}
"""By method and path of the route."""
