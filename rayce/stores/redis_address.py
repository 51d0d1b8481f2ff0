"""Where Redis is and how it is greeted, read from a URL: the one reading of it for both of our connections."""

import ssl
from typing import NamedTuple

from redis.asyncio.connection import parse_url

Command = tuple[str | bytes | int, ...]
"""A command as sent: its name and its arguments."""


class Address(NamedTuple):
    """`path` of a Unix socket, or else host and port; `greeting` is what has to be said first."""

    path: str | None
    host: str
    port: int
    secure: bool
    greeting: tuple[Command, ...]

    def tls(self) -> ssl.SSLContext | None:
        """What secures the connection, for rediss://: the system's own authorities are trusted."""
        return ssl.create_default_context() if self.secure else None


def address_of(url: str) -> Address:
    """The address a URL names, with password and database.

    >>> address_of("redis://ada:secret@cache:7000/3")
    Address(path=None, host='cache', port=7000, secure=False, greeting=(('AUTH', 'ada', 'secret'), ('SELECT', 3)))
    """
    options = parse_url(url)
    greeting: list[Command] = []
    if options.get("password"):
        user = [options["username"]] if options.get("username") else []
        greeting.append(("AUTH", *user, options["password"]))
    if options.get("db"):
        greeting.append(("SELECT", options["db"]))
    path = options.get("path")
    secure = path is None and options.get("connection_class") is not None
    return Address(path, options.get("host", "localhost"), options.get("port", 6379), secure, tuple(greeting))
