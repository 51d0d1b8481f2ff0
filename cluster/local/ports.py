"""Free loopback ports.

They are taken below the range from which the system serves outgoing connections (32768 and up on Linux). A server that
is killed and started again must find its port free; from the outgoing range a reconnecting client could be given it,
or even connect to itself.
"""

import random
import socket

_LOWEST, _HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int, taken: set[int], rng: random.Random) -> tuple[int, ...]:
    """Free ports that are not in `taken`. Nothing reserves them: start the server soon."""
    found: list[int] = []
    for _ in range(1_000):
        if len(found) == count:
            return tuple(found)
        port = rng.randint(_LOWEST, _HIGHEST)
        if port not in taken and port not in found and is_free(port):
            found.append(port)
    raise OSError(f"no free loopback port between {_LOWEST} and {_HIGHEST}")
