"""What a reply says to caches, and the answer to a caller who has it already (RFC 9110, RFC 9111, RFC 5861).

Content is of two kinds, told apart by type: `Personal` is one person's and never shared, `Cohort` is the same for everybody in
the same circumstances. Only the latter can get `public`, a `surrogate-key` or a shared time to live.
"""

from collections.abc import Collection, Iterable
from hashlib import blake2b

from msgspec import Struct

Headers = tuple[tuple[bytes, bytes], ...]
ETAG_BYTES = 12
KEPT_WITH_304 = (b"cache-control", b"etag", b"surrogate-key", b"vary", b"rayce-served")


class Personal(Struct, frozen=True):
    """One person's: the browser may keep it, but has to ask each time; nothing in between may."""


class Cohort(Struct, frozen=True):
    """Everybody's in the same circumstances: `ttl_s` fresh, `stale_s` more while a new one is fetched.

    `keys` are to purge it by, `vary` names the request headers that make circumstances differ. `shared_s` is how long what can
    be purged may keep it (None: as long as everybody), `if_error_s` how long it may be given while the edge is away.
    """

    ttl_s: int
    stale_s: int = 0
    keys: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    shared_s: int | None = None
    if_error_s: int = 0


def caching_headers(kind: Personal | Cohort, body: bytes) -> Headers:
    """`etag`, `cache-control`, and for a cohort `surrogate-key` and `vary`.

    >>> caching_headers(Cohort(60, 30, ("shop/trending",), ("rayce-cohort",)), b"{}")[1:]  # doctest: +NORMALIZE_WHITESPACE
    ((b'cache-control', b'public, max-age=60, stale-while-revalidate=30'),
     (b'surrogate-key', b'shop/trending'),
     (b'vary', b'rayce-cohort'))
    """
    if isinstance(kind, Personal):
        return (b"etag", etag_of(body)), (b"cache-control", b"private, no-cache")
    return shared_headers(kind, body)


def shared_headers(kind: Cohort, body: bytes) -> Headers:
    """Those of a cohort's reply: the only way to `public`. Anything else is a `TypeError`."""
    if not isinstance(kind, Cohort):
        raise TypeError(f"only a cohort's reply may be shared, not {type(kind).__name__}")
    parts = [f"public, max-age={kind.ttl_s}"]
    parts += [] if kind.shared_s is None else [f"s-maxage={kind.shared_s}"]
    parts += [f"stale-while-revalidate={kind.stale_s}"] if kind.stale_s else []
    parts += [f"stale-if-error={kind.if_error_s}"] if kind.if_error_s else []
    found = [(b"etag", etag_of(body)), (b"cache-control", ", ".join(parts).encode())]
    if kind.keys:
        found.append((b"surrogate-key", " ".join(kind.keys).encode()))
    if kind.vary:
        found.append((b"vary", ", ".join(kind.vary).encode()))
    return tuple(found)


def etag_of(body: bytes) -> bytes:
    """A strong validator: the same bytes have the same, other bytes another."""
    return b'"%b"' % blake2b(body, digest_size=ETAG_BYTES).hexdigest().encode()


def is_known(if_none_match: str | None, etag: bytes) -> bool:
    """Whether the caller has it already, by its `If-None-Match` (compared weakly: RFC 9110, section 13.1.2).

    >>> is_known('"a", W/"b"', b'"b"')
    True
    """
    if not if_none_match:
        return False
    if if_none_match.strip() == "*":
        return True
    wanted = etag.decode("latin-1")
    return any(part.strip().removeprefix("W/") == wanted for part in if_none_match.split(","))


def not_modified(headers: Iterable[tuple[bytes, bytes]], keep: Collection[bytes] = KEPT_WITH_304) -> Headers:
    """The headers of a 304, of those that a 200 would have had."""
    return tuple((name, value) for name, value in headers if name in keep)
