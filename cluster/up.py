"""`python -m cluster.up`: bring up all of rayce on this machine and stay until told to stop (SIGTERM, Ctrl-C)."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from cluster.local_cluster import LocalCluster

EXAMPLE_SHOP = "http://127.0.0.1:8800"
"""Where `python -m examples.shop` serves its pages."""


def main() -> int:
    """Up, one line of JSON on standard output, wait, down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(".rayce"), help="folder of everything that is kept")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--embedded", action="store_true", help="stand-ins from Python wheels instead of Java servers")
    kind.add_argument("--real", action="store_true", help="the real servers or nothing")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input closes, too")
    parser.add_argument(
        "--page-origin",
        action="append",
        metavar="ORIGIN",
        help="origin whose pages may call the API from the browser; default: that of the example shop",
    )
    options = parser.parse_args()
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    if options.with_parent:
        threading.Thread(target=_wait_for_parent, args=(stop,), daemon=True).start()
    mode = "embedded" if options.embedded else "real" if options.real else "auto"
    with LocalCluster(
        options.root,
        mode=mode,
        overrides={"edge": {"cors_origins": options.page_origin or [EXAMPLE_SHOP]}},
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    ) as cluster:
        print(json.dumps(cluster.describe()), flush=True)
        stop.wait()
    return 0


def _wait_for_parent(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
