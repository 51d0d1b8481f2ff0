"""Stand-ins for the batch jobs: they say something and end, or fail where `FAKE_JOB_FAILS` names them."""

import os
import sys


def run(name: str) -> None:
    """One job."""
    print("half way", file=sys.stderr)
    if os.environ.get("FAKE_JOB_FAILS") == name:
        sys.exit("not enough baskets to learn from")
    print("generation 1 published")
