"""Membership lists: which segments keep one, for whose people. Hot memory keeps them in line with the flags it shows."""

from typing import NamedTuple


class Listing(NamedTuple):
    """The lists that are kept in line when a person's flags are written: the person's tenant, and the bits that have a list."""

    tenant: str
    bits: tuple[int, ...]
