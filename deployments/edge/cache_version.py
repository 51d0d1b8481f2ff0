"""A short name of all that cohorts' replies are made from: caches that cannot be purged take it into their keys.

Who asks for a cohort is told the version of the replica that answers; who then asks for content says it again. A replica that
has not loaded the same yet answers too, but for this one request: nothing old is kept under the new version.
"""

from hashlib import blake2b

from deployments.edge.edge import Edge
from deployments.edge.shelf_calls import POPULAR
from rayce.documents import RULES, SLOTS
from rayce.item_words import SHELF

VERSION_HEADER = b"rayce-cache-version"
PURGE = "purge"
"""Kind of generation that says nothing but its number: another one, and all that is kept is out of date."""
KINDS = (SHELF, POPULAR, RULES, SLOTS, PURGE)
"""Generations that cohorts' replies depend on; the segment catalogue too."""
_BYTES = 6


def cache_version(edge: Edge, tenant: str) -> str:
    """Of a tenant, as this replica has it. Numbers of generations are the same on all replicas that have loaded them.

    Like `edge.live.numbers`, made anew each time: some dictionary look-ups and one hash.
    """
    found = [loaded.number if (loaded := edge.live.get(tenant, kind)) else 0 for kind in KINDS]
    shelf = edge.live.get(tenant, SHELF)
    text = f"{tenant} {found} {edge.catalogue.version} {shelf.value.edition if shelf else 0}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=_BYTES).hexdigest()
