"""Which texts of a column are pseudonyms: as `rayce.event.Person` says, at a tenth of a regular expression's cost."""

import re

import numpy as np
import pyarrow as pa

from rayce.lake.records import Mask

PATTERN = re.compile("^[^:]+:[0-9a-f]{32}$")
_DIGEST = 32
_HEX = np.zeros(256, bool)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = True
_COLON = ord(":")


def are_pseudonyms(texts: pa.StringArray) -> Mask:
    """By row. What the fast look at the bytes refuses is asked again, with the expression itself."""
    count = len(texts)
    _validity, bounds, data = texts.buffers()
    if data is None or not data.size:
        return np.zeros(count, bool)
    ends = np.frombuffer(bounds, np.int32)[texts.offset : texts.offset + count + 1].astype(np.int64)
    octets = np.frombuffer(data, np.uint8)
    starts, ends = ends[:-1], ends[1:]
    long_enough = ends - starts > _DIGEST + 1
    last = np.where(long_enough, ends, _DIGEST + 1)[:, None] + np.arange(-_DIGEST - 1, 0)
    tail = octets[np.minimum(last, len(octets) - 1)]
    colons = np.concatenate([np.zeros(1, np.int64), np.cumsum(octets == _COLON)])
    good: Mask = (
        long_enough & (tail[:, 0] == _COLON) & _HEX[tail[:, 1:]].all(axis=1) & (colons[ends] - colons[starts] == 1)
    )
    for index in np.flatnonzero(~good):
        good[index] = PATTERN.search(texts[int(index)].as_py() or "") is not None
    return good
