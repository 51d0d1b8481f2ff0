"""What an API key may do. A key that a page shows to everybody gets the narrow scopes; a server's key the wide ones.

| scope | what it opens |
|---|---|
| `events` | sending events |
| `page` | what a page shows: recommendations, decisions, similar and trending items; nothing of what is known of a person |
| `consent` | saying what a person allows |
| `read` | everything that is read: profiles, segments and their members too; holds `page` |
| `write` | items, and what people allow; holds `consent` |
| `admin` | the administration of the key's own tenant |
| `operator` | the same of what all tenants share: the segment catalogue, everybody's keys; holds `admin` |
"""

from collections.abc import Iterable

EVENTS, PAGE, CONSENT, READ, WRITE = "events", "page", "consent", "read", "write"
ADMIN, OPERATOR = "admin", "operator"
_HELD = {READ: (PAGE,), WRITE: (CONSENT,), OPERATOR: (ADMIN,)}


def with_held(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes, and those that they hold.

    >>> sorted(with_held(["events", "read"]))
    ['events', 'page', 'read']
    """
    given = tuple(scopes)
    return frozenset((*given, *(held for scope in given for held in _HELD.get(scope, ()))))
