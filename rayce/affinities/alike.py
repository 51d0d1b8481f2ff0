"""Items whose catalogue entries say the same, by blocks: what `ContentIndex.near` finds for one, found for all."""

import numpy as np
from scipy import sparse

from rayce.affinities.tables import BLOCK, Table
from rayce.content_index import LEAST, ContentIndex

ALIKE = 20


def alike(index: ContentIndex, count: int = ALIKE, block: int = BLOCK) -> Table:
    """n_items × `count` items, the most alike first, with their cosine."""
    n_items = index.n_items
    found = Table.empty(n_items, count)
    by_term = sparse.csr_array((index.weights, index.items, index.starts), shape=(len(index.terms), n_items))
    by_item = by_term.T.tocsr()
    for first in range(0, n_items, block):
        pairs = by_item[first : first + block] @ by_term
        for row in range(pairs.shape[0]):
            part = slice(pairs.indptr[row], pairs.indptr[row + 1])
            others, cosine = pairs.indices[part], pairs.data[part]
            good = (cosine >= LEAST) & (others != first + row)
            found.put(first + row, others[good].astype(np.int32), np.minimum(cosine[good], np.float32(1.0)))
    return found
