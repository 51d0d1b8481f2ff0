"""What the planted shop's lists are measured against: ALS of the `implicit` package, as a program of its own, on one core.

It is fitted first, beside other stages; then it waits for a line on standard input, and ranks all products for the people in
`asked.npy` while nothing else is at work. Leaves `implicit.npy`, people × length; the last line is JSON.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.batch_columns import load_columns
from benchmarks.program import say

FACTORS, ITERATIONS = 64, 3
AT_ONCE = 1_000
"""People that are asked for at once."""
ASKED, FOUND, FITTED = "asked.npy", "implicit.npy", "implicit.fitted"


def main() -> int:
    """`batch_implicit FOLDER ITEMS LENGTH`."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    folder, items, length = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    columns = load_columns(folder)
    shape = (int(columns.person.max()) + 1, items)
    rows = sparse.csr_matrix((columns.weight, (columns.person, columns.item)), shape=shape, dtype=np.float32)
    del columns
    rows.sum_duplicates()
    model = AlternatingLeastSquares(FACTORS, iterations=ITERATIONS, num_threads=1, random_state=0)
    with threadpool_limits(limits=1):
        before_s = time.process_time()
        model.fit(rows, show_progress=False)
        fitted_s = time.process_time() - before_s
        (folder / FITTED).touch()
        if not sys.stdin.readline():  # whoever started it has ended
            return 1
        asked, found = np.load(folder / ASKED), []
        before_s = time.process_time()
        for first in range(0, len(asked), AT_ONCE):
            some = asked[first : first + AT_ONCE]
            found.append(model.recommend(some, rows[some], N=length, filter_already_liked_items=False)[0])
        took_s = time.process_time() - before_s
    np.save(folder / FOUND, np.concatenate(found))
    say(f"implicit: fit {fitted_s:.0f} CPU s, {len(asked) / took_s:,.0f} users a CPU second")
    print(json.dumps({"users_per_cpu_s": len(asked) / took_s, "fit_s": round(fitted_s, 1)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
