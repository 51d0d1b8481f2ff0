"""The rules that are live, bound to the shelf and the segment catalogue that are live: bound anew when one of them changes.

Binding costs milliseconds (a hundred with hundreds of rules), so it is done once, on the thread that has loaded what changed;
who asks before it is done binds too, rather than use rules that speak of another shelf.
"""

from collections.abc import Callable
from typing import NamedTuple

from rayce.documents import RULES
from rayce.generations import LiveGenerations
from rayce.rules.bound import BoundRules
from rayce.segments.catalogue import Catalogue

SHELF = "shelf"


class _Kept(NamedTuple):
    rules: object
    shelf: object
    catalogue: Catalogue
    bound: BoundRules | None


class LiveRules:
    """Of every tenant. Cheap: ask at every request."""

    def __init__(self, live: LiveGenerations, catalogue: Callable[[], Catalogue]) -> None:
        """`live` has `document_parser(parse_rules)` for `RULES` and shelves for `SHELF`."""
        self._live = live
        self._catalogue = catalogue
        self._kept: dict[str, _Kept] = {}
        live.watch(self._prepare)

    def of(self, tenant: str) -> BoundRules | None:
        """The tenant's; None where there is no shelf yet, no rule was activated, or none is switched on."""
        rules, shelf, catalogue = self._live.get(tenant, RULES), self._live.get(tenant, SHELF), self._catalogue()
        if rules is None or shelf is None:
            return None
        kept = self._kept.get(tenant)
        if kept is None or kept.rules is not rules or kept.shelf is not shelf or kept.catalogue is not catalogue:
            bound = rules.value.bind(shelf.value, catalogue) if rules.value.rules else None
            self._kept[tenant] = kept = _Kept(rules, shelf, catalogue, bound)
        return kept.bound

    def _prepare(self, name: str) -> None:
        tenant, _, kind = name.partition("/")
        if kind in (RULES, SHELF):
            self.of(tenant)
