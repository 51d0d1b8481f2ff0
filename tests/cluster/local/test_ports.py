"""Ports are free, distinct, and outside the range of outgoing connections."""

import random
import socket

from cluster.local.ports import free_ports, is_free


def test_a_port_on_which_something_listens_is_not_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_ports_are_distinct_and_avoid_those_that_are_taken() -> None:
    first = free_ports(3, set(), random.Random(7))
    second = free_ports(3, set(first), random.Random(7))
    assert len({*first, *second}) == 6


def test_ports_lie_below_those_of_outgoing_connections() -> None:
    assert all(1024 < port < 32_768 for port in free_ports(50, set(), random.Random(1)))
