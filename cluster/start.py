"""`python -m cluster.start`: on the head of a running Ray cluster, start what makes it rayce: stores, stream, lake, Serve.

`cluster.yaml` runs it after `ray start --head`; running it again changes nothing that is up.
"""

import argparse
import os

import ray

from cluster.lake.actor import start_lake
from cluster.prepare import prepare_stores
from cluster.schedule.actors import schedules_of, start_scheduler
from cluster.serving import deploy, serve_config
from cluster.stream.actors import NAMESPACE, start_stream
from rayce.settings import FILE_VARIABLE, load_settings


def main() -> None:
    """Start stores' tables and topics, the streaming actors, the lake's writer, and the Serve application."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", default=os.environ.get(FILE_VARIABLE, ""), help="settings file, on every node")
    parser.add_argument("--dashboard", default="http://127.0.0.1:8265", help="Ray dashboard of the head")
    parser.add_argument("--without-serve", action="store_true", help="the stream only")
    options = parser.parse_args()
    settings = load_settings(options.settings or None)
    schedules_of(settings)
    prepare_stores(settings)
    ray.init(address="auto", namespace=NAMESPACE)
    start_stream(settings)
    start_lake(settings)
    start_scheduler(settings, options.settings, options.dashboard)
    if not options.without_serve:
        deploy(options.dashboard, serve_config(settings.edge.host, settings.edge.port, options.settings))


if __name__ == "__main__":
    main()
