"""Tells a Varnish server to forget: one `BAN` request with the keys in headers (`examples/cdn/varnish.vcl` understands it)."""

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

WITHIN_S = 2.0
MAX_LINE_BYTES = 4_096


async def ban(url: str, tenant: str, keys: Sequence[str]) -> str:
    """Why it failed, or "". What has all of these is forgotten: the key `tenant` (unless ""), and one of `keys` (unless none).

    Keys are hashes: see `deployments.edge.surrogate_keys`. Never raises, takes at most `WITHIN_S`.
    """
    try:
        async with asyncio.timeout(WITHIN_S):
            status = await _sent(url, tenant, keys)
    except TimeoutError:
        return f"no answer within {WITHIN_S} s"
    except (OSError, ValueError) as error:
        return str(error) or type(error).__name__
    words = status.split()
    return "" if len(words) > 1 and words[1].startswith(b"2") else f"it answered {status[:64]!r}"


async def _sent(url: str, tenant: str, keys: Sequence[str]) -> bytes:
    """The first line of the answer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no http:// or https:// address")
    tls = parts.scheme == "https"
    lines = [f"BAN {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close", "Content-Length: 0"]
    lines += [f"rayce-tenant: {tenant}"] if tenant else []
    lines += [f"rayce-purge: {' '.join(keys)}"] if keys else []
    port = parts.port or (443 if tls else 80)
    context = ssl.create_default_context() if tls else None
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context, limit=MAX_LINE_BYTES)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        return await reader.readline()
    finally:
        writer.transport.abort()
