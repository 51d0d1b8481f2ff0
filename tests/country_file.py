"""Writes a small MaxMind database (format 2.0, records of 32 bits, IPv6 tree): maxminddb only reads them."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
V4_BITS = 96
UINT16, UINT32, UINT64 = 5, 6, 9
WIDER = {"node_count": UINT32, "build_epoch": UINT64}
"""Numbers of the metadata that are not of 16 bits: readers are strict about it."""
Node = list[Any]


def write_country_file(path: Path, countries: Mapping[str, Mapping[str, Any]]) -> Path:
    """A file of networks ("203.0.113.0/24", "2001:db8::/32") and their records. Networks must not overlap."""
    data, places = bytearray(), {}
    for network, record in countries.items():
        places[network] = len(data)
        data += _encode(record)
    root: Node = [None, None]
    for network, place in places.items():
        _insert(root, network, place)
    nodes = _numbered(root)
    number = {id(node): i for i, node in enumerate(nodes)}
    tree = b"".join(_pointer(side, number, len(nodes)).to_bytes(4, "big") for node in nodes for side in node)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_767_225_600,
        "database_type": "test-country",
        "description": {"en": "a test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 32,
    }
    path.write_bytes(tree + bytes(16) + bytes(data) + MARKER + _encode(metadata))
    return path


def _insert(root: Node, text: str, place: int) -> None:
    network = ip_network(text)
    lead = V4_BITS if isinstance(network, IPv4Network) else 0
    bits = [0] * lead + [int(bit) for bit in f"{int(network.network_address):0{network.max_prefixlen}b}"]
    node = root
    for bit in bits[: lead + network.prefixlen - 1]:
        if node[bit] is None:
            node[bit] = [None, None]
        node = node[bit]
    node[bits[lead + network.prefixlen - 1]] = place


def _numbered(root: Node) -> list[Node]:
    found = [root]
    for node in found:
        found.extend(side for side in node if isinstance(side, list))
    return found


def _pointer(side: Any, number: Mapping[int, int], count: int) -> int:
    """To another node, to nothing, or into the data (after the separator of 16 bytes)."""
    if side is None:
        return count
    return number[id(side)] if isinstance(side, list) else count + 16 + side


def _encode(value: Any, integer: int = UINT16) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, int):
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return _control(integer, len(raw)) + raw
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    return _control(7, len(value)) + b"".join(
        _encode(name) + _encode(below, WIDER.get(name, UINT16)) for name, below in value.items()
    )


def _control(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
